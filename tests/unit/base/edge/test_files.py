import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from sealift.base.edge.disk import SystemDisk, disk_errors
from sealift.base.edge.files import DurableFiles
from sealift.core.errors import ConfigError, UnavailableError
from sealift.testing.simulation import SimFiles


@pytest.fixture(params=["this machine", "simulated"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> DurableFiles:
    return DurableFiles() if request.param == "this machine" else SimFiles(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_written_file_has_its_bytes_and_mode_whatever_the_umask(
    files: DurableFiles, folder: Path
) -> None:
    before = os.umask(0o077)
    try:
        files.write_durably(folder / "public", b"bytes")
        files.write_durably(folder / "secret", b"key", mode=0o600)
    finally:
        os.umask(before)
    assert (folder / "public").read_bytes() == b"bytes"
    assert stat.S_IMODE((folder / "public").stat().st_mode) == 0o644
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600


def test_secret_is_never_readable_by_others_not_even_while_it_is_written(folder: Path) -> None:
    seen: list[int] = []

    class _Watched(SystemDisk):
        def sync_files(self, paths: Sequence[Path]) -> None:
            seen.extend(stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir())
            super().sync_files(paths)

    DurableFiles(_Watched()).write_durably(folder / "secret", b"key", mode=0o600)
    assert seen == [0o600]


def test_write_replaces_a_symlink_and_not_what_it_points_to(
    files: DurableFiles, folder: Path
) -> None:
    (folder / "target").write_bytes(b"safe")
    (folder / "link").symlink_to("target")
    files.write_durably(folder / "link", b"new")
    assert (folder / "target").read_bytes() == b"safe"
    assert not (folder / "link").is_symlink()


def test_block_that_fails_leaves_the_old_file_and_nothing_else(
    files: DurableFiles, folder: Path
) -> None:
    files.write_durably(folder / "file", b"old")

    def fail() -> None:
        with files.create_durably(folder / "file") as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (folder / "file").read_bytes() == b"old"
    assert _names(folder) == ["file"]


def test_staged_files_appear_together_with_their_mode(files: DurableFiles, folder: Path) -> None:
    moves = []
    for name in ("a", "b", "c"):
        with files.create_staged(folder / f"staged {name}") as file:
            file.write(name.encode())
        moves.append((folder / f"staged {name}", folder / name))
    files.move_durably(moves, mode=0o444)
    files.move_durably([])
    assert _names(folder) == ["a", "b", "c"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


def test_link_shows_the_same_file_and_a_copy_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    files = SimFiles(tmp_path)
    (folder / "source").write_bytes(b"bytes")
    (folder / "source").chmod(0o755)
    for target in ("linked", "linked", "source"):
        files.link_or_copy(folder / "source", folder / target)
    assert (folder / "linked").samefile(folder / "source")
    files.disk.can_link = False
    files.link_or_copy(folder / "source", folder / "copied")
    assert not (folder / "copied").samefile(folder / "source")
    assert (folder / "copied").read_bytes() == b"bytes"
    assert stat.S_IMODE((folder / "copied").stat().st_mode) == 0o755
    assert _names(folder) == ["copied", "linked", "source"]


def test_copy_across_file_systems_has_the_bytes(tmp_path: Path) -> None:
    disk = SystemDisk()
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    disk.copy(source, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    shared = Path("/dev/shm")  # noqa: S108 - another file system, if the machine has one
    if shared.is_dir() and shared.stat().st_dev != tmp_path.stat().st_dev:
        other = shared / f"sealift-test-{os.getpid()}"
        try:
            DurableFiles().link_or_copy(source, other)
            assert other.read_bytes() == source.read_bytes()
        finally:
            other.unlink(missing_ok=True)


def test_symlink_is_made_and_moved(files: DurableFiles, folder: Path) -> None:
    files.replace_symlink(folder / "current", "generations/1")
    files.replace_symlink(folder / "current", "generations/2")
    assert (folder / "current").readlink() == Path("generations/2")
    assert _names(folder) == ["current"]


def test_folders_are_made_with_their_parents_and_again(files: DurableFiles, folder: Path) -> None:
    files.make_folder(folder / "a" / "b" / "c")
    files.make_folder(folder / "a" / "b" / "c")
    assert (folder / "a" / "b" / "c").is_dir()


def test_a_folder_where_none_can_be_made_is_the_users_matter() -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        DurableFiles().make_folder(Path("/proc/sealift/store"))


def test_removal_takes_files_folders_and_links_but_not_what_links_point_to(
    files: DurableFiles, folder: Path
) -> None:
    (folder / "kept" / "deep").mkdir(parents=True)
    (folder / "tree" / "closed").mkdir(parents=True)
    (folder / "tree" / "link").symlink_to("../kept")
    (folder / "tree" / "closed" / "file").write_bytes(b"")
    (folder / "tree" / "closed").chmod(0o500)
    (folder / "link").symlink_to("kept")
    for name in ("tree", "link", "never there"):
        files.remove(folder / name)
    assert _names(folder) == ["kept"]
    assert (folder / "kept" / "deep").is_dir()


@pytest.mark.parametrize("full_at", [1, 2])
def test_full_disk_is_unavailable_and_leaves_the_old_file(
    tmp_path: Path, folder: Path, full_at: int
) -> None:
    files = SimFiles(tmp_path)
    files.write_durably(folder / "file", b"old")
    files.disk.full_at = files.disk.writes + full_at
    with pytest.raises(UnavailableError, match="no space") as caught:
        files.write_durably(folder / "file", b"new")
    assert "df -h" in caught.value.hint
    assert (folder / "file").read_bytes() == b"old"
    assert _names(folder) == ["file"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, UnavailableError),
        (errno.EDQUOT, UnavailableError),
        (errno.EACCES, ConfigError),
        (errno.EROFS, ConfigError),
        (errno.EIO, OSError),
    ],
)
def test_disk_errors_are_told_apart(number: int, kind: type[Exception]) -> None:
    def fail() -> None:
        with disk_errors(Path("folder/file")):
            raise OSError(number, os.strerror(number))

    with pytest.raises(kind):
        fail()


def test_folders_of_any_depth_and_kind_are_removed_and_links_are_not_followed(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    doomed = tmp_path / "doomed"
    doomed.mkdir()
    # Names that look like those that removal itself makes up.
    for name in ("0-1", "0-2", "1-1"):
        (doomed / name / "0-1").mkdir(parents=True)
    (doomed / "link").symlink_to(kept)
    (doomed / "0-1" / "link").symlink_to(kept)
    here = Path.cwd()
    try:
        os.chdir(doomed)
        for _ in range(3_000):
            Path("deep").mkdir()
            os.chdir("deep")
        Path("file").write_text("x")
    finally:
        os.chdir(here)
    (doomed / "0-2").chmod(0)
    DurableFiles().remove(doomed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]
    assert (kept / "file").read_text() == "kept"
