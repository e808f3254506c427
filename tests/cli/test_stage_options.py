"""Options of stages, and roots of toolchains, from the manifest to the published chain."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sealift.testing.oci import OciImages, layer, shell_layer
from sealift.testing.projects import Maintainer, tide_manifest

PROGRAMS = ("sh", "tar", "gzip", "mkdir", "cat", "cp", "grep", "ls", "find")
RUN = """\
run = [
    'test "$COLOUR" = "deep blue"',
    "mkdir -p $SEALIFT_OUT/usr",
    "cp words $SEALIFT_OUT/usr",
]"""
MORE = """\
outputs.tree = "usr/**"
folder = "native"
memory = "512 MiB"
environment = { COLOUR = "deep blue" }"""
OPTIONS = (
    ('inputs = ["source"]', 'inputs = [{ from = "source", only = ["native/**"] }]'),
    ('run = "./build.sh"', RUN),
    ('outputs.tree = "usr/**"', MORE),
    ('inputs = ["compile"]', 'inputs = [{ from = "compile", only = ["usr/w*"] }]'),
    (
        'run = \'"$SEALIFT_INPUTS/compile/usr/bin/tide" | grep -qx "high water"\'',
        "run = 'grep -qx \"high water\" $SEALIFT_INPUTS/compile/usr/words'",
    ),
)


def with_words(maintainer: Maintainer, words: str = "high water") -> None:
    maintainer.checkout.write("native/words", f"{words}\n")


def states(maintainer: Maintainer) -> dict[str, str]:
    """Build everything, and return what became of each stage."""
    document: Any = maintainer.run("build", "--json").data()
    return {stage["name"]: stage["state"] for stage in document["stages"]}


def require_chain(maintainer: Maintainer, user: Path) -> list[str]:
    """Get the release as a stranger who trusts the root alone; return the chain's titles."""
    root = maintainer.run("keys", "show", "--json").data()["root_sha256"]
    user.mkdir()
    home = str(user / "home")
    got = maintainer.use(
        *("get", "tide", "--from", f"file://{maintainer.site}/current", "--into", str(user)),
        *("--root-sha256", root),
        SEALIFT_HOME=home,
    )
    assert got.exit_code == 0, got.stderr
    (file,) = user.glob("*.tar.gz")
    data = maintainer.use("verify", str(file), "--json", SEALIFT_HOME=home).data()
    return [link["title"] for link in data["links"]]


@pytest.fixture(scope="session")
def shell_root(tmp_path_factory: pytest.TempPathFactory) -> tuple[OciImages, str]:
    """Return an image of this machine's shell and a few programs, and its digest."""
    images = OciImages(tmp_path_factory.mktemp("images") / "base")
    listing = subprocess.run(
        ["/usr/bin/ldd", *(f"/usr/bin/{name}" for name in PROGRAMS)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    libraries = {Path(found) for found in re.findall(r"(/\S+\.so\S*) \(0x", listing)}
    shell = shell_layer(PROGRAMS, sorted(libraries))
    image = images.image([shell, layer({"usr/share/colour": b"green\n"}, executable=False)])
    return images, str(image)


def pinned_manifest(shell_root: tuple[OciImages, str]) -> str:
    images, image = shell_root
    root = f'\n[toolchains.small]\nroot = "oci:{images.folder}@{image}"\n'
    return tide_manifest(
        *OPTIONS,
        ("[stages.compile]", '[stages.compile]\ntoolchain = "small"'),
        ("[stages.check]", '[stages.check]\ntoolchain = "small"'),
        ("cp words $SEALIFT_OUT/usr", "cp words /usr/share/colour $SEALIFT_OUT/usr"),
        more=root,
    )


def test_release_with_every_option_passes_the_gate_and_its_chain_verifies(
    maintainer: Maintainer, tmp_path: Path
) -> None:
    with_words(maintainer)
    maintainer.keep(tide_manifest(*OPTIONS))
    maintainer.tag("v1.0.0")
    ran = maintainer.run("release", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.data()["gate"]["outcome"] == "pass"
    titles = require_chain(maintainer, tmp_path / "user")
    assert "select compile.source" in titles
    assert "source tree" in titles


def test_change_outside_of_a_narrowed_input_runs_nothing_again(maintainer: Maintainer) -> None:
    with_words(maintainer)
    maintainer.keep(tide_manifest(*OPTIONS))
    assert states(maintainer)["compile"] == "built"
    maintainer.checkout.write("README", "Other words.\n")
    maintainer.keep()
    after = states(maintainer)
    assert (after["compile"], after["check"]) == ("cached", "cached")
    with_words(maintainer, "low water\nhigh water")
    maintainer.keep()
    assert states(maintainer)["compile"] == "built"


def test_release_in_a_pinned_root_sees_that_root_and_needs_no_mirror(
    maintainer: Maintainer, tmp_path: Path, shell_root: tuple[OciImages, str]
) -> None:
    with_words(maintainer)
    maintainer.keep(pinned_manifest(shell_root))
    locked = maintainer.run("lock", "--json").data()
    maintainer.keep()
    maintainer.tag("v1.0.0")
    images = shell_root[0].folder
    hidden = images.rename(images.with_name("gone"))
    try:
        ran = maintainer.run("release", "--json")
    finally:
        hidden.rename(images)
    assert ran.exit_code == 0, ran.stderr
    require_chain(maintainer, tmp_path / "user")
    (root,) = locked["toolchains"]
    page = (maintainer.site / "current/releases/1.0.0/index.html").read_text()
    assert root["digest"].removeprefix("sha256:") in page
    assert "pinned by its digest" in page
    assert "not hermetic" not in page
    explained = maintainer.run("config", "explain", "toolchains.small").stdout
    assert root["digest"][:40] in explained
    assert "sealift.lock:" in explained


def test_lost_root_is_refused_and_locking_brings_the_same_one_back(
    maintainer: Maintainer, shell_root: tuple[OciImages, str]
) -> None:
    with_words(maintainer)
    maintainer.keep(pinned_manifest(shell_root))
    refusal = maintainer.refused("plan", "--snapshot", exit_code=2)
    assert refusal.fact == "the root of toolchain `small` is not locked"
    digest = maintainer.run("lock", "--json").data()["toolchains"][0]["digest"]
    text = (maintainer.folder / "sealift.lock").read_text()
    name = digest.removeprefix("sha256:")
    (maintainer.home / "store/blobs/sha256" / name[:2] / name).unlink()
    maintainer.keep()
    refusal = maintainer.refused("build", exit_code=5)
    assert refusal.fact == "the root of toolchain `small` is not in the store"
    assert refusal.hint == "sealift lock"
    assert maintainer.run("lock").exit_code == 0
    assert (maintainer.folder / "sealift.lock").read_text() == text
    assert states(maintainer)["compile"] == "built"


def test_program_that_the_root_lacks_is_told_before_anything_runs(
    maintainer: Maintainer, shell_root: tuple[OciImages, str]
) -> None:
    with_words(maintainer)
    maintainer.keep(pinned_manifest(shell_root).replace("cp words", "gcc words"))
    assert maintainer.run("lock").exit_code == 0
    refusal = maintainer.refused("build", exit_code=2)
    assert "`gcc` is not part of toolchain `small`" in refusal.fact


def test_config_explain_names_line_default_and_tag(maintainer: Maintainer) -> None:
    with_words(maintainer)
    maintainer.keep(tide_manifest(*OPTIONS))
    maintainer.tag("v1.0.0")
    found = {
        one["key"]: (one["value"], one["origin"], one["place"])
        for one in json.loads(maintainer.run("config", "explain", "--json").stdout)
    }
    assert found["project.name"] == ("tide", "manifest", "sealift.toml:2:1")
    assert found["project.version"] == ("1.0.0", "tag", "v1.0.0")
    assert found["stages.compile.memory"][:2] == ("512 MiB", "manifest")
    assert found["stages.compile.environment.COLOUR"][:2] == ("deep blue", "manifest")
    assert found["stages.check.timeout"][:2] == ("3600 seconds", "default")
    assert found["gate.policy"][:2] == ("starter", "default")
    assert found["toolchains.host.fingerprint"][1] == "machine"
    only = maintainer.run("config", "explain", "stages.check").stdout.splitlines()
    assert only
    assert all(line.startswith("stages.check.") for line in only)


def test_config_explain_of_an_unknown_key_is_refused(maintainer: Maintainer) -> None:
    with_words(maintainer)
    maintainer.keep(tide_manifest(*OPTIONS))
    refusal = maintainer.refused("config", "explain", "stages.chek", "--snapshot", exit_code=2)
    assert refusal.fact == "no value in force is called `stages.chek`"
    assert refusal.hint == "sealift config explain"


def test_config_explain_without_a_manifest_says_detection(newcomer: Maintainer) -> None:
    newcomer.checkout.write("configure", "#!/bin/sh\nPACKAGE_TARNAME='tide'\n", executable=True)
    newcomer.keep()
    ran = newcomer.run("config", "explain", "project.name", "--snapshot")
    assert ran.stdout.split()[:3] == ["project.name", "tide", "detection"]


@pytest.mark.clients
def test_deb_that_was_built_in_a_debian_root_depends_on_what_that_root_has(
    maintainer: Maintainer, tmp_path: Path
) -> None:
    """Ask apt's own sources for a root; the machine's compiler is not used."""
    root = """
[toolchains.debian]
root = "debian:bookworm"
packages = ["gcc", "libc6-dev", "dpkg-dev"]

[packages.deb]
from = "compile"
"""
    maintainer.keep(
        tide_manifest(
            ("[stages.compile]", '[stages.compile]\ntoolchain = "debian"'),
            ("[stages.check]", '[stages.check]\ntoolchain = "debian"'),
            more=root,
        )
    )
    locked = maintainer.run("lock", "--json").data()
    assert locked["toolchains"][0]["installed"]
    maintainer.keep()
    maintainer.tag("v1.0.0")
    ran = maintainer.run("release", "--json")
    assert ran.exit_code == 0, ran.stderr
    require_chain(maintainer, tmp_path / "user")
    (deb,) = (maintainer.site / "current/releases/1.0.0").glob("*.deb")
    depends = subprocess.run(
        ["/usr/bin/dpkg-deb", "--field", str(deb), "Depends"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert depends.startswith("libc6 (>= ")
    (pinned,) = (one for one in locked["toolchains"][0]["installed"] if one.startswith("libc6:"))
    (bill,) = (maintainer.site / "current/releases/1.0.0").glob("*.deb.cdx.json")
    versions = {
        one["name"]: one.get("version") for one in json.loads(bill.read_text())["components"]
    }
    assert versions["libc6"] == pinned.partition("=")[2]
    doctor = maintainer.run("doctor").stdout
    assert "every file is as locked" in doctor
