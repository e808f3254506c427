"""Tars of roots: the same root gives the same bytes, and nothing in one leads out of it."""

import io
import tarfile
from pathlib import Path

import pytest

from sealift.core.errors import IntegrityError
from sealift.stations.plan.root_tar import installed_packages, normalise_root, read_file

Member = tuple[str, bytes, str, bytes]
"""Name, type, target of a link, contents."""

FOLDER, FILE, LINK, HARD = tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def folder(name: str) -> Member:
    return (name, FOLDER, "", b"")


def file(name: str, text: str = "x") -> Member:
    return (name, FILE, "", text.encode())


def link(name: str, target: str, kind: bytes = LINK) -> Member:
    return (name, kind, target, b"")


def tar(path: Path, *members: Member, time_s: int = 0, owner: int = 0, mode: int = 0o644) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, kind, target, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, len(data)
            info.mtime, info.uid, info.mode = time_s, owner, mode
            archive.addfile(info, io.BytesIO(data))
    return path


def normal(*archives: Path) -> bytes:
    target = io.BytesIO()
    normalise_root(archives, target)
    return target.getvalue()


def listed(data: bytes) -> dict[str, str]:
    """Return every path with its link's target, its file's text, or `/` for a folder."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if member.isdir():
                found[member.name] = "/"
            elif member.issym():
                found[member.name] = f"-> {member.linkname}"
            else:
                content = archive.extractfile(member)
                assert content is not None
                found[member.name] = content.read().decode()
    return found


def test_order_times_owners_and_spelling_of_names_are_no_matter(tmp_path: Path) -> None:
    one = tar(tmp_path / "one", folder("./usr/"), file("./usr/b"), file("./usr/a"))
    other = tar(tmp_path / "other", file("usr/a"), file("usr/b"), time_s=1_700_000_000, owner=1000)
    assert normal(one) == normal(other)
    assert list(listed(normal(one))) == ["usr", "usr/a", "usr/b"]


def test_contents_names_and_the_executable_bit_do_matter(tmp_path: Path) -> None:
    plain = normal(tar(tmp_path / "plain", file("a")))
    assert normal(tar(tmp_path / "text", file("a", "y"))) != plain
    assert normal(tar(tmp_path / "name", file("b"))) != plain
    assert normal(tar(tmp_path / "mode", file("a"), mode=0o755)) != plain
    assert normal(tar(tmp_path / "other-bit", file("a"), mode=0o640)) == plain


def test_devices_and_what_every_run_fills_anew_are_left_out(tmp_path: Path) -> None:
    made = tar(
        tmp_path / "made",
        folder("dev"),
        ("dev/null", tarfile.CHRTYPE, "", b""),
        ("pipe", tarfile.FIFOTYPE, "", b""),
        file("tmp/left"),
        file("proc/left"),
        file("development"),
    )
    assert list(listed(normal(made))) == ["development"]


def test_file_with_two_names_stays_one_file(tmp_path: Path) -> None:
    made = tar(tmp_path / "made", file("z", "same"), link("a", "z", HARD))
    data = normal(made)
    assert listed(data) == {"a": "same", "z": "same"}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getmember("z").linkname == "a"


def test_upper_layer_replaces_hides_and_empties(tmp_path: Path) -> None:
    lower = tar(
        tmp_path / "lower",
        file("etc/a", "old"),
        file("etc/b"),
        file("opt/tool/x"),
        file("opt/kept"),
        file("var/lib/one"),
    )
    upper = tar(
        tmp_path / "upper",
        file("etc/a", "new"),
        file("etc/.wh.b"),
        file("opt/.wh.tool"),
        file("var/lib/two"),
        file("var/lib/.wh..wh..opq"),
    )
    assert listed(normal(lower, upper)) == {
        "etc": "/",
        "etc/a": "new",
        "opt": "/",
        "opt/kept": "x",
        "var": "/",
        "var/lib": "/",
        "var/lib/two": "x",
    }


def test_upper_layer_may_turn_a_folder_into_a_link_and_back(tmp_path: Path) -> None:
    lower = tar(tmp_path / "lower", file("bin/sh"), link("lib", "usr/lib"))
    upper = tar(tmp_path / "upper", link("bin", "usr/bin"), folder("lib"), file("usr/bin/sh", "y"))
    assert listed(normal(lower, upper)) == {
        "bin": "-> usr/bin",
        "lib": "/",
        "usr": "/",
        "usr/bin": "/",
        "usr/bin/sh": "y",
    }


@pytest.mark.parametrize("target", ["usr/bin", "/usr/bin", "../../usr/bin", "usr/lib/../bin"])
def test_what_lies_behind_a_link_lands_inside_of_the_root(tmp_path: Path, target: str) -> None:
    made = tar(tmp_path / "made", link("bin", target), file("bin/sh"))
    assert listed(normal(made))["usr/bin/sh"] == "x"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "./etc/../../etc/passwd"])
def test_name_that_climbs_ends_at_the_top(tmp_path: Path, name: str) -> None:
    assert listed(normal(tar(tmp_path / "made", file(name))))["etc/passwd"] == "x"


@pytest.mark.parametrize(
    ("members", "fact"),
    [
        ((link("a", "b"), link("b", "a"), file("a/x")), "goes through symlinks in a circle"),
        ((file("a"), file("a/b")), "lies below a file"),
        ((link("a", "gone", HARD),), "is a hard link to `gone`, which is not there"),
        ((link("a", ""),), "is a symlink to nowhere"),
        ((file("a\nb"),), "is no path for a root"),
    ],
)
def test_what_no_root_can_hold_is_refused(
    tmp_path: Path, members: tuple[Member, ...], fact: str
) -> None:
    with pytest.raises(IntegrityError, match=fact):
        normal(tar(tmp_path / "made", *members))


def test_tar_that_was_cut_is_refused(tmp_path: Path) -> None:
    whole = tar(tmp_path / "whole", file("a", "x" * 5_000)).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[:2_000])
    with pytest.raises(IntegrityError, match="cannot be read"):
        normal(cut)


def test_installed_packages_are_read_from_dpkgs_own_list(tmp_path: Path) -> None:
    status = (
        "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\n"
        "Version: 1:1.2.13\nDescription: a library\n with two: lines\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n"
        "Package: adduser\nStatus: install ok installed\nArchitecture: all\nVersion: 3.134\n"
    )
    data = normal(tar(tmp_path / "made", file("var/lib/dpkg/status", status)))
    read = read_file(io.BytesIO(data), "var/lib/dpkg/status", size_bytes_max=10_000)
    assert installed_packages(read) == ("adduser:all=3.134", "zlib1g:amd64=1:1.2.13")
    assert read_file(io.BytesIO(data), "var/lib/rpm", size_bytes_max=10) == b""
    assert installed_packages(b"") == ()
