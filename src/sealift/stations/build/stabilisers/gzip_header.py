"""`gzip-header@1`: time, name, comment and system in the headers of gzip members go (RFC 1952).

The compressed bytes and their checksums stay. Members with extra fields, and files with anything
behind the last member, are left alone.
"""

import struct
import zlib
from typing import Final

from sealift.core.limits import STABILISED_BYTES_MAX
from sealift.stations.build.stabilisers.stabiliser import Stabiliser

GZIP_MAGIC: Final = b"\x1f\x8b\x08"
_HEADER_BYTES: Final = 10
_TRAILER_BYTES: Final = 8
_HEADER_SUM, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16
_KNOWN: Final = 0x1F
# No flags, no time, nothing said about the compressor, system "unknown".
_PLAIN: Final = GZIP_MAGIC + b"\0" + b"\0\0\0\0" + b"\0" + b"\xff"


def _stabilise(data: bytes) -> bytes:
    parts: list[bytes] = []
    rest = data
    while rest:
        begin = _header_end(rest)
        if begin is None:
            return data
        stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        try:
            stream.decompress(rest[begin:], STABILISED_BYTES_MAX)
        except zlib.error:
            return data
        if not stream.eof or len(stream.unused_data) < _TRAILER_BYTES:
            return data
        end = len(rest) - len(stream.unused_data) + _TRAILER_BYTES
        parts += [_PLAIN, rest[begin:end]]
        rest = rest[end:]
    return b"".join(parts)


def _header_end(data: bytes) -> int | None:
    """Return where the compressed bytes begin; None for a header that we do not understand."""
    if not data.startswith(GZIP_MAGIC) or len(data) < _HEADER_BYTES:
        return None
    (flags,) = struct.unpack_from("<B", data, 3)
    if flags & _EXTRA or flags & ~_KNOWN:
        return None
    position = _HEADER_BYTES
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            position = data.find(b"\0", position) + 1
            if not position:
                return None
    return position + (2 if flags & _HEADER_SUM else 0)


GZIP_HEADER: Final = Stabiliser(
    name="gzip-header@1",
    fits=lambda _, data: data.startswith(GZIP_MAGIC),
    stabilise=_stabilise,
)
