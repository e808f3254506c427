"""The content-addressed store in a folder: one file a blob, named by its sha256.

    ROOT/blobs/sha256/ab/abcdef…   complete, durable, mode 0444
    ROOT/staging/                  being written; a crash may leave files here, never above
    ROOT/damaged/                  set aside: its bytes were not what its name says

Reading verifies. A blob that fails is set aside at once, so that the next put heals it.
See docs/formats.md, "Store".
"""

import hashlib
import itertools
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, Final

from sealift.base.edge.port import Files
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError, UnavailableError
from sealift.core.limits import COPY_CHUNK_BYTES

_BLOB_MODE: Final = 0o444
_counter = itertools.count()


@dataclass(slots=True)
class _Transaction:
    """What this thread has written since its outermost block began."""

    depth: int = 0
    staged: dict[Digest, Path] = field(default_factory=dict)


class _ThreadState(threading.local):
    def __init__(self) -> None:
        self.transaction = _Transaction()


class LocalBlobStore:
    """The port `BlobStore` on a local file system. Safe for several threads and processes."""

    def __init__(self, root: Path, files: Files) -> None:
        self._files = files
        self._blobs = root / "blobs" / "sha256"
        self._staging = root / "staging"
        self._damaged = root / "damaged"
        self._state = _ThreadState()
        # A blob verified once in this process is not hashed again while its file is untouched.
        self._verified: dict[Digest, tuple[int, ...]] = {}
        self._folders: set[Path] = set()

    def has(self, digest: Digest) -> bool:
        """Tell whether the blob is there."""
        return digest in self._state.transaction.staged or self._place(digest).is_file()

    def put(self, data: bytes) -> Descriptor:
        """Store bytes; idempotent."""
        descriptor = Descriptor(digest=Digest.of(data), size_bytes=len(data))
        if not self._is_complete(descriptor):
            self._write((data,))
        return descriptor

    def put_file(self, path: Path) -> Descriptor:
        """Store a file's bytes, hashing while copying; idempotent."""
        # Without O_NONBLOCK a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(fact=f"`{path}` is no regular file", expected="a regular file")
            if status.st_size <= COPY_CHUNK_BYTES:
                return self.put(file.read())
            return self._write(_chunks(file))

    def put_chunks(self, chunks: Iterable[bytes]) -> Descriptor:
        """Store what `chunks` gives, hashing while writing; nothing when it raises."""
        return self._write(chunks)

    @contextmanager
    def open(self, digest: Digest) -> Iterator[BinaryIO]:
        """Yield the blob for reading. Raises IntegrityError when it is missing or was damaged."""
        with self._opened(digest) as file:
            self._verify(digest, file)
            file.seek(0)
            yield file

    def read(self, digest: Digest, *, size_bytes_max: int) -> bytes:
        """Return the blob's verified bytes; IntegrityError when missing, damaged or larger."""
        with self._opened(digest) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes > size_bytes_max:
                raise IntegrityError(
                    fact=f"blob {digest} has {size_bytes} bytes",
                    expected=f"at most {size_bytes_max} bytes",
                )
            data = file.read(size_bytes_max)
        found = Digest.of(data)
        if found != digest:
            raise self._set_aside(digest, found)
        return data

    def path(self, digest: Digest) -> Path:
        """Return a local read-only file with the blob's bytes, to link or bind; as `open`."""
        # The staged name is gone when the block ends; a path is meant to stay.
        self._settle()
        with self._opened(digest) as file:
            self._verify(digest, file)
        return self._place(digest)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Group the puts of this thread: one durability barrier at the end, not one a blob."""
        transaction = self._state.transaction
        transaction.depth += 1
        try:
            yield
            if transaction.depth == 1:
                self._settle()
        finally:
            transaction.depth -= 1
            if transaction.depth == 0:
                self._discard(transaction.staged.values())
                transaction.staged.clear()

    def digests(self) -> Iterator[Digest]:
        """Yield every blob's digest once, sorted."""
        if not self._blobs.is_dir():
            return
        for folder in sorted(self._blobs.iterdir()):
            for blob in sorted(folder.iterdir()):
                # A temporary file of a crash is no blob.
                with suppress(IntegrityError):
                    yield Digest(blob.name)

    def _place(self, digest: Digest) -> Path:
        return self._blobs / digest.hex[:2] / digest.hex

    def _is_complete(self, descriptor: Descriptor) -> bool:
        """Tell whether a blob of this size is there; set a truncated one aside."""
        if descriptor.digest in self._state.transaction.staged:
            return True
        try:
            size_bytes = self._place(descriptor.digest).stat().st_size
        except FileNotFoundError:
            return False
        if size_bytes == descriptor.size_bytes:
            return True
        self._set_aside(descriptor.digest, None)
        return False

    def _write(self, chunks: Iterable[bytes]) -> Descriptor:
        hasher = hashlib.sha256()
        size_bytes = 0
        with self._staged() as (staged, file):
            for chunk in chunks:
                hasher.update(chunk)
                size_bytes += len(chunk)
                file.write(chunk)
        descriptor = Descriptor(digest=Digest(hasher.hexdigest()), size_bytes=size_bytes)
        if self._is_complete(descriptor):
            self._discard((staged,))
            return descriptor
        transaction = self._state.transaction
        transaction.staged[descriptor.digest] = staged
        if transaction.depth == 0:
            try:
                self._settle()
            finally:
                self._discard(transaction.staged.values())
                transaction.staged.clear()
        return descriptor

    @contextmanager
    def _staged(self) -> Iterator[tuple[Path, BinaryIO]]:
        self._ensure_folder(self._staging)
        while True:
            path = self._staging / f"{os.getpid()}-{next(_counter)}"
            # A killed process may have left this name: then take the next one.
            if not path.exists():
                break
        with self._files.create_staged(path) as file:
            yield path, file

    def _settle(self) -> None:
        """Make everything that this thread has staged durable and visible."""
        staged = self._state.transaction.staged
        moves = [(path, self._place(digest)) for digest, path in sorted(staged.items())]
        for _, place in moves:
            self._ensure_folder(place.parent)
        self._files.move_durably(moves, mode=_BLOB_MODE)
        staged.clear()

    def _discard(self, staged: Iterable[Path]) -> None:
        for path in staged:
            # Leaving a file in staging is harmless; hiding the first error is not.
            with suppress(UnavailableError, ConfigError):
                self._files.remove(path)

    def _ensure_folder(self, folder: Path) -> None:
        if folder not in self._folders:
            self._files.make_folder(folder)
            self._folders.add(folder)

    @contextmanager
    def _opened(self, digest: Digest) -> Iterator[BufferedReader]:
        path = self._state.transaction.staged.get(digest, self._place(digest))
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise IntegrityError(
                fact=f"blob {digest} is not in the store",
                expected="a blob that was stored before",
                hint="run the release again; what is missing is made or fetched anew",
            ) from error
        with file:
            yield file

    def _verify(self, digest: Digest, file: BufferedReader) -> None:
        status = os.fstat(file.fileno())
        signature = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if self._verified.get(digest) == signature:
            return
        found = Digest(hashlib.file_digest(file, "sha256").hexdigest())
        if found != digest:
            raise self._set_aside(digest, found)
        self._verified[digest] = signature

    def _set_aside(self, digest: Digest, found: Digest | None) -> IntegrityError:
        """Move a damaged blob out of the way and return the error that says so."""
        self._verified.pop(digest, None)
        aside = self._damaged / f"{digest.hex}-{os.getpid()}-{next(_counter)}"
        # A store that we may only read is damaged all the same.
        with suppress(UnavailableError, ConfigError, FileNotFoundError):
            self._ensure_folder(self._damaged)
            self._files.move_durably([(self._place(digest), aside)], mode=_BLOB_MODE)
        return IntegrityError(
            fact=f"blob {digest} is damaged: its bytes have digest {found or 'of another length'}",
            expected=f"{digest}",
            hint=f"it was set aside as {aside}; run the release again to make or fetch it anew",
        )


def _chunks(file: RawIOBase) -> Iterator[bytes]:
    while chunk := file.read(COPY_CHUNK_BYTES):
        yield chunk
