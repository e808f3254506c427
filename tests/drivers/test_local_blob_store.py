import stat
from pathlib import Path

import pytest

from sealift.base.edge.real import DurableFiles
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.base.store.port import BlobStore
from sealift.core.digest import Digest
from sealift.core.errors import UnavailableError
from sealift.testing.blob_store import BlobStoreSuite, ConcurrentBlobStoreSuite
from sealift.testing.simulation import SimFiles


def _place(root: Path, digest: Digest) -> Path:
    return root / "blobs" / "sha256" / digest.hex[:2] / digest.hex


def _damage(root: Path, digest: Digest, data: bytes) -> None:
    path = _place(root, digest)
    path.chmod(0o600)
    path.write_bytes(data)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestLocalBlobStore(ConcurrentBlobStoreSuite):
    def make_store(self, root: Path) -> BlobStore:
        return LocalBlobStore(root, DurableFiles())

    def damage(self, root: Path, digest: Digest, data: bytes) -> None:
        _damage(root, digest, data)


class TestLocalBlobStoreOnASimulatedDisk(BlobStoreSuite):
    def make_store(self, root: Path) -> BlobStore:
        return LocalBlobStore(root, SimFiles(root))

    def damage(self, root: Path, digest: Digest, data: bytes) -> None:
        _damage(root, digest, data)


def test_blobs_lie_where_the_format_says_and_cannot_be_written(tmp_path: Path) -> None:
    blob = LocalBlobStore(tmp_path, DurableFiles()).put(b"fixed")
    path = _place(tmp_path, blob.digest)
    assert path.read_bytes() == b"fixed"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert _names(tmp_path / "staging") == []


def test_damaged_bytes_are_kept_as_evidence(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path, DurableFiles())
    blob = store.put(b"right")
    _damage(tmp_path, blob.digest, b"wrong")
    with pytest.raises(Exception, match="damaged"):
        store.read(blob.digest, size_bytes_max=9)
    (aside,) = (tmp_path / "damaged").iterdir()
    assert aside.name.startswith(blob.digest.hex)
    assert aside.read_bytes() == b"wrong"


def test_transaction_syncs_each_folder_once(tmp_path: Path) -> None:
    files = SimFiles(tmp_path)
    store = LocalBlobStore(tmp_path, files)
    store.put(b"warm up the folders 0")
    same_folder: list[bytes] = []
    number = 0
    while len(same_folder) < 5:
        data = str(number).encode()
        if Digest.of(data).hex.startswith("2d"):
            same_folder.append(data)
        number += 1
    store.put(same_folder.pop())
    before = files.disk.operations
    with store.transaction():
        for data in same_folder:
            store.put(data)
    # For each blob: create, write, mode, sync, rename. Then one folder.
    assert files.disk.operations - before == 5 * len(same_folder) + 1


@pytest.mark.parametrize("full_at", range(1, 33, 2))
def test_full_disk_is_said_and_the_store_works_again_with_room(
    tmp_path: Path, full_at: int
) -> None:
    files = SimFiles(tmp_path)
    store = LocalBlobStore(tmp_path, files)
    kept = store.put(b"kept")
    files.disk.full_at = files.disk.writes + full_at

    def fill() -> None:
        with store.transaction():
            for number in range(12):
                store.put(f"blob {number}".encode())

    with pytest.raises(UnavailableError, match="no space"):
        fill()
    files.disk.full_at = None
    assert list(store.digests()) == [kept.digest]
    assert _names(tmp_path / "staging") == []
    assert store.put(b"blob 1").digest in set(store.digests())
