"""`wheel-record@1`: the lines of a wheel's RECORD are sorted; it lists files in no given order."""

from typing import Final

from sealift.stations.build.stabilisers.stabiliser import Stabiliser


def _stabilise(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    # Quoted fields could hold line ends, and a last line without one would join its neighbour.
    if b'"' in data or not data.endswith(b"\n"):
        return data
    return b"".join(sorted(lines))


WHEEL_RECORD: Final = Stabiliser(
    name="wheel-record@1",
    fits=lambda name, _: name.endswith(".dist-info/RECORD"),
    stabilise=_stabilise,
)
