"""What a pinned root has installed: its own records, read when somebody asks."""

from pathlib import Path

from sealift.stations.inspect.drivers.dpkg import RootPackages


def test_records_of_the_root_are_read_and_only_when_they_are_needed(tmp_path: Path) -> None:
    dpkg = tmp_path / "var/lib/dpkg"
    (dpkg / "info").mkdir(parents=True)
    (dpkg / "status").write_text(
        "Package: libz1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.3-root\n"
    )
    (dpkg / "info" / "libz1:amd64.shlibs").write_text("libz 1 libz1 (>= 1.2)\n")
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("ID=debian\n")
    asked: list[Path] = []

    def folder() -> Path:
        asked.append(tmp_path)
        return tmp_path

    packages = RootPackages(folder)
    assert asked == []
    assert packages.package("libz1").version == "1.3-root"
    owner = packages.library_owner("libz.so.1")
    assert owner is not None
    assert owner.name == "libz1"
    assert packages.distribution == "debian"
    assert packages.package("libc6").version == ""
    assert packages.library_owner("libm.so.6") is None
    assert asked == [tmp_path]
