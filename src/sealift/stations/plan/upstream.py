"""Whether a published source archive and the commit made from it hold the same files.

The archive is kept in the store by digest, so that a release compares again without a network.
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from sealift.base.store.port import BlobStore
from sealift.base.store.trees import ingest_tar
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.release import UpstreamArchive
from sealift.core.tree import Tree, TreeEntry
from sealift.core.verdict import Outcome
from sealift.stations.plan.model import IGNORE_NAME, LOCK_NAME, MANIFEST_NAME

Opener = Callable[[BinaryIO], AbstractContextManager[IO[bytes]]]

_OURS: Final = frozenset({MANIFEST_NAME, LOCK_NAME})
_ADDED: Final = _OURS | {IGNORE_NAME}
_MAGIC_BYTES: Final = 6


def _gzip(stream: BinaryIO) -> AbstractContextManager[IO[bytes]]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream, mode="rb"))


def _xz(stream: BinaryIO) -> AbstractContextManager[IO[bytes]]:
    return cast("IO[bytes]", lzma.LZMAFile(stream))


def _bzip2(stream: BinaryIO) -> AbstractContextManager[IO[bytes]]:
    return cast("IO[bytes]", bz2.BZ2File(stream))


_OPENERS: Final[tuple[tuple[bytes, Opener], ...]] = (
    (b"\x1f\x8b", _gzip),
    (b"\xfd7zXZ\x00", _xz),
    (b"BZh", _bzip2),
)


def without_ours(tree: Tree) -> Tree:
    """Return a tree without the manifest and the lock, which the plan holds.

    So an edited comment in the manifest does not rebuild every stage.
    """
    return Tree.of(entry for entry in tree.entries if entry.path not in _OURS)


def record_archive(store: BlobStore, archive: Path, *, source: Tree) -> UpstreamArchive:
    """Keep a published archive in the store; raise IntegrityError unless `source` equals it."""
    if not archive.is_file():
        raise ConfigError(
            fact=f"`{archive.name}` is no file",
            expected="the published source archive",
            hint="sealift lock --source-archive FILE",
        )
    descriptor = store.put_file(archive)
    upstream = UpstreamArchive(name=archive.name, digest=descriptor.digest)
    outcome, reason = compare_archive(store, upstream, source=source)
    if outcome != "pass":
        raise IntegrityError(
            fact=f"the commit is not what `{archive.name}` holds: {reason}",
            expected="the archive's files, and nothing but sealift.toml, sealift.lock, .gitignore",
            hint=f"git status --ignored, then commit the files of {archive.name} unchanged",
        )
    return upstream


def compare_archive(
    store: BlobStore, upstream: UpstreamArchive, *, source: Tree
) -> tuple[Outcome, str]:
    """Say whether `source` holds the archive's files, and why not.

    `unknown` when the archive is not in the store of this machine. The archive's top folder is
    stripped; of what we add to a checkout, nothing counts.
    """
    if not store.has(upstream.digest):
        hint = "run `sealift lock --source-archive FILE`"
        return ("unknown", f"`{upstream.name}` ({upstream.digest.short}) is not here; {hint}")
    difference = first_difference(
        wanted=_without_added(_archive_tree(store, upstream)), found=_without_added(source)
    )
    if difference:
        return ("fail", difference)
    return ("pass", f"the commit holds the files of `{upstream.name}` ({upstream.digest.short})")


def unpack_archive(store: BlobStore, upstream: UpstreamArchive) -> Tree:
    """Return the files of an archive in the store, without its top folder and what is ours."""
    return without_ours(_archive_tree(store, upstream))


def first_difference(*, wanted: Tree, found: Tree) -> str:
    """Name the first path in which two trees differ, or return nothing."""
    mine = {entry.path: entry for entry in found.entries}
    theirs = {entry.path: entry for entry in wanted.entries}
    for path in sorted({*mine, *theirs}):
        if path not in mine:
            return f"`{path}` is missing"
        if path not in theirs:
            return f"`{path}` is not in the archive"
        if mine[path] != theirs[path]:
            return f"`{path}` differs ({_what_differs(mine[path], theirs[path])})"
    return ""


def _what_differs(found: TreeEntry, wanted: TreeEntry) -> str:
    if found.kind != wanted.kind or found.target != wanted.target:
        return "a file or where a symlink leads"
    if found.digest != wanted.digest:
        return f"{found.size_bytes} bytes against {wanted.size_bytes}, other contents"
    return "whether it is executable"


def _without_added(tree: Tree) -> Tree:
    return Tree.of(entry for entry in tree.entries if entry.path not in _ADDED)


def _archive_tree(store: BlobStore, upstream: UpstreamArchive) -> Tree:
    with store.open(upstream.digest) as stream:
        magic = stream.read(_MAGIC_BYTES)
    try:
        with store.open(upstream.digest) as stream:
            for prefix, opener in _OPENERS:
                if magic.startswith(prefix):
                    with opener(stream) as plain:
                        return ingest_tar(store, plain, strip=1)
            return ingest_tar(store, stream, strip=1)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
        raise _unreadable(upstream, str(error)) from error
    except OSError as error:
        # bz2 has no error of its own; what comes from the disk carries a number.
        if error.errno is None:
            raise _unreadable(upstream, str(error)) from error
        raise


def _unreadable(upstream: UpstreamArchive, reason: str) -> IntegrityError:
    return IntegrityError(
        fact=f"`{upstream.name}` cannot be read: {reason}",
        expected="a complete tar archive (gzip, xz or bzip2)",
        hint=f"tar -tf {upstream.name}",
    )
