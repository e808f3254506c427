"""Files that hold files: unpack, hand every member to a function, pack in one fixed way.

Members that the function leaves alone (None) keep their bytes as they are packed. A container that
cannot be unpacked whole, or within `STABILISED_BYTES_MAX`, is returned as it came.
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from sealift.core.limits import STABILISED_BYTES_MAX
from sealift.stations.build.stabilisers.ar_format import AR_MAGIC, parse_ar, write_ar
from sealift.stations.build.stabilisers.gzip_header import GZIP_MAGIC
from sealift.stations.build.stabilisers.tar_format import is_tar, parse_tar, write_tar
from sealift.stations.build.stabilisers.zip_format import (
    ZIP_MAGIC,
    ZipArchive,
    ZipMember,
    parse_zip,
    write_zip,
)

Change = Callable[[str, bytes], bytes | None]
"""Take a member's name and contents; return new contents, or None to leave it as it is packed."""

XZ_MAGIC: Final = b"\xfd7zXZ\x00"
BZIP2_MAGIC: Final = b"BZh"
_STORED, _DEFLATED = 0, 8


def rewrite_members(name: str, data: bytes, change: Change) -> bytes:
    """Return `data` with its members changed; as it came when it is no container."""
    if data.startswith((GZIP_MAGIC, XZ_MAGIC, BZIP2_MAGIC)):
        return _rewrite_stream(name, data, change)
    if data.startswith(ZIP_MAGIC):
        return _rewrite_zip(data, change)
    if data.startswith(AR_MAGIC):
        return _rewrite_ar(data, change)
    return _rewrite_tar(data, change) if is_tar(data) else data


def members(name: str, data: bytes) -> dict[str, bytes]:
    """Return the members of a container by name, in its order; the last of a name counts."""
    found: dict[str, bytes] = {}

    def keep(member: str, content: bytes) -> None:
        found[member] = content

    rewrite_members(name, data, keep)
    return found


def unpack_stream(data: bytes) -> bytes | None:
    """Return the contents of a gzip, xz or bzip2 file; None where it is cut, or too long."""
    try:
        parts: list[bytes] = []
        room = STABILISED_BYTES_MAX
        for part in _unpacked(data):
            room -= len(part)
            if room < 0:
                return None
            parts.append(part)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return None
    return b"".join(parts)


def _unpacked(data: bytes) -> Iterator[bytes]:
    """Yield the contents of every stream in the file, each bounded; all of it must be streams."""
    while data:
        bounded = STABILISED_BYTES_MAX + 1
        stream: lzma.LZMADecompressor | bz2.BZ2Decompressor
        if data.startswith(GZIP_MAGIC):
            inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            yield inflater.decompress(data, bounded)
            finished, data = inflater.eof, inflater.unused_data
        else:
            is_xz = data.startswith(XZ_MAGIC)
            stream = lzma.LZMADecompressor(lzma.FORMAT_XZ) if is_xz else bz2.BZ2Decompressor()
            yield stream.decompress(data, bounded)
            finished, data = stream.eof, stream.unused_data
        if not finished:
            raise EOFError


def _rewrite_stream(name: str, data: bytes, change: Change) -> bytes:
    content = unpack_stream(data)
    if content is None:
        return data
    inner = name.rpartition(".")[0] if name.endswith((".gz", ".xz", ".bz2")) else name
    changed = change(inner.removesuffix(".tgz"), content)
    if changed is None:
        return data
    if data.startswith(GZIP_MAGIC):
        return gzip.compress(changed, 1, mtime=0)
    if data.startswith(XZ_MAGIC):
        return lzma.compress(changed, preset=0)
    return bz2.compress(changed, 1)


def _rewrite_zip(data: bytes, change: Change) -> bytes:
    archive = parse_zip(data)
    if archive is None:
        return data
    room = STABILISED_BYTES_MAX
    written: list[ZipMember] = []
    for member in archive.members:
        room -= member.size
        content = _inflated(member) if room >= 0 else None
        name = member.name.decode("utf-8", errors="surrogateescape")
        changed = change(name, content) if content is not None else None
        if changed is not None:
            member = replace(  # noqa: PLW2901 - the same member, packed in the fixed way
                member,
                packed=changed,
                method=_STORED,
                crc=zlib.crc32(changed),
                size=len(changed),
            )
        written.append(member)
    if written == list(archive.members):
        return data
    return write_zip(ZipArchive(members=tuple(written), comment=archive.comment))


def _inflated(member: ZipMember) -> bytes | None:
    """Return a member's contents; None unless they are what its header says."""
    content = member.packed
    if member.method == _DEFLATED:
        stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        try:
            content = stream.decompress(member.packed, member.size + 1)
        except zlib.error:
            return None
        if not stream.eof or stream.unused_data:
            return None
    elif member.method != _STORED:
        return None
    sound = len(content) == member.size and zlib.crc32(content) == member.crc
    return content if sound else None


def _rewrite_ar(data: bytes, change: Change) -> bytes:
    parsed = parse_ar(data)
    if parsed is None:
        return data
    written = []
    for member in parsed:
        name = member.name.decode("ascii", errors="replace").rstrip().removesuffix("/")
        changed = change(name, member.content)
        written.append(member if changed is None else replace(member, content=changed))
    return write_ar(written)


def _rewrite_tar(data: bytes, change: Change) -> bytes:
    archive = parse_tar(data)
    if archive is None:
        return data
    written = []
    for member in archive.members:
        changed = change(member.name, member.content) if member.content else None
        written.append(member if changed is None else replace(member, content=changed))
    if written == list(archive.members):
        return data
    return write_tar(replace(archive, members=tuple(written)))
