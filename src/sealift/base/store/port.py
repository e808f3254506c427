"""The content-addressed store: bytes by sha256, immutable, verified on the way in and out."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from sealift.core.digest import Descriptor, Digest


class BlobStore(Protocol):
    """Keep blobs. A blob that is there is complete and durable.

    The suite that every driver passes is `sealift.testing.blob_store`.
    """

    def has(self, digest: Digest) -> bool:
        """Tell whether the blob is there."""

    def put(self, data: bytes) -> Descriptor:
        """Store bytes; idempotent. Raises UnavailableError when the disk is full."""

    def put_file(self, path: Path) -> Descriptor:
        """Store a file's bytes, hashing while copying; idempotent. Raises as `put` does."""

    def put_chunks(self, chunks: Iterable[bytes]) -> Descriptor:
        """Store what `chunks` gives, hashing while writing; nothing when it raises. As `put`."""

    def open(self, digest: Digest) -> AbstractContextManager[BinaryIO]:
        """Yield the blob for reading. Raises IntegrityError when it is missing or was damaged."""

    def read(self, digest: Digest, *, size_bytes_max: int) -> bytes:
        """Return the blob's verified bytes; IntegrityError when missing, damaged or larger."""

    def path(self, digest: Digest) -> Path:
        """Return a local read-only file with the blob's bytes, to link or bind; as `open`."""

    def transaction(self) -> AbstractContextManager[None]:
        """Group the puts of this thread: one durability barrier at the end, not one a blob.

        Inside the block its own blobs can be read. They are dropped when it ends with an error.
        Blocks may nest; the outermost one counts.
        """

    def digests(self) -> Iterator[Digest]:
        """Yield every blob's digest once, sorted."""
