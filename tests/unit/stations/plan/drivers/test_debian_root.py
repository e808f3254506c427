"""Debian roots: what mmdebstrap is asked, what its failures mean, and one root made twice."""

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from sealift.base.edge.port import Command, Completed, World
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.errors import ConfigError, DriverError, UnavailableError
from sealift.core.platform import Platform
from sealift.stations.plan.drivers.debian_root import DebianRoot
from sealift.stations.plan.drivers.oci_layout import OciLayout
from sealift.stations.plan.drivers.root_maker import SystemRootMaker
from sealift.stations.plan.model import ToolchainSpec
from sealift.testing.simulation import SimProcesses

SPEC = ToolchainSpec(name="debian", kind="debian", origin="bookworm", packages=("gcc", "make"))
SOURCES = "deb https://mirror.example/debian bookworm main\n"
PROGRAM = ("/usr/bin/mmdebstrap",)


def ended(exit_code: int = 0, stderr: str = "", *, timed_out: bool = False) -> Completed:
    return Completed(
        exit_code=exit_code,
        stdout=b"",
        stderr=stderr.encode(),
        timed_out=timed_out,
        truncated=False,
        duration_ms=1,
    )


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    folder = tmp_path / "apt"
    (folder / "sources.list.d").mkdir(parents=True)
    (folder / "sources.list").write_text(SOURCES)
    (folder / "sources.list.d" / "vendor.list").write_text("deb https://vendor.example x main\n")
    return folder


def test_mmdebstrap_is_asked_for_the_suite_from_this_machines_sources(
    world: World, apt: Path, tmp_path: Path
) -> None:
    processes = SimProcesses([(PROGRAM, ended())])
    proxied = replace(
        world, processes=processes, environment={"HTTPS_PROXY": "http://p", "TOKEN": "secret"}
    )
    DebianRoot(proxied, apt_folder=apt).write(SPEC, tmp_path / "root.tar")
    (command,) = processes.commands
    assert command.argv[-3:] == ("bookworm", str(tmp_path / "root.tar"), "-")
    assert "--include=gcc,make" in command.argv
    assert b"mirror.example" in command.input
    assert b"vendor.example" not in command.input
    assert command.environment["SOURCE_DATE_EPOCH"] == "315532800"
    assert command.environment["HTTPS_PROXY"] == "http://p"
    assert "TOKEN" not in command.environment


def test_missing_mmdebstrap_is_told_with_the_command_that_installs_it(
    world: World, apt: Path, tmp_path: Path
) -> None:
    bare = replace(world, processes=SimProcesses())
    with pytest.raises(ConfigError, match="which is not installed") as caught:
        DebianRoot(bare, apt_folder=apt).write(SPEC, tmp_path / "root.tar")
    assert caught.value.hint == "apt-get install mmdebstrap"
    assert caught.value.where == "toolchain `debian`"


def test_suite_that_this_machine_has_no_source_for_is_told(
    world: World, apt: Path, tmp_path: Path
) -> None:
    known = replace(world, processes=SimProcesses([(PROGRAM, ended())]))
    with pytest.raises(ConfigError, match="this machine's apt has no source for `trixie`"):
        DebianRoot(known, apt_folder=apt).write(replace(SPEC, origin="trixie"), tmp_path / "r")


@pytest.mark.parametrize(
    ("answer", "kind", "fact"),
    [
        (
            ended(100, "E: Unable to locate package gccc\nE: apt-get failed\n"),
            ConfigError,
            "Unable to locate package gccc",
        ),
        (
            ended(100, "W: Temporary failure resolving 'mirror.example'\nE: setup failed\n"),
            UnavailableError,
            "no package source could be reached",
        ),
        (ended(1, "E: no room\n"), DriverError, "`mmdebstrap` failed: E: no room"),
        (
            ended(1, "E: unable to pick chroot mode automatically\n"),
            ConfigError,
            "`mmdebstrap` may make no root here",
        ),
        (ended(1), DriverError, "it said nothing"),
        (ended(timed_out=True), UnavailableError, "did not end within"),
    ],
)
def test_failure_says_whose_fault_it_is(
    *,
    world: World,
    apt: Path,
    tmp_path: Path,
    answer: Completed,
    kind: type[Exception],
    fact: str,
) -> None:
    scripted = replace(world, processes=SimProcesses([(PROGRAM, answer)]))
    with pytest.raises(kind, match=fact):
        DebianRoot(scripted, apt_folder=apt).write(SPEC, tmp_path / "root.tar")


def test_what_mmdebstrap_left_becomes_the_root_in_the_store(
    world: World, apt: Path, tmp_path: Path, store: LocalBlobStore
) -> None:
    def answer(command: Command) -> Completed:
        with tarfile.open(command.argv[-2], "w") as archive:
            archive.addfile(tarfile.TarInfo("./etc"))
        return ended()

    scripted = replace(world, processes=SimProcesses([(PROGRAM, answer)]))
    maker = SystemRootMaker(
        scripted,
        store=store,
        scratch=tmp_path / "scratch",
        debian=DebianRoot(scripted, apt_folder=apt),
        oci=OciLayout(tmp_path, platform=Platform("linux/amd64")),
    )
    made = maker.make(SPEC)
    assert store.has(made.tar.digest)
    with pytest.raises(ConfigError, match="is this machine"):
        maker.make(ToolchainSpec(name="here", kind="host"))


@pytest.mark.clients
def test_the_same_suite_gives_the_same_bytes_twice(
    world: World, tmp_path: Path, store: LocalBlobStore
) -> None:
    made = [
        SystemRootMaker(
            world,
            store=store,
            scratch=tmp_path / name,
            debian=DebianRoot(world),
            oci=OciLayout(tmp_path, platform=Platform.of_machine(world.machine)),
        ).make(replace(SPEC, packages=("make",)))
        for name in ("one", "other")
    ]
    assert made[0] == made[1]
    names = {text.partition(":")[0] for text in made[0].installed}
    assert {"dpkg", "make"} <= names
