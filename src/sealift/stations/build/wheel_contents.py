"""What a wheel puts on Python's path: unpacked strictly, nothing of it run.

Kept are the files at the top and those of `NAME.data/purelib` and `NAME.data/platlib`; scripts,
headers and data are not importable and are left out. Refused are paths that climb, symlinks,
doubles, encrypted members and archives that hold more than they say. See the binary distribution
format (PEP 427).
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO, Final

from sealift.base.store.port import BlobStore
from sealift.core.errors import IntegrityError
from sealift.core.limits import (
    COPY_CHUNK_BYTES,
    TREE_ENTRIES_MAX,
    WHEEL_BYTES_MAX,
    WHEEL_MEMBER_BYTES_MAX,
)
from sealift.core.tree import TreeEntry, check_path

_IMPORTABLE: Final = frozenset({"purelib", "platlib"})
_ENCRYPTED: Final = 0x1
_MODE_SHIFT: Final = 16
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DATA_PARTS: Final = 3


def unpack_wheel(store: BlobStore, wheel: BinaryIO, *, name: str) -> tuple[TreeEntry, ...]:
    """Store what the wheel `name` puts on the path; return its entries, sorted by path.

    Raises IntegrityError for anything that a wheel must not hold.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, store.transaction():
            return tuple(sorted(_entries(store, archive, name=name), key=lambda entry: entry.path))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as error:
        raise IntegrityError(
            fact=f"wheel `{name}` cannot be unpacked: {error}", expected="a plain zip archive"
        ) from error


def _entries(store: BlobStore, archive: zipfile.ZipFile, *, name: str) -> Iterator[TreeEntry]:
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if len(members) > TREE_ENTRIES_MAX or total > WHEEL_BYTES_MAX:
        raise IntegrityError(
            fact=f"wheel `{name}` holds {len(members)} files and {total} bytes",
            expected=f"at most {TREE_ENTRIES_MAX} files and {WHEEL_BYTES_MAX} bytes",
        )
    seen: set[str] = set()
    for member in members:
        if member.is_dir():
            continue
        _check_member(member, name=name)
        path = _place(member.filename)
        if path is None:
            continue
        if path in seen:
            raise IntegrityError(
                fact=f"wheel `{name}` holds `{path}` twice", expected="each path once"
            )
        seen.add(path)
        # Reading stops at the declared size and checks the sum: a bomb gains nothing.
        with archive.open(member) as content:
            blob = store.put_chunks(_chunks(content))
        yield TreeEntry(
            path=path,
            digest=blob.digest,
            size_bytes=blob.size_bytes,
            executable=bool((member.external_attr >> _MODE_SHIFT) & stat.S_IXUSR),
        )


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    while chunk := content.read(COPY_CHUNK_BYTES):
        yield chunk


def _check_member(member: zipfile.ZipInfo, *, name: str) -> None:
    mode = member.external_attr >> _MODE_SHIFT
    # The names of the local and the central header may differ: what is shown is what is read.
    check_path(member.filename)
    check_path(member.orig_filename)
    problems = (
        (member.flag_bits & _ENCRYPTED, "encrypted"),
        (stat.S_IFMT(mode) not in {0, stat.S_IFREG}, "no regular file"),
        (member.compress_type not in _METHODS, "compressed in a way that wheels do not use"),
        (member.file_size > WHEEL_MEMBER_BYTES_MAX, f"of {member.file_size} bytes"),
    )
    for found, words in problems:
        if found:
            raise IntegrityError(
                fact=f"`{member.filename}` in wheel `{name}` is {words}",
                expected=f"plain files of at most {WHEEL_MEMBER_BYTES_MAX} bytes",
            )


def _place(path: str) -> str | None:
    """Return where a member lies below `site/`, or None when it is not importable."""
    parts = path.split("/", _DATA_PARTS - 1)
    if not parts[0].endswith(".data"):
        return path
    if len(parts) == _DATA_PARTS and parts[1] in _IMPORTABLE:
        return parts[2]
    return None
