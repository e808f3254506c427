"""`compression@1`: contents are compared unpacked, so that another compressor does not count.

Only containers have it: `nesting.py` unpacks and packs them in one fixed way when it is enabled.
Alone it changes nothing.
"""

from typing import Final

from sealift.stations.build.stabilisers.stabiliser import Stabiliser

COMPRESSION: Final = Stabiliser(
    name="compression@1", fits=lambda _name, _data: False, stabilise=lambda data: data
)
