"""`ar-metadata@1`: times and owners of the members of `.deb` and `.a` files become 0."""

from dataclasses import replace
from typing import Final

from sealift.stations.build.stabilisers.ar_format import AR_MAGIC, parse_ar, write_ar
from sealift.stations.build.stabilisers.stabiliser import Stabiliser

# Time (12 columns), user and group (6 each).
_NOBODY: Final = b"0".ljust(12) + b"0".ljust(6) + b"0".ljust(6)


def _stabilise(data: bytes) -> bytes:
    members = parse_ar(data)
    if members is None:
        return data
    return write_ar([replace(member, owner=_NOBODY) for member in members])


AR_METADATA: Final = Stabiliser(
    name="ar-metadata@1",
    fits=lambda _, data: data.startswith(AR_MAGIC),
    stabilise=_stabilise,
)
