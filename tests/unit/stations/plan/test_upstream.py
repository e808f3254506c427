"""The commit holds what the published archive holds, or the release says where it does not."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.release import UpstreamArchive
from sealift.core.tree import Tree
from sealift.stations.plan.upstream import compare_archive, record_archive, without_ours
from sealift.testing.checkout import Checkout

Compress = Callable[[bytes], bytes]


def tarball(compress: Compress = gzip.compress, **changed: bytes | None) -> bytes:
    """Pack the checkout of the fixture as its authors would, with changes by name."""
    files: dict[str, bytes | None] = {"README": b"hello\n", "src/run": b"#!/bin/sh\n", **changed}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            if data is not None:
                info = tarfile.TarInfo(f"jq-1.8.2/{name}")
                info.size = len(data)
                info.mode = 0o755 if name == "src/run" else 0o644
                archive.addfile(info, io.BytesIO(data))
    return compress(stream.getvalue())


@pytest.fixture
def source(checkout: Checkout, store: LocalBlobStore) -> Tree:
    for name in ("sealift.toml", "sealift.lock", ".gitignore"):
        checkout.write(name, "ours\n")
    return checkout.git().archive(checkout.commit(), store)


@pytest.mark.parametrize(
    "compress",
    [gzip.compress, lzma.compress, bz2.compress, bytes],
    ids=["gzip", "xz", "bzip2", "plain"],
)
def test_archive_that_the_commit_was_made_from_is_recorded(
    store: LocalBlobStore, source: Tree, tmp_path: Path, compress: Compress
) -> None:
    place = tmp_path / "jq-1.8.2.tar.gz"
    place.write_bytes(tarball(compress))
    upstream = record_archive(store, place, source=source)
    assert upstream == UpstreamArchive(name="jq-1.8.2.tar.gz", digest=Digest.of(place.read_bytes()))
    # What we add to a checkout never counts, also where the release took it out before.
    assert compare_archive(store, upstream, source=source)[0] == "pass"
    assert compare_archive(store, upstream, source=without_ours(source))[0] == "pass"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"README": b"hullo\n"}, "`README` differs (6 bytes against 6, other contents)"),
        ({"README": None}, "`README` is not in the archive"),
        ({"INSTALL": b""}, "`INSTALL` is missing"),
    ],
)
def test_archive_with_other_files_is_refused_by_the_first_of_them(
    store: LocalBlobStore,
    source: Tree,
    tmp_path: Path,
    changed: dict[str, bytes | None],
    reason: str,
) -> None:
    place = tmp_path / "jq-1.8.2.tar.gz"
    place.write_bytes(tarball(**changed))
    with pytest.raises(IntegrityError) as caught:
        record_archive(store, place, source=source)
    assert reason in caught.value.fact
    assert caught.value.hint


def test_executable_bit_counts(store: LocalBlobStore, checkout: Checkout, tmp_path: Path) -> None:
    (checkout.folder / "src" / "run").chmod(0o644)
    source = checkout.git().archive(checkout.commit(), store)
    place = tmp_path / "jq.tar.gz"
    place.write_bytes(tarball())
    with pytest.raises(IntegrityError, match="whether it is executable"):
        record_archive(store, place, source=source)


def test_archive_that_is_not_in_the_store_is_unknown_and_not_a_pass(
    store: LocalBlobStore, source: Tree
) -> None:
    absent = UpstreamArchive(name="jq.tar.gz", digest=Digest.of(b"absent"))
    outcome, reason = compare_archive(store, absent, source=source)
    assert outcome == "unknown"
    assert "sealift lock --source-archive" in reason


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 a zip",
        b"",
        tarball()[:-20],
        tarball()[:40],
        tarball(lzma.compress)[:-20],
        tarball(bz2.compress)[:-20],
        b"BZh9 nonsense",
        b"\x1f\x8b nonsense",
        gzip.compress(b"x" * 5_000, mtime=0),
    ],
    ids=["zip", "empty", "gzip cut", "gzip head", "xz cut", "bzip2 cut", "bz", "gz", "no tar"],
)
def test_damaged_archive_is_refused_and_not_a_crash(
    store: LocalBlobStore, source: Tree, tmp_path: Path, data: bytes
) -> None:
    place = tmp_path / "jq.tar.gz"
    place.write_bytes(data)
    with pytest.raises(IntegrityError):
        record_archive(store, place, source=source)


def test_missing_archive_is_a_config_error(
    store: LocalBlobStore, source: Tree, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="is no file"):
        record_archive(store, tmp_path / "absent.tar.gz", source=source)
