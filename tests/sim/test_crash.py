"""Crash at every operation in turn; after the reboot nothing half-done may show.

A failure names the seed and the operation: both together replay it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from sealift.base.store.drivers.local import LocalBlobStore
from sealift.base.store.trees import ingest_folder, load_tree
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.testing.disk import SimulatedCrash
from sealift.testing.simulation import SimFiles

SEEDS = range(5)
_OPERATIONS_MAX = 400

Story = Callable[[SimFiles, Path], None]


def _crashes(root: Path, seed: int, *, prepare: Story, act: Story, check: Story) -> int:
    """Act once for every operation, crashing there; return how many operations there were."""
    for crash_at in range(1, _OPERATIONS_MAX):
        folder = root / str(crash_at)
        folder.mkdir()
        files = SimFiles(folder, seed=seed * _OPERATIONS_MAX + crash_at)
        prepare(files, folder)
        files.disk.crash_at = files.disk.operations + crash_at
        try:
            act(files, folder)
        except SimulatedCrash:
            files.recover()
            check(files, folder)
        else:
            return crash_at - 1
    pytest.fail("the story never ended")


def _require_whole_blobs(folder: Path) -> set[Digest]:
    """Every file under a digest's name has that digest; return them."""
    found = set()
    for path in (folder / "store" / "blobs").rglob("*"):
        if path.is_file():
            assert Digest.of(path.read_bytes()).hex == path.name, path
            found.add(Digest(path.name))
    return found


def _ignore(files: SimFiles, folder: Path) -> None:
    del files, folder


@pytest.mark.parametrize("seed", SEEDS)
def test_store_never_shows_a_partial_blob_after_a_crash(tmp_path: Path, seed: int) -> None:
    contents = [b"first", b"second" * 5000, b"third"]

    def put(files: SimFiles, folder: Path) -> None:
        store = LocalBlobStore(folder / "store", files)
        for data in contents:
            blob = store.put(data)
            # One by one: what was returned before the crash must survive it.
            returned.append(blob.digest)

    def check(files: SimFiles, folder: Path) -> None:
        found = _require_whole_blobs(folder)
        assert set(returned) <= found, "a blob that `put` had returned is gone"
        returned.clear()
        put(files, folder)
        assert _require_whole_blobs(folder) == {Digest.of(data) for data in contents}
        returned.clear()

    returned: list[Digest] = []
    assert _crashes(tmp_path, seed, prepare=_ignore, act=put, check=check) > 20


@pytest.mark.parametrize("seed", SEEDS)
def test_tree_that_was_returned_is_whole_after_a_crash(tmp_path: Path, seed: int) -> None:
    def prepare(files: SimFiles, folder: Path) -> None:
        del files
        for number in range(4):
            path = folder / "project" / f"folder {number}" / "file"
            path.parent.mkdir(parents=True)
            path.write_bytes(f"file {number}".encode() * 100)

    def ingest(files: SimFiles, folder: Path) -> None:
        store = LocalBlobStore(folder / "store", files)
        trees.append(ingest_folder(store, folder / "project").digest)
        store.put(b"something after it")

    def check(files: SimFiles, folder: Path) -> None:
        found = _require_whole_blobs(folder)
        store = LocalBlobStore(folder / "store", files)
        for digest in trees:
            for entry in load_tree(store, digest).entries:
                assert entry.digest in found
        trees.clear()

    trees: list[Digest] = []
    assert _crashes(tmp_path, seed, prepare=prepare, act=ingest, check=check) > 20


@pytest.mark.parametrize("seed", SEEDS)
def test_symlink_points_to_the_old_or_the_new_target_after_a_crash(
    tmp_path: Path, seed: int
) -> None:
    def prepare(files: SimFiles, folder: Path) -> None:
        files.replace_symlink(folder / "current", "generations/1")

    def act(files: SimFiles, folder: Path) -> None:
        files.replace_symlink(folder / "current", "generations/2")
        returned.append("generations/2")
        files.write_durably(folder / "after", b"")

    def check(files: SimFiles, folder: Path) -> None:
        target = (folder / "current").readlink().as_posix()
        assert target in set(returned or ("generations/1", "generations/2"))
        returned.clear()
        files.replace_symlink(folder / "current", "generations/3")
        assert (folder / "current").readlink().as_posix() == "generations/3"

    returned: list[str] = []
    assert _crashes(tmp_path, seed, prepare=prepare, act=act, check=check) > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_file_has_the_old_or_the_new_bytes_after_a_crash(tmp_path: Path, seed: int) -> None:
    old, new = b"old" * 10_000, b"new" * 20_000

    def prepare(files: SimFiles, folder: Path) -> None:
        files.write_durably(folder / "pointer", old)

    def act(files: SimFiles, folder: Path) -> None:
        files.make_folder(folder / "deep" / "er")
        files.write_durably(folder / "deep" / "er" / "first", new)
        files.write_durably(folder / "pointer", new)

    def check(files: SimFiles, folder: Path) -> None:
        del files
        found = (folder / "pointer").read_bytes()
        assert found in {old, new}
        if found == new:
            assert (folder / "deep" / "er" / "first").read_bytes() == new

    assert _crashes(tmp_path, seed, prepare=prepare, act=act, check=check) > 10


class _ForgetfulFiles(SimFiles):
    """Writes without syncing: what the simulator is there to catch."""

    def write_durably(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        temporary = path.with_suffix(".tmp")
        with self.disk.create(temporary, mode=mode) as file:
            file.write(data)
        self.disk.rename(temporary, path)
        self.disk.sync_folder(path.parent)


def test_simulator_catches_a_write_that_was_not_synced(tmp_path: Path) -> None:
    wrong = 0
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        files = _ForgetfulFiles(folder, seed=seed)
        files.write_durably(folder / "file", b"important")
        files.disk.crash_at = files.disk.operations + 1
        with pytest.raises(SimulatedCrash):
            files.sync_folder(folder)
        files.recover()
        wrong += (folder / "file").read_bytes() != b"important"
    assert wrong > 5


def test_crash_replays_from_its_seed(tmp_path: Path) -> None:
    def remains(name: str, seed: int) -> list[tuple[str, bytes]]:
        folder = tmp_path / name
        folder.mkdir()
        files = SimFiles(folder, seed=seed)
        files.disk.crash_at = 9
        with pytest.raises(SimulatedCrash):
            LocalBlobStore(folder / "store", files).put(b"bytes" * 1000)
        files.recover()
        return sorted(
            (path.name, path.read_bytes())
            for path in (folder / "store").rglob("*")
            if path.is_file()
        )

    def shape(found: list[tuple[str, bytes]]) -> list[bytes]:
        return [data for _, data in found]

    assert shape(remains("one", 3)) == shape(remains("two", 3))


def test_damaged_blob_is_never_read_even_if_the_disk_lied(tmp_path: Path) -> None:
    files = SimFiles(tmp_path)
    blob = LocalBlobStore(tmp_path, files).put(b"bytes")
    path = tmp_path / "blobs" / "sha256" / blob.digest.hex[:2] / blob.digest.hex
    path.chmod(0o600)
    path.write_bytes(bytes(5))
    with pytest.raises(IntegrityError):
        LocalBlobStore(tmp_path, files).read(blob.digest, size_bytes_max=5)
