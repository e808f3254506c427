"""The suite that every driver of the blob store passes.

A test class joins it by making a store:

    class TestLocalBlobStore(BlobStoreSuite):
        def make_store(self, root: Path) -> BlobStore:
            return LocalBlobStore(root, DurableFiles())
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sealift.base.store.port import BlobStore
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import COPY_CHUNK_BYTES, MIB
from sealift.testing.expect import expect, expect_equal, expect_error

_ABSENT = Digest.of(b"nobody stored this")


class _StoryError(Exception):
    """Something in the story went wrong; not the store's doing."""


class BlobStoreSuite(ABC):
    """What `BlobStore` promises."""

    @abstractmethod
    def make_store(self, root: Path) -> BlobStore:
        """Open the store at `root`; the same root shows the same blobs."""

    @abstractmethod
    def damage(self, root: Path, digest: Digest, data: bytes) -> None:
        """Let the blob's bytes be `data`, behind the store's back."""

    def test_store_returns_the_bytes_it_was_given(self, tmp_path: Path) -> None:
        """Every way in and every way out agree."""
        store = self.make_store(tmp_path)
        for data in (b"", b"x", b"\x00\xff" * 1000):
            blob = store.put(data)
            expect_equal((blob.digest, blob.size_bytes), (Digest.of(data), len(data)))
            expect_equal(store.read(blob.digest, size_bytes_max=len(data)), data)
            expect_equal(store.path(blob.digest).read_bytes(), data)
            with store.open(blob.digest) as file:
                expect_equal(file.read(), data)

    def test_store_shows_blobs_to_whoever_opens_it_later(self, tmp_path: Path) -> None:
        """A blob is not in the object, it is in the store."""
        blob = self.make_store(tmp_path).put(b"kept")
        expect(self.make_store(tmp_path).has(blob.digest), "the blob is gone")

    def test_putting_the_same_bytes_again_changes_nothing(self, tmp_path: Path) -> None:
        """Puts are idempotent."""
        store = self.make_store(tmp_path)
        expect_equal(store.put(b"twice"), store.put(b"twice"))
        expect_equal(list(store.digests()), [Digest.of(b"twice")])

    def test_files_small_and_large_are_stored_by_their_bytes(self, tmp_path: Path) -> None:
        """Below and above the chunk size the digest is that of the whole file."""
        store = self.make_store(tmp_path / "store")
        for size in (0, 10, COPY_CHUNK_BYTES, COPY_CHUNK_BYTES + 1, 3 * MIB + 7):
            file = tmp_path / "file"
            file.write_bytes(bytes(index % 251 for index in range(1000)) * (size // 1000 + 1))
            expect_equal(store.put_file(file).digest, Digest.of(file.read_bytes()))

    def test_device_is_no_blob(self, tmp_path: Path) -> None:
        """Only regular files have bytes of their own."""
        store = self.make_store(tmp_path / "store")
        expect_error(ConfigError, lambda: store.put_file(Path("/dev/null")))

    def test_chunks_are_stored_as_one_blob(self, tmp_path: Path) -> None:
        """A download needs no file of its own."""
        store = self.make_store(tmp_path)
        expect_equal(store.put_chunks([b"a", b"", b"bc"]).digest, Digest.of(b"abc"))

    def test_chunks_that_break_off_leave_nothing(self, tmp_path: Path) -> None:
        """A cut download is no blob."""
        store = self.make_store(tmp_path)

        def broken() -> Iterator[bytes]:
            yield b"half"
            raise _StoryError

        expect_error(_StoryError, lambda: store.put_chunks(broken()))
        expect_equal(list(store.digests()), [])

    def test_missing_blob_is_an_integrity_error_that_names_it(self, tmp_path: Path) -> None:
        """No way out invents bytes."""
        store = self.make_store(tmp_path)
        expect(not store.has(_ABSENT), "an absent blob is there")
        for action in (
            lambda: store.read(_ABSENT, size_bytes_max=10),
            lambda: store.path(_ABSENT),
            lambda: store.open(_ABSENT).__enter__(),
        ):
            expect(_ABSENT.hex in str(expect_error(IntegrityError, action)), "it is not named")

    def test_blob_larger_than_the_reader_allows_is_refused(self, tmp_path: Path) -> None:
        """The limit is the reader's; one byte more is too much."""
        store = self.make_store(tmp_path)
        blob = store.put(b"12345")
        expect_equal(store.read(blob.digest, size_bytes_max=5), b"12345")
        expect_error(IntegrityError, lambda: store.read(blob.digest, size_bytes_max=4))

    def test_damaged_blob_is_refused_and_healed_by_the_next_put(self, tmp_path: Path) -> None:
        """Other bytes, fewer bytes, no bytes: each is found by each way out."""
        for number, data in enumerate((b"wrong bytes", b"right", b"", b"right bytes and more")):
            for way in range(3):
                root = tmp_path / f"{number}-{way}"
                blob = self.make_store(root).put(b"right bytes")
                self.damage(root, blob.digest, data)
                store = self.make_store(root)
                ways = (
                    lambda store=store, blob=blob: store.read(blob.digest, size_bytes_max=99),
                    lambda store=store, blob=blob: store.path(blob.digest),
                    lambda store=store, blob=blob: store.open(blob.digest).__enter__(),
                )
                error = expect_error(IntegrityError, ways[way])
                expect(blob.digest.hex in str(error), "the damaged blob is not named")
                expect(not store.has(blob.digest), "the damaged blob is still there")
                store.put(b"right bytes")
                expect_equal(store.read(blob.digest, size_bytes_max=99), b"right bytes")

    def test_damage_after_a_good_read_is_found_too(self, tmp_path: Path) -> None:
        """Having been right once is no proof for ever."""
        store = self.make_store(tmp_path)
        blob = store.put(b"right bytes")
        store.path(blob.digest)
        self.damage(tmp_path, blob.digest, b"wrong bytes")
        expect_error(IntegrityError, lambda: store.path(blob.digest))

    def test_truncated_blob_is_healed_by_a_put_alone(self, tmp_path: Path) -> None:
        """A put trusts no blob of another length."""
        store = self.make_store(tmp_path)
        blob = store.put(b"right bytes")
        self.damage(tmp_path, blob.digest, b"right")
        store.put(b"right bytes")
        expect_equal(store.read(blob.digest, size_bytes_max=99), b"right bytes")

    def test_transaction_shows_its_blobs_inside_and_after(self, tmp_path: Path) -> None:
        """Whoever writes a tree reads it in the same block."""
        store = self.make_store(tmp_path)
        with store.transaction():
            first, second = store.put(b"first"), store.put(b"second")
            expect(store.has(first.digest), "not there inside")
            expect_equal(store.read(first.digest, size_bytes_max=9), b"first")
            path = store.path(second.digest)
        expect_equal(path.read_bytes(), b"second")
        expect_equal(
            list(self.make_store(tmp_path).digests()), sorted((first.digest, second.digest))
        )

    def test_failed_transaction_leaves_nothing(self, tmp_path: Path) -> None:
        """An error drops what the block has put, and the store works on."""
        store = self.make_store(tmp_path)

        def fails() -> None:
            with store.transaction():
                store.put(b"first")
                raise _StoryError

        expect_error(_StoryError, fails)
        expect_equal(list(store.digests()), [])
        expect_equal(store.put(b"first").digest, Digest.of(b"first"))
        expect(store.has(Digest.of(b"first")), "the store does not work any more")

    def test_nested_transactions_end_with_the_outermost(self, tmp_path: Path) -> None:
        """What an inner block has put is dropped when the outer block fails."""
        store = self.make_store(tmp_path)

        def fails() -> None:
            with store.transaction():
                with store.transaction():
                    store.put(b"inner")
                raise _StoryError

        expect_error(_StoryError, fails)
        expect_equal(list(store.digests()), [])


class ConcurrentBlobStoreSuite(BlobStoreSuite):
    """What a store that several threads share promises as well."""

    def test_many_threads_may_put_the_same_and_other_bytes(self, tmp_path: Path) -> None:
        """Each thread has a transaction of its own."""
        store = self.make_store(tmp_path)

        def work(number: int) -> None:
            with store.transaction():
                for index in range(10):
                    store.put(f"shared {index}".encode())
                    store.put(f"own {number} {index}".encode())

        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(work, range(4)))
        expect_equal(len(list(store.digests())), 10 + 4 * 10)
