import io
import os
import socket
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.base.edge.real import DurableFiles
from sealift.base.store import trees
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.base.store.trees import ingest_folder, ingest_tar, load_tree, materialise
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError, SealiftError
from sealift.core.tree import Tree, TreeEntry


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "store", DurableFiles())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "README").write_bytes(b"hello\n")
    (folder / "src" / "run").write_bytes(b"#!/bin/sh\n")
    (folder / "src" / "run").chmod(0o700)
    (folder / "src" / "deep" / "naïve file").write_bytes(b"")
    (folder / "latest").symlink_to("src/deep/naïve file")
    (folder / "empty").mkdir()
    return folder


# --- folders ------------------------------------------------------------------------------------


def test_folder_becomes_a_tree_and_a_folder_again(
    store: LocalBlobStore, project: Path, tmp_path: Path
) -> None:
    tree = ingest_folder(store, project)
    assert [entry.path for entry in tree.entries] == [
        "README",
        "latest",
        "src/deep/naïve file",
        "src/run",
    ]
    assert load_tree(store, tree.digest) == tree
    materialise(store, tree, tmp_path / "copy")
    assert ingest_folder(store, tmp_path / "copy") == tree
    assert (tmp_path / "copy" / "latest").readlink() == Path("src/deep/naïve file")


def test_tree_written_last_file_first_is_the_same_tree(
    store: LocalBlobStore, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "b" / "c").mkdir(parents=True)
    for name in ("a", "b/c/d", "b/e", "z"):
        (source / name).write_text(name)
    (source / "b" / "link").symlink_to("../a")
    tree = ingest_folder(store, source)
    materialise(store, tree, tmp_path / "turned", last_first=True)
    assert ingest_folder(store, tmp_path / "turned") == tree


def test_materialised_files_have_fixed_modes_and_times_whatever_the_umask(
    store: LocalBlobStore, project: Path, tmp_path: Path
) -> None:
    tree = ingest_folder(store, project)
    before = os.umask(0o077)
    try:
        materialise(store, tree, tmp_path / "copy", epoch_s=1_000_000_000)
    finally:
        os.umask(before)
    found = {
        path.relative_to(tmp_path / "copy").as_posix(): (
            stat.S_IMODE(path.lstat().st_mode),
            path.lstat().st_mtime,
        )
        for path in [tmp_path / "copy", *(tmp_path / "copy").rglob("*")]
    }
    assert found.pop("latest")[1] == 1_000_000_000
    assert found == {
        ".": (0o755, 1_000_000_000),
        "README": (0o644, 1_000_000_000),
        "src": (0o755, 1_000_000_000),
        "src/run": (0o755, 1_000_000_000),
        "src/deep": (0o755, 1_000_000_000),
        "src/deep/naïve file": (0o644, 1_000_000_000),
    }


def test_links_share_the_stores_bytes_and_copies_do_not(
    store: LocalBlobStore, project: Path, tmp_path: Path
) -> None:
    tree = ingest_folder(store, project)
    blob = store.path(Digest.of(b"hello\n"))
    materialise(store, tree, tmp_path / "linked", copy=False)
    materialise(store, tree, tmp_path / "copied")
    assert (tmp_path / "linked" / "README").samefile(blob)
    assert not (tmp_path / "copied" / "README").samefile(blob)
    # An executable needs another mode than the blob has.
    assert stat.S_IMODE((tmp_path / "linked" / "src" / "run").stat().st_mode) == 0o755
    assert stat.S_IMODE(blob.stat().st_mode) == 0o444


def test_selection_leaves_out_what_a_tree_could_not_hold(
    store: LocalBlobStore, project: Path
) -> None:
    os.mkfifo(project / "pipe")
    tree = ingest_folder(store, project, select=lambda path: path.startswith("src/"))
    assert [entry.path for entry in tree.entries] == ["src/deep/naïve file", "src/run"]


def test_mode_and_time_do_not_change_the_digest_but_the_executable_bit_does(
    store: LocalBlobStore, project: Path
) -> None:
    before = ingest_folder(store, project).digest
    (project / "README").chmod(0o600)
    os.utime(project / "README", (1, 1))
    assert ingest_folder(store, project).digest == before
    (project / "README").chmod(0o744)
    assert ingest_folder(store, project).digest != before


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "hostile")


def _socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        descriptor = os.open(folder, os.O_RDONLY)
        # A relative path through the descriptor: socket paths may have 107 bytes only.
        server.bind(f"/proc/self/fd/{descriptor}/hostile")
        os.close(descriptor)


def _set_user_id(folder: Path) -> None:
    (folder / "hostile").write_bytes(b"")
    (folder / "hostile").chmod(0o4755)


def _newline(folder: Path) -> None:
    (folder / "hostile\nname").write_bytes(b"")


def _not_utf8(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/hostile\xff")).write_bytes(b"")


def _absolute_link(folder: Path) -> None:
    (folder / "hostile").symlink_to("/etc/passwd")


def _link_out(folder: Path) -> None:
    (folder / "hostile").symlink_to("../hostile")


def _link_out_by_another(folder: Path) -> None:
    (folder / "src" / "up").symlink_to("..")
    (folder / "hostile").symlink_to("src/up/../hostile")


@pytest.mark.parametrize(
    "plant",
    [
        _pipe,
        _socket,
        _set_user_id,
        _newline,
        _not_utf8,
        _absolute_link,
        _link_out,
        _link_out_by_another,
    ],
)
def test_hostile_folder_is_refused_and_nothing_is_stored(
    store: LocalBlobStore, project: Path, plant: object
) -> None:
    assert callable(plant)
    plant(project)
    with pytest.raises(IntegrityError, match="hostile"):
        ingest_folder(store, project)
    assert list(store.digests()) == []


def test_folder_over_the_limits_is_refused(
    store: LocalBlobStore, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "TREE_ENTRIES_MAX", 4)
    assert ingest_folder(store, project).entries
    monkeypatch.setattr(trees, "TREE_ENTRIES_MAX", 3)
    with pytest.raises(IntegrityError, match="more than 3 entries"):
        ingest_folder(store, project)
    monkeypatch.setattr(trees, "TREE_ENTRIES_MAX", 4)
    monkeypatch.setattr(trees, "TREE_BYTES_MAX", 15)
    with pytest.raises(IntegrityError, match="more than 15 bytes"):
        ingest_folder(store, project)


def test_tree_is_written_only_into_an_empty_folder(
    store: LocalBlobStore, project: Path, tmp_path: Path
) -> None:
    tree = ingest_folder(store, project)
    (tmp_path / "empty").mkdir()
    materialise(store, tree, tmp_path / "empty")
    with pytest.raises(ConfigError, match="not empty"):
        materialise(store, tree, tmp_path / "empty")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(ConfigError, match="not empty"):
        materialise(store, tree, tmp_path / "link")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("path", ["../outside", "/outside", "a/../../outside", "a//b", "./a", ""])
def test_tree_that_names_a_place_outside_is_not_written(
    store: LocalBlobStore, tmp_path: Path, path: str
) -> None:
    blob = store.put(b"bytes")
    # Made without `Tree.of`, as no reader of ours would.
    tree = Tree(entries=(TreeEntry(path=path, digest=blob.digest, size_bytes=5),))
    with pytest.raises(IntegrityError, match="not allowed"):
        materialise(store, tree, tmp_path / "inner" / "folder")
    assert not list(tmp_path.rglob("outside"))


def test_tree_with_a_damaged_blob_is_not_written(
    store: LocalBlobStore, project: Path, tmp_path: Path
) -> None:
    tree = ingest_folder(store, project)
    blob = store.path(Digest.of(b"hello\n"))
    blob.chmod(0o600)
    blob.write_bytes(b"hullo\n")
    with pytest.raises(IntegrityError, match="damaged"):
        materialise(store, tree, tmp_path / "copy")


def test_blob_that_is_no_tree_is_not_loaded(store: LocalBlobStore) -> None:
    with pytest.raises(IntegrityError):
        load_tree(store, store.put(b'{"format":"sealift-tree-v1"}').digest)
    with pytest.raises(IntegrityError, match="canonical"):
        load_tree(store, store.put(b'{"entries": [], "format":"sealift-tree-v1"}').digest)


# --- tar streams --------------------------------------------------------------------------------


class _Stream(io.RawIOBase):
    """Bytes that cannot be sought in, as a pipe's."""

    def __init__(self, data: bytes) -> None:
        self._source = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._source.read(size)


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _member(
    name: str,
    data: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    link: str = "",
    mode: int = 0o644,
) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = len(data)
    member.linkname = link
    member.mode = mode
    return member, data


def _ingest(store: LocalBlobStore, data: bytes, *, strip: int = 0) -> Tree:
    return ingest_tar(store, _Stream(data), strip=strip)


def test_git_archive_gives_the_tree_of_the_checkout(store: LocalBlobStore, project: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }

    def git(*arguments: str) -> bytes:
        return subprocess.run(
            ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@b", *arguments],  # noqa: S607
            env=environment,
            check=True,
            capture_output=True,
        ).stdout

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    archive = git("archive", "--format=tar", "HEAD")
    tree = ingest_folder(store, project, select=lambda path: not path.startswith(".git/"))
    assert _ingest(store, archive) == tree
    assert _ingest(store, git("archive", "--format=tar", "--prefix=x-1/", "HEAD"), strip=1) == tree


def test_archive_may_hold_folders_links_and_a_leading_dot(store: LocalBlobStore) -> None:
    data = _tar(
        _member("./", kind=tarfile.DIRTYPE),
        _member("./folder", kind=tarfile.DIRTYPE),
        _member("./folder/file", b"bytes", mode=0o755),
        _member("./link", kind=tarfile.SYMTYPE, link="folder/file"),
        _member("./hard", kind=tarfile.LNKTYPE, link="./folder/file"),
    )
    tree = _ingest(store, data)
    assert [(entry.path, entry.executable) for entry in tree.entries] == [
        ("folder/file", True),
        ("hard", True),
        ("link", False),
    ]
    assert tree.entries[0].digest == tree.entries[1].digest == Digest.of(b"bytes")


@pytest.mark.parametrize(
    "members",
    [
        [_member("/absolute", b"x")],
        [_member("../outside", b"x")],
        [_member("a/../../outside", b"x")],
        [_member("a\nb", b"x")],
        [_member("device", kind=tarfile.CHRTYPE)],
        [_member("pipe", kind=tarfile.FIFOTYPE)],
        [_member("set", b"x", mode=0o4755)],
        [_member("twice", b"x"), _member("twice", b"y")],
        [_member("twice", b"x"), _member("./twice", b"y")],
        [_member("file", b"x"), _member("file/below", b"y")],
        [_member("link", kind=tarfile.SYMTYPE, link="/etc"), _member("link/below", b"y")],
        [_member("link", kind=tarfile.SYMTYPE, link="..")],
        [_member("link", kind=tarfile.SYMTYPE, link="a"), _member("link/below", b"y")],
        [_member("hard", kind=tarfile.LNKTYPE, link="../../etc/passwd")],
        [_member("hard", kind=tarfile.LNKTYPE, link="later"), _member("later", b"x")],
        [_member("../folder", kind=tarfile.DIRTYPE)],
    ],
)
def test_hostile_archive_is_refused_and_nothing_is_stored(
    store: LocalBlobStore, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    with pytest.raises(IntegrityError):
        _ingest(store, _tar(_member("harmless", b"z"), *members))
    assert list(store.digests()) == []


def test_file_that_stripping_would_lose_is_refused(store: LocalBlobStore) -> None:
    with pytest.raises(IntegrityError):
        _ingest(store, _tar(_member("top-level", b"x")), strip=1)


def test_archive_cut_anywhere_is_refused(store: LocalBlobStore) -> None:
    data = _tar(_member("a", b"x" * 700), _member("b", b"y" * 300))
    whole = data.rstrip(b"\0")
    end = len(whole) + 512 - len(whole) % 512 + 1024
    assert len(_ingest(store, data[:end]).entries) == 2
    for length in (
        0,
        1,
        511,
        512,
        600,
        1535,
        1536,
        2048,
        2100,
        2560,
        end - 1024,
        end - 512,
        end - 1,
    ):
        with pytest.raises(IntegrityError):
            _ingest(store, data[:length])


def test_archive_cut_after_a_file_of_zeros_is_refused(store: LocalBlobStore) -> None:
    data = _tar(_member("zeros", bytes(2048)), _member("lost", b"x"))
    with pytest.raises(IntegrityError, match="cut short"):
        _ingest(store, data[: 512 + 2048])


def test_archive_over_the_limits_is_refused(
    store: LocalBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _tar(*(_member(f"folder {n}", kind=tarfile.DIRTYPE) for n in range(5)))
    assert _ingest(store, data).entries == ()
    monkeypatch.setattr(trees, "TREE_ENTRIES_MAX", 4)
    with pytest.raises(IntegrityError, match="more than 4 entries"):
        _ingest(store, data)
    monkeypatch.setattr(trees, "TREE_BYTES_MAX", 10)
    with pytest.raises(IntegrityError, match="more than 10 bytes"):
        _ingest(store, _tar(_member("file", b"x" * 11)))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_archive_gives_a_tree_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = LocalBlobStore(tmp_path_factory.mktemp("store"), DurableFiles())
    archive = bytearray(
        _tar(
            _member("folder/file", b"bytes" * 20),
            _member("link", kind=tarfile.SYMTYPE, link="folder/file"),
            _member("ünïcode " + "long " * 30, b"x"),
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(archive) - 1))
        archive[place] = data.draw(st.integers(0, 255))
    try:
        tree = _ingest(store, bytes(archive))
    except SealiftError:
        return
    assert load_tree(store, tree.digest) == tree
