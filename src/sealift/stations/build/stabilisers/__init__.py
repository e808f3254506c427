"""Take what says nothing about contents out of files: order, times, owners; one stabiliser a file.

Two outputs that are equal after named stabilisers are *equivalent*, never identical. A stabiliser
is a pure function from bytes to bytes that is its own fixed point; it never touches contents, and
leaves alone what it does not fully understand. A change of what one does raises its version.
"""

from typing import Final

from sealift.stations.build.stabilisers.ar_metadata import AR_METADATA
from sealift.stations.build.stabilisers.compression import COMPRESSION
from sealift.stations.build.stabilisers.gzip_header import GZIP_HEADER
from sealift.stations.build.stabilisers.pyc_header import PYC_HEADER
from sealift.stations.build.stabilisers.stabiliser import Stabiliser
from sealift.stations.build.stabilisers.tar_metadata import TAR_METADATA
from sealift.stations.build.stabilisers.wheel_record import WHEEL_RECORD
from sealift.stations.build.stabilisers.zip_metadata import ZIP_METADATA

STABILISERS: Final[tuple[Stabiliser, ...]] = (
    AR_METADATA,
    COMPRESSION,
    GZIP_HEADER,
    PYC_HEADER,
    TAR_METADATA,
    WHEEL_RECORD,
    ZIP_METADATA,
)
"""All of them, by name; docs/formats/build.md says what each one takes out."""
