"""`pyc-header@1`: the source's time in the header of compiled Python becomes 0 (PEP 552).

Compiled files that name their source by hash are left alone: that hash is contents.
"""

import struct
from typing import Final

from sealift.stations.build.stabilisers.stabiliser import Stabiliser

_HEADER_BYTES: Final = 16
_MAGIC_END: Final = b"\r\n"
_CODE_OBJECTS: Final = frozenset(b"c\xe3")


def _fits(name: str, data: bytes) -> bool:
    if not name.endswith(".pyc") or len(data) <= _HEADER_BYTES:
        return False
    (flags,) = struct.unpack_from("<I", data, 4)
    return data[2:4] == _MAGIC_END and flags == 0 and data[_HEADER_BYTES] in _CODE_OBJECTS


PYC_HEADER: Final = Stabiliser(
    name="pyc-header@1",
    fits=_fits,
    stabilise=lambda data: data[:8] + bytes(4) + data[12:],
)
