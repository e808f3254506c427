"""A stranger rebuilds a release from its provenance, and signs what came out."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from sealift.base.specs.bundle import parse_bundle
from sealift.base.specs.signatures import verify_signature
from sealift.testing.checkout import Checkout
from sealift.testing.projects import (
    OPENING_WORDS,
    Maintainer,
    Ran,
    RunSealift,
    Workshop,
    tide_manifest,
)

ARCHIVE = "tide-1.0.0-linux-amd64.tar.gz"


def run_tool(folder: Path, *command: str) -> str:
    """Run a stock tool with nothing of the caller's environment but its path."""
    program = shutil.which(command[0])
    assert program is not None
    ran = subprocess.run(
        (program, *command[1:]),
        check=True,
        capture_output=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    return ran.stdout.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Somebody with a home, a clone and a downloaded release of their own."""

    maintainer: Maintainer
    folder: Path

    @property
    def archive(self) -> Path:
        return self.folder / ARCHIVE

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    def run(self, *arguments: str) -> Ran:
        return self.maintainer.use(*arguments, SEALIFT_HOME=str(self.folder / "home"))

    def rebuild(self, *arguments: str, reference: str = "") -> Ran:
        source = () if "--source" in arguments else ("--source", str(self.clone))
        return self.run("rebuild", reference or str(self.archive), *source, *arguments)

    def make_key(self, curve: str = "prime256v1") -> Path:
        path = self.folder / "rebuilder.pem"
        options = ("-name", curve, "-genkey", "-noout", "-out", str(path))
        run_tool(self.folder, "openssl", "ecparam", *options)
        path.chmod(0o600)
        return path


@pytest.fixture
def stranger(released: Maintainer, tmp_path: Path) -> Stranger:
    made = Stranger(maintainer=released, folder=tmp_path)
    run_tool(tmp_path, "git", "clone", "--quiet", str(released.folder), str(made.clone))
    got = made.run(
        *("get", "tide", "--from", (released.site / "current").resolve().as_uri()),
        *("--into", str(tmp_path)),
    )
    assert got.exit_code == 0, got.stderr
    return made


def test_stranger_makes_the_same_bytes_from_the_provenance_alone(stranger: Stranger) -> None:
    said = stranger.rebuild()
    assert said.exit_code == 0, said.stderr
    assert said.stdout.startswith(f"identical  {ARCHIVE}  sha256:")
    assert "here: the same" in said.stderr

    verdict = stranger.rebuild("--json", reference="tide@1.0.0").data()
    assert verdict["format"] == "sealift-rebuild-v1"
    assert verdict["outcome"] == "identical"
    stages = [action["stage"] for action in verdict["actions"]]
    assert stages.index("source") < stages.index("compile") < stages.index("package-tar")
    assert {action["outcome"] for action in verdict["actions"]} == {"identical"}
    assert all(action["published"] == action["rebuilt"] for action in verdict["actions"])


def test_signed_verdict_can_be_checked_with_the_rebuilder_s_public_key(stranger: Stranger) -> None:
    key = stranger.make_key()
    output = stranger.folder / "verdict.json"
    said = stranger.rebuild("--key", str(key), "--output", str(output))
    assert said.exit_code == 0, said.stderr
    verdict = json.loads(output.read_bytes())
    bundle = parse_bundle((stranger.folder / "verdict.json.rebuild.sigstore.json").read_bytes())
    public = run_tool(stranger.folder, "openssl", "ec", "-in", str(key), "-pubout")
    verify_signature(
        key_pem=public,
        scheme="ecdsa-p256-sha256",
        payload=bundle.signed_bytes,
        signature=bundle.signature,
    )
    statement = bundle.statement()
    assert statement.predicate_type == "urn:sealift:rebuild:v1"
    assert dict(statement.predicate) == verdict
    assert [(item.name, str(item.digest)) for item in statement.subjects] == [
        (file["name"], file["published"]) for file in verdict["files"]
    ]


@pytest.mark.parametrize("flaw", ["curve", "mode", "text", "absent"])
def test_key_that_cannot_sign_is_refused_before_anything_runs(
    stranger: Stranger, flaw: str
) -> None:
    key = stranger.make_key("secp384r1" if flaw == "curve" else "prime256v1")
    if flaw == "mode":
        key.chmod(0o644)
    elif flaw == "text":
        key.write_text("no key\n")
    elif flaw == "absent":
        key.unlink()
    refused = stranger.rebuild("--key", str(key))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "hint: " in refused.stderr
    assert "compile" not in refused.stderr


def test_source_that_is_not_the_commit_gives_a_verdict_and_never_a_pass(
    stranger: Stranger,
) -> None:
    other = stranger.folder / "other.tar"
    run_tool(stranger.clone, "git", "archive", "--prefix=tide/", f"--output={other}", "HEAD")
    assert stranger.rebuild("--source", str(other)).exit_code == 0
    run_tool(stranger.folder, "tar", "-xf", str(other))
    program = stranger.folder / "tide" / "tide.c"
    program.write_text(program.read_text().replace("high water", "high wader"))
    run_tool(stranger.folder, "tar", "-cf", str(other), "tide")
    said = stranger.rebuild("--source", str(other), "--json")
    verdict = said.data()
    assert said.exit_code == 4
    source = next(action for action in verdict["actions"] if action["kind"] == "source")
    assert source["outcome"] == "different"
    assert verdict["outcome"] == "different"
    assert "/usr/bin/tide`, at offset " in verdict["files"][0]["reason"]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("tide", "neither a file nor NAME@VERSION"),
        ("tide@9.9.9", "not kept on this machine"),
        ("kite@1.0.0", "not pinned"),
    ],
)
def test_reference_to_nothing_known_is_refused(
    stranger: Stranger, reference: str, words: str
) -> None:
    refused = stranger.rebuild(reference=reference)
    assert refused.exit_code == 2
    assert words in refused.stderr


def test_changed_file_and_checkout_without_the_commit_are_refused(
    stranger: Stranger, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    run_tool(tmp_path, "git", "init", "--quiet", str(bare))
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    run_tool(bare, "git", *who, "commit", "--quiet", "--allow-empty", "--message=x")
    refused = stranger.rebuild("--source", str(bare))
    assert (refused.exit_code, "does not have commit" in refused.stderr) == (2, True)
    stranger.archive.write_bytes(stranger.archive.read_bytes() + b"!")
    assert stranger.rebuild().exit_code == 4


def test_release_with_a_narrowed_input_and_a_deb_is_rebuilt_whole(
    maintainer: Maintainer, tmp_path: Path
) -> None:
    bundle = """
[stages.bundle]
inputs = [{ from = "compile", only = ["usr/bin/**"] }]
run = 'mkdir $SEALIFT_OUT/usr; cp -r "$SEALIFT_INPUTS/compile/usr/bin" $SEALIFT_OUT/usr'
outputs.tree = "usr/**"

[packages.deb]
from = "bundle"
"""
    maintainer.keep(tide_manifest(more=bundle))
    maintainer.tag("v1.0.0")
    ran = maintainer.run("release")
    assert ran.exit_code == 0, ran.stderr
    stranger = Stranger(maintainer=maintainer, folder=tmp_path / "stranger")
    stranger.folder.mkdir()
    site = (maintainer.site / "current").resolve().as_uri()
    got = stranger.run("get", "tide", "--from", site, "--into", str(stranger.folder))
    assert got.exit_code == 0, got.stderr
    ran = stranger.rebuild("--json", "--source", str(maintainer.folder), reference="tide@1.0.0")
    assert ran.exit_code == 0, ran.stdout
    verdict = ran.data()
    assert [file["outcome"] for file in verdict["files"]] == ["identical", "identical"]
    kinds = {action["stage"]: action["kind"] for action in verdict["actions"]}
    assert kinds["bundle.compile"] == "select"
    assert kinds["tool-nfpm"] == "fetch"


PYPROJECT = """\
[build-system]
requires = ["hatchling==1.27.0"]
build-backend = "hatchling.build"

[project]
name = "pebble"
version = "0.3.0"
description = "A small stone."
license = "MIT"
requires-python = ">=3.9"
"""


@pytest.mark.clients
def test_wheel_and_sdist_are_rebuilt_with_downloads_that_the_provenance_pins(
    tmp_path: Path, workshop: Workshop, run_sealift: RunSealift
) -> None:
    checkout = Checkout.create(tmp_path / "pebble")
    checkout.write("pyproject.toml", PYPROJECT)
    checkout.write("src/pebble/__init__.py", '"""A small stone."""\n\nWEIGHT_G = 12\n')
    test = "import pebble\n\n\ndef test_weight():\n    assert pebble.WEIGHT_G == 12\n"
    checkout.write("tests/test_pebble.py", test)
    checkout.commit()
    checkout.run(
        *("-c", "gpg.format=ssh", "-c", f"user.signingkey={workshop.signing_key}", "tag"),
        *("--sign", "v0.3.0", "--message", "v0.3.0"),
    )
    (tmp_path / "passphrase").write_text(OPENING_WORDS)
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}

    def run(home: str, *arguments: str) -> Ran:
        variables = {
            "HOME": str(tmp_path),
            "SEALIFT_HOME": str(tmp_path / home),
            "SEALIFT_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
            **pip,
        }
        ran = run_sealift(arguments, variables)
        assert ran.exit_code == 0, ran.stderr
        return ran

    here = ("-C", str(checkout.folder))
    run("ours", "keys", "init", "--trust-signer", f"{workshop.signing_key}.pub", *here)
    run("ours", "release", *here)
    site = (tmp_path / "ours" / "site" / "pebble" / "current").resolve().as_uri()
    run("theirs", "get", "pebble", "--from", site, "--file", "wheel", "--into", str(tmp_path))
    ran = run("theirs", "rebuild", "pebble@0.3.0", "--source", str(checkout.folder), "--json")
    verdict = ran.data()
    assert [file["outcome"] for file in verdict["files"]] == ["identical", "identical"]
    assert "fetch" in {action["kind"] for action in verdict["actions"]}


@pytest.mark.clients
def test_release_from_a_pinned_root_is_rebuilt_in_it_and_unknown_without_it(
    maintainer: Maintainer, tmp_path: Path
) -> None:
    root = """
[toolchains.debian]
root = "debian:bookworm"
packages = ["gcc", "libc6-dev"]
"""
    pinned = ("[stages.compile]", '[stages.compile]\ntoolchain = "debian"')
    maintainer.keep(tide_manifest(pinned, more=root))
    assert maintainer.run("lock").exit_code == 0
    maintainer.keep()
    maintainer.tag("v1.0.0")
    ran = maintainer.run("release")
    assert ran.exit_code == 0, ran.stderr
    stranger = Stranger(maintainer=maintainer, folder=tmp_path / "stranger")
    stranger.folder.mkdir()
    site = (maintainer.site / "current").resolve().as_uri()
    get = ("get", "tide", "--from", site, "--into", str(stranger.folder))
    assert stranger.run(*get).exit_code == 0
    source = ("--source", str(maintainer.folder))
    refused = stranger.rebuild(*source)
    assert refused.exit_code == 5
    assert "toolchain `debian` is not here" in refused.stdout

    assert maintainer.use(*get).exit_code == 0
    ran = maintainer.use("rebuild", str(stranger.archive), *source)
    assert ran.exit_code == 0, ran.stdout
    assert ran.stdout.startswith("identical  ")
