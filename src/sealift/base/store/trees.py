"""Between folders or tar streams and trees in the store.

Refuses what a tree cannot say or a stranger could abuse: devices, sockets, pipes, set-user-id
files, names that are not printable UTF-8, links that lead out. Empty folders are not kept.
"""

import io
import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from sealift.base.edge.disk import disk_errors
from sealift.base.store.port import BlobStore
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import (
    COPY_CHUNK_BYTES,
    TREE_BYTES_MAX,
    TREE_DOCUMENT_BYTES_MAX,
    TREE_ENTRIES_MAX,
)
from sealift.core.tree import Tree, TreeEntry, check_path

_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644
_SET_ID: Final = stat.S_ISUID | stat.S_ISGID
_TAR_END_BYTES: Final = 1024


def ingest_folder(
    store: BlobStore, folder: Path, *, select: Callable[[str], bool] | None = None
) -> Tree:
    """Store every file below `folder` and the tree itself, in one transaction.

    `select` gets relative paths of files and symlinks and says which belong to the tree; what it
    leaves out is not looked at. Raises IntegrityError for what a tree cannot hold.
    """
    intake = _Intake(store)
    with store.transaction():
        for path, entry in _walk(folder):
            if select is None or select(path):
                intake.add_from_disk(path, entry)
        return intake.finish()


def ingest_tar(store: BlobStore, stream: IO[bytes], *, strip: int = 0) -> Tree:
    """Store an uncompressed tar stream (such as `git archive` writes) as a tree.

    `strip` leading parts of every path are dropped. Reads the stream to its end. Raises
    IntegrityError for a cut or malformed archive and for what a tree cannot hold.
    """
    intake = _Intake(store)
    watched = _TailWatcher(stream)
    try:
        with store.transaction(), tarfile.open(fileobj=watched, mode="r|") as archive:
            for member in archive:
                intake.add_member(archive, member, strip=strip)
            watched.require_end(archive.offset)
            return intake.finish()
    except (tarfile.TarError, EOFError) as error:
        raise IntegrityError(
            fact=f"the archive cannot be read: {error}", expected="a complete tar stream"
        ) from error


def load_tree(store: BlobStore, digest: Digest) -> Tree:
    """Return the stored tree; raise IntegrityError when it is missing, damaged or malformed."""
    return Tree.parse(store.read(digest, size_bytes_max=TREE_DOCUMENT_BYTES_MAX))


def materialise(
    store: BlobStore,
    tree: Tree,
    folder: Path,
    *,
    copy: bool = True,
    epoch_s: int = 0,
    last_first: bool = False,
) -> None:
    """Write `tree` into `folder`, which must be empty or missing.

    Files get mode 0644 or 0755 whatever the umask, and everything the time `epoch_s`. Without
    `copy`, plain files are hard links to the store's read-only blobs: only for those who just read.
    With `last_first` files are written in reverse order, which some file systems show.
    Not durable: this is for work folders.
    """
    _require_empty(folder)
    folders = {folder}
    with disk_errors(folder):
        _make_folder(folder, parents=True)
        # No entry lies below a symlink (`Tree.of`), so every folder here is one that we made.
        for entry in reversed(tree.entries) if last_first else tree.entries:
            parts = check_path(entry.path).split("/")
            place = folder
            for part in parts[:-1]:
                place /= part
                if place not in folders:
                    _make_folder(place, parents=False)
                    folders.add(place)
            _write_entry(store, entry, place / parts[-1], copy=copy)
            os.utime(place / parts[-1], (epoch_s, epoch_s), follow_symlinks=False)
        for made in folders:
            os.utime(made, (epoch_s, epoch_s))


@dataclass(slots=True)
class _Intake:
    """The entries so far, and the limits they must keep."""

    store: BlobStore
    entries: dict[str, TreeEntry] = field(default_factory=dict)
    size_bytes: int = 0
    seen: int = 0

    def add(self, entry: TreeEntry) -> None:
        check_path(entry.path)
        if entry.path in self.entries:
            raise IntegrityError(fact=f"`{entry.path}` comes twice", expected="each path once")
        self.entries[entry.path] = entry

    def count(self) -> None:
        """Count an entry before it is looked at; folders too, since an archive may hold many."""
        self.seen += 1
        if self.seen > TREE_ENTRIES_MAX:
            raise IntegrityError(
                fact=f"more than {TREE_ENTRIES_MAX} entries", expected=f"at most {TREE_ENTRIES_MAX}"
            )

    def reserve(self, size_bytes: int) -> None:
        """Count bytes before they are stored."""
        self.size_bytes += size_bytes
        if self.size_bytes > TREE_BYTES_MAX:
            raise IntegrityError(
                fact=f"more than {TREE_BYTES_MAX} bytes of files",
                expected=f"at most {TREE_BYTES_MAX} bytes",
            )

    def add_from_disk(self, path: str, entry: os.DirEntry[str]) -> None:
        self.count()
        check_path(path)
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            self.add(
                TreeEntry(path=path, kind="symlink", target=Path(entry.path).readlink().as_posix())
            )
            return
        if not stat.S_ISREG(status.st_mode):
            raise _unfit(path, _kind_name(status.st_mode))
        _refuse_set_id(path, status.st_mode)
        self.reserve(status.st_size)
        blob = self.store.put_file(Path(entry.path))
        self.add(
            TreeEntry(
                path=path,
                digest=blob.digest,
                size_bytes=blob.size_bytes,
                executable=bool(status.st_mode & stat.S_IXUSR),
            )
        )

    def add_member(self, archive: tarfile.TarFile, member: tarfile.TarInfo, *, strip: int) -> None:
        self.count()
        path = _stripped(member.name, strip)
        if member.isdir():
            if path:
                check_path(path)
            return
        check_path(path)
        if member.issym():
            self.add(TreeEntry(path=path, kind="symlink", target=member.linkname))
        elif member.islnk():
            self.add_hard_link(path, _stripped(member.linkname, strip))
        elif member.isreg() and not member.issparse():
            _refuse_set_id(path, member.mode)
            self.reserve(member.size)
            content = archive.extractfile(member)
            if content is None:
                raise _unfit(path, "a member without contents")
            with content:
                blob = self.store.put_chunks(iter(lambda: content.read(COPY_CHUNK_BYTES), b""))
            self.add(
                TreeEntry(
                    path=path,
                    digest=blob.digest,
                    size_bytes=blob.size_bytes,
                    executable=bool(member.mode & stat.S_IXUSR),
                )
            )
        else:
            raise _unfit(path, "a device, a pipe or a sparse file")

    def add_hard_link(self, path: str, target: str) -> None:
        earlier = self.entries.get(target)
        if earlier is None or earlier.kind != "file":
            raise IntegrityError(
                fact=f"`{path}` is a hard link to `{target[:120]}`",
                expected="a file that came earlier in the archive",
            )
        self.reserve(earlier.size_bytes)
        self.add(
            TreeEntry(
                path=path,
                digest=earlier.digest,
                size_bytes=earlier.size_bytes,
                executable=earlier.executable,
            )
        )

    def finish(self) -> Tree:
        tree = Tree.of(self.entries.values())
        self.store.put(tree.canonical())
        return tree


class _TailWatcher(io.BufferedIOBase):
    """A stream that remembers how it ended: a complete tar has two blocks of zeros there."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._tail = b""
        self._size_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._stream.read(-1 if size is None else size)
        self._tail = (self._tail + data)[-_TAR_END_BYTES:]
        self._size_bytes += len(data)
        return data

    def require_end(self, members_end: int) -> None:
        """Read to the end; IntegrityError unless the end marker follows the last member."""
        while self.read(COPY_CHUNK_BYTES):
            pass
        # tarfile takes the end of the stream for the end of the archive, wherever that is.
        complete = (
            self._size_bytes >= members_end + _TAR_END_BYTES
            and self._size_bytes % tarfile.BLOCKSIZE == 0
            and self._tail == bytes(_TAR_END_BYTES)
        )
        if not complete:
            raise IntegrityError(
                fact="the archive was cut short", expected="two blocks of zeros at its end"
            )


def _walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield everything but folders below `folder`, following no symlink."""
    pending = [("", os.fspath(folder))]
    while pending:
        prefix, current = pending.pop()
        with os.scandir(current) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = f"{prefix}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    pending.append((f"{path}/", entry.path))
                else:
                    yield path, entry


def _write_entry(store: BlobStore, entry: TreeEntry, place: Path, *, copy: bool) -> None:
    if entry.kind == "symlink":
        place.symlink_to(entry.target)
        return
    if entry.digest is None:
        raise IntegrityError(fact=f"file `{entry.path}` has no digest", expected="a sha256 digest")
    if not copy and not entry.executable:
        place.hardlink_to(store.path(entry.digest))
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with (
        store.open(entry.digest) as source,
        os.fdopen(os.open(place, flags, 0o600), "wb") as target,
    ):
        shutil.copyfileobj(source, target, COPY_CHUNK_BYTES)
        os.fchmod(target.fileno(), _FOLDER_MODE if entry.executable else _FILE_MODE)


def _require_empty(folder: Path) -> None:
    occupied = folder.is_symlink() or (
        folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    )
    if occupied:
        raise ConfigError(
            fact=f"`{folder}` is not empty",
            expected="an empty folder, or none, to write a tree into",
            hint=f"run `ls -la {folder}`, then remove what is not needed",
        )


def _make_folder(folder: Path, *, parents: bool) -> None:
    folder.mkdir(parents=parents, exist_ok=parents)
    folder.chmod(_FOLDER_MODE)


def _stripped(name: str, strip: int) -> str:
    """Drop leading parts; return an empty path for a folder that is dropped whole."""
    parts = name.removeprefix("./").split("/") if name != "." else []
    return "/".join(parts[strip:])


def _refuse_set_id(path: str, mode: int) -> None:
    if mode & _SET_ID:
        raise _unfit(path, "a set-user-id or set-group-id file")


def _unfit(path: str, kind: str) -> IntegrityError:
    return IntegrityError(
        fact=f"`{path}` is {kind}", expected="regular files, folders and symlinks only"
    )


def _kind_name(mode: int) -> str:
    names = {
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return names.get(stat.S_IFMT(mode), "no regular file")
