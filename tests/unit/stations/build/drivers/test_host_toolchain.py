from pathlib import Path

import pytest

from sealift.stations.build.drivers.host_toolchain import HostToolchain

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9

Package: gcc
Status: install ok installed
Architecture: amd64
Description: compiler
 Version: not this one
Version: 12.2

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for folder in ("usr/bin", "usr/lib", "usr/local/bin", "etc/alternatives", "var/lib/dpkg"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "usr/bin/gcc").write_text("")
    (tmp_path / "usr/local/bin/evil").write_text("")
    (tmp_path / "etc/os-release").write_text('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    (tmp_path / "etc/ld.so.conf").write_text("/usr/lib\n")
    (tmp_path / "etc/shadow").write_text("secret")
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    return tmp_path


def fingerprint(folder: Path, machine: str = "x86_64") -> str:
    return HostToolchain(machine=machine, root_folder=folder).facts().fingerprint.hex


def test_description_counts_what_is_installed(machine: Path) -> None:
    facts = HostToolchain(machine="x86_64", root_folder=machine).facts()
    assert facts.description == "Debian GNU/Linux 12 (bookworm), 2 packages"
    assert (facts.name, facts.kind) == ("host", "host")


def test_fingerprint_moves_with_packages_release_machine_and_listed_files(machine: Path) -> None:
    before = fingerprint(machine)
    assert fingerprint(machine) == before
    assert fingerprint(machine, machine="aarch64") != before
    for path, text in (
        ("var/lib/dpkg/status", STATUS.replace("12.2", "12.3")),
        ("etc/os-release", 'PRETTY_NAME="Debian 13"\n'),
        ("etc/ld.so.conf", "/opt\n"),
    ):
        old = (machine / path).read_text()
        (machine / path).write_text(text)
        assert fingerprint(machine) != before
        (machine / path).write_text(old)
    (machine / "etc/alternatives/cc").symlink_to("/usr/bin/gcc")
    assert fingerprint(machine) != before


def test_fingerprint_stays_when_only_bookkeeping_changes(machine: Path) -> None:
    before = fingerprint(machine)
    stanzas = STATUS.split("\n\n")
    (machine / "var/lib/dpkg/status").write_text("\n\n".join(reversed(stanzas)) + "\nAuto: yes\n")
    (machine / "etc/shadow").write_text("other")
    assert fingerprint(machine) == before


def test_machine_without_dpkg_is_known_by_its_programs(machine: Path) -> None:
    (machine / "var/lib/dpkg/status").unlink()
    facts = HostToolchain(machine="x86_64", root_folder=machine).facts()
    assert facts.description.endswith("no package list")
    (machine / "usr/bin/ld").write_text("new")
    assert fingerprint(machine) != facts.fingerprint.hex


def test_root_shows_usr_without_local_and_a_few_files_of_etc(machine: Path) -> None:
    root = HostToolchain(machine="x86_64", root_folder=machine).root()
    assert {mount.inside for mount in root.mounts} == {
        "/usr",
        "/etc/alternatives",
        "/etc/ld.so.conf",
    }
    assert not any(mount.writable for mount in root.mounts)
    assert ("usr/bin", "/bin") in root.links
    assert root.hidden == ("/usr/local",)


def test_separate_bin_folder_is_mounted_where_usr_is_not_merged(machine: Path) -> None:
    (machine / "sbin").mkdir()
    root = HostToolchain(machine="x86_64", root_folder=machine).root()
    assert "/sbin" in {mount.inside for mount in root.mounts}


def test_program_of_usr_local_is_not_provided(machine: Path) -> None:
    toolchain = HostToolchain(machine="x86_64", root_folder=machine)
    assert toolchain.provides("gcc")
    assert not toolchain.provides("evil")
