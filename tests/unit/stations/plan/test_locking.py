"""What is locked was seen: resolved, downloaded, hashed."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.platform import Platform
from sealift.stations.plan.lockfile import check_lock, parse_lock, render_lock
from sealift.stations.plan.locking import lock
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.model import Lock, Manifest
from sealift.stations.plan.port import IndexFile, Resolution, ResolvedFile

AMD64 = Platform("linux/amd64")
FETCH = '[stages.backend]\nkind = "fetch"\ninputs = ["pypi:build", "pypi:poetry-core>=1"]\n'


@dataclass
class FakeResolver:
    """Resolves to what it was told, and remembers the questions."""

    files: tuple[ResolvedFile, ...]
    asked: list[tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)

    def resolve(self, requirements: tuple[str, ...], *, constraints: tuple[str, ...]) -> Resolution:
        self.asked.append((requirements, constraints))
        return Resolution(python="3.11", files=self.files)


@dataclass
class FakeIndex:
    """Serves bytes by file name."""

    store: LocalBlobStore
    files: dict[str, bytes]

    def find_file(self, project: str, filename: str, *, digest: Digest | None = None) -> IndexFile:
        del digest
        return IndexFile(
            project=project, filename=filename, url=filename, digest=None, size_bytes=None
        )

    def download(self, file: IndexFile, *, digest: Digest | None) -> Descriptor:
        got = self.store.put(self.files[file.filename])
        if digest is not None and got.digest != digest:
            raise IntegrityError(fact="other bytes")
        return got


@pytest.fixture
def manifest(manifest_text: str) -> Manifest:
    return parse_manifest((manifest_text + FETCH).encode(), path="sealift.toml")


def wheel_bytes(folder: Path, metadata: str) -> bytes:
    place = folder / "one.whl"
    with zipfile.ZipFile(place, "w") as wheel:
        wheel.writestr("build-1.2.0.dist-info/METADATA", f"Metadata-Version: 2.4\n{metadata}\n")
    return place.read_bytes()


def resolved(data: bytes) -> ResolvedFile:
    return ResolvedFile(
        name="build",
        version="1.2.0",
        filename="build-1.2.0-py3-none-any.whl",
        digest=Digest.of(data),
        requested=True,
    )


def locked(manifest: Manifest, store: LocalBlobStore, data: bytes) -> Lock:
    return lock(
        manifest,
        resolver=FakeResolver((resolved(data),)),
        index=FakeIndex(store, {"build-1.2.0-py3-none-any.whl": data}),
        store=store,
        platform=AMD64,
    )


def test_every_file_is_pinned_with_what_was_seen_of_it(
    manifest: Manifest, store: LocalBlobStore, tmp_path: Path
) -> None:
    data = wheel_bytes(tmp_path, "License-Expression: MIT")
    found = locked(manifest, store, data)
    (download,) = found.downloads
    assert download.group == "backend"
    assert (download.digest, download.size_bytes) == (Digest.of(data), len(data))
    assert download.purl == "pkg:pypi/build@1.2.0"
    assert download.licence == "MIT"
    assert store.has(download.digest)
    assert (found.python, found.platform) == ("3.11", "linux/amd64")
    check_lock(manifest, found)
    assert parse_lock(render_lock(found).encode(), path="sealift.lock") == found


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License: Apache-2.0", "Apache-2.0"),
        ("License: see file\nClassifier: License :: OSI Approved :: MIT License", "MIT"),
        ("License: BSD", ""),
        ("", ""),
    ],
)
def test_licence_is_taken_from_the_wheel_only_where_it_is_clear(
    manifest: Manifest, store: LocalBlobStore, tmp_path: Path, metadata: str, licence: str
) -> None:
    found = locked(manifest, store, wheel_bytes(tmp_path, metadata))
    assert found.downloads[0].licence == licence


def test_file_that_is_no_zip_has_no_licence(manifest: Manifest, store: LocalBlobStore) -> None:
    assert locked(manifest, store, b"no zip").downloads[0].licence == ""


def test_constraints_reach_the_resolver_and_bad_ones_do_not(
    manifest: Manifest, store: LocalBlobStore
) -> None:
    resolver = FakeResolver(())
    index = FakeIndex(store, {})
    lock(
        manifest,
        resolver=resolver,
        index=index,
        store=store,
        platform=AMD64,
        constraints=("poetry-core==1.9.0",),
    )
    assert resolver.asked == [(("build", "poetry-core>=1"), ("poetry-core==1.9.0",))]
    for wrong in ("--index-url=https://evil.example", "x @ https://evil.example/x.whl", "a b"):
        with pytest.raises(ConfigError) as caught:
            lock(
                manifest,
                resolver=resolver,
                index=index,
                store=store,
                platform=AMD64,
                constraints=(wrong,),
            )
        assert caught.value.hint.startswith("sealift lock --constraint")
    assert len(resolver.asked) == 1


def test_lock_without_downloads_fits_every_platform_and_keeps_its_archive(
    manifest_text: str, store: LocalBlobStore
) -> None:
    plain = parse_manifest(manifest_text.encode(), path="sealift.toml")
    found = lock(
        plain,
        resolver=FakeResolver(()),
        index=FakeIndex(store, {}),
        store=store,
        platform=AMD64,
    )
    assert (found.python, found.platform, found.upstream) == ("", "", None)
    assert parse_lock(render_lock(found).encode(), path="sealift.lock") == found


def test_archive_needs_a_commit_to_be_compared_with(
    manifest: Manifest, store: LocalBlobStore, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no commit to compare"):
        lock(
            manifest,
            resolver=FakeResolver(()),
            index=FakeIndex(store, {}),
            store=store,
            platform=AMD64,
            source_archive=tmp_path / "x.tar.gz",
        )
