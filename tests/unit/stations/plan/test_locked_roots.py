"""Roots in the lock: made once, kept by digest, and never quietly replaced by others."""

from dataclasses import dataclass, field

import pytest

from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.platform import Platform
from sealift.stations.plan.lockfile import check_lock, parse_lock, render_lock
from sealift.stations.plan.locking import lock
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.model import Lock, Manifest, ToolchainSpec
from sealift.stations.plan.port import IndexFile, MadeRoot, Resolution
from sealift.stations.plan.toolchains import locked_facts

AMD64 = Platform("linux/amd64")
TOOLCHAIN = '\n[toolchains.debian]\nroot = "debian:bookworm"\npackages = ["make", "gcc"]\n'
GCC, MAKE = "gcc:amd64=4:12.2.0-3", "make:amd64=4.3-4.1"


@dataclass
class FakeMaker:
    """Makes roots of the given bytes, and remembers for whom."""

    store: LocalBlobStore
    data: bytes = b"a root"
    made: list[str] = field(default_factory=list)

    def make(self, toolchain: ToolchainSpec) -> MadeRoot:
        self.made.append(toolchain.name)
        return MadeRoot(tar=self.store.put(self.data), installed=(GCC, MAKE))


class NoIndex:
    """Nothing is fetched in these stories."""

    def resolve(self, requirements: tuple[str, ...], *, constraints: tuple[str, ...]) -> Resolution:
        raise AssertionError(requirements, constraints)

    def find_file(self, project: str, filename: str, *, digest: Digest | None = None) -> IndexFile:
        raise AssertionError(project, filename, digest)

    def download(self, file: IndexFile, *, digest: Digest | None) -> Descriptor:
        raise AssertionError(file, digest)


@pytest.fixture
def maker(store: LocalBlobStore) -> FakeMaker:
    return FakeMaker(store=store)


@pytest.fixture
def manifest(manifest_text: str) -> Manifest:
    return parse_manifest((manifest_text + TOOLCHAIN).encode(), path="sealift.toml")


def locked(
    manifest: Manifest,
    maker: FakeMaker,
    *,
    previous: Lock | None = None,
    anew: tuple[str, ...] = (),
    platform: Platform = AMD64,
) -> Lock:
    nothing = NoIndex()
    return lock(
        manifest,
        resolver=nothing,
        index=nothing,
        store=maker.store,
        platform=platform,
        previous=previous,
        roots=maker,
        anew=anew,
    )


def test_lock_pins_the_root_and_every_package_in_it(manifest: Manifest, maker: FakeMaker) -> None:
    found = locked(manifest, maker)
    (root,) = found.toolchains
    assert (root.name, root.root, root.packages) == ("debian", "debian:bookworm", ("gcc", "make"))
    assert (root.digest, root.size_bytes) == (Digest.of(b"a root"), 6)
    assert root.installed == (GCC, MAKE)
    assert (found.python, found.platform) == ("", "linux/amd64")
    assert parse_lock(render_lock(found).encode(), path="sealift.lock") == found
    check_lock(manifest, found)


def test_plan_gets_the_roots_digest_as_fingerprint(manifest: Manifest, maker: FakeMaker) -> None:
    (facts,) = locked_facts(locked(manifest, maker))
    assert (facts.name, facts.kind) == ("debian", "debian")
    assert facts.fingerprint == Digest.of(b"a root")
    assert facts.description == "debian:bookworm, 2 packages"
    assert facts.packages == (GCC, MAKE)
    assert locked_facts(None) == ()


def test_locked_root_stays_until_somebody_asks_for_a_newer_one(
    manifest: Manifest, maker: FakeMaker
) -> None:
    first = locked(manifest, maker)
    maker.data = b"a newer root"
    assert locked(manifest, maker, previous=first) == first
    assert maker.made == ["debian"]
    newer = locked(manifest, maker, previous=first, anew=("debian",))
    assert newer.toolchains[0].digest == Digest.of(b"a newer root")


def test_root_for_other_packages_or_another_platform_is_made_anew(
    manifest: Manifest, maker: FakeMaker, manifest_text: str
) -> None:
    first = locked(manifest, maker)
    fewer = parse_manifest(
        (manifest_text + TOOLCHAIN.replace(', "gcc"', "")).encode(), path="sealift.toml"
    )
    with pytest.raises(ConfigError, match="the lock is older than the toolchain `debian`"):
        check_lock(fewer, first)
    locked(fewer, maker, previous=first)
    locked(manifest, maker, previous=first, platform=Platform("linux/arm64"))
    assert maker.made == ["debian"] * 3


def test_root_that_the_store_lost_has_to_come_back_with_the_same_bytes(
    manifest: Manifest, maker: FakeMaker
) -> None:
    first = locked(manifest, maker)
    blob = maker.store.path(Digest.of(b"a root"))
    blob.unlink()
    assert locked(manifest, maker, previous=first) == first
    assert maker.store.has(Digest.of(b"a root"))
    blob.unlink()
    maker.data = b"other bytes"
    with pytest.raises(IntegrityError, match="the store has lost its root") as caught:
        locked(manifest, maker, previous=first)
    assert "sealift lock --toolchain debian" in caught.value.hint


def test_toolchain_that_nobody_declared_cannot_be_made_anew(
    manifest: Manifest, maker: FakeMaker
) -> None:
    with pytest.raises(ConfigError, match="no toolchain with a pinned root is called `debain`"):
        locked(manifest, maker, anew=("debain",))


def test_manifest_with_a_root_needs_a_lock_with_it(manifest: Manifest, maker: FakeMaker) -> None:
    with pytest.raises(ConfigError, match="the root of toolchain `debian` is not locked") as caught:
        check_lock(manifest, None)
    assert caught.value.hint == "sealift lock"
    empty = Lock(python="", platform="", stages=(), downloads=(), upstream=None)
    with pytest.raises(ConfigError, match="is not locked"):
        check_lock(manifest, empty)
    check_lock(manifest, locked(manifest, maker))


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ("size = 6", "size = 0", "`toolchain.0.size` is 0"),
        (GCC, "gcc", "`gcc` is no installed package"),
        ('name = "debian"', 'name = "De bian"', "is no name"),
        ('sha256 = "', 'sha256 = "x', "`toolchain.0.sha256` is"),
        ("size = 6", "size = 6\nmirror = 1", "unknown key `toolchain.0.mirror`"),
        ('platform = "linux/amd64"\n', "", "`platform` is missing"),
    ],
)
def test_mistake_in_a_locked_root_is_refused_with_its_place(
    manifest: Manifest, maker: FakeMaker, old: str, new: str, fact: str
) -> None:
    text = render_lock(locked(manifest, maker))
    assert old in text
    with pytest.raises(ConfigError) as caught:
        parse_lock(text.replace(old, new, 1).encode(), path="sealift.lock")
    assert fact in caught.value.fact
    assert caught.value.where.startswith("sealift.lock:")
