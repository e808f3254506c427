"""From manifest, lock and source to the plan: a pure function, whose value is the whole release."""

from typing import Final, Literal

from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError
from sealift.core.limits import ACTION_MEMORY_BYTES
from sealift.core.platform import ANY, Platform
from sealift.core.release import (
    PackagePlan,
    ProjectFacts,
    ReleasePlan,
    SourceReference,
    StagePlan,
    ToolchainFacts,
)
from sealift.core.version import Version
from sealift.stations.plan.lockfile import check_lock
from sealift.stations.plan.manifest import check_graph
from sealift.stations.plan.model import (
    STABLE,
    VERSION_FROM_TAG,
    Lock,
    Manifest,
    PackageSpec,
    StageSpec,
)

ManifestOrigin = Literal["committed", "uncommitted", "detected"]

HOST_TOOLCHAIN: Final = "host"
_COMMIT_SHOWN: Final = 8
_ANYWHERE: Final = frozenset({"wheel", "sdist", "npm"})


def make_plan(
    *,
    manifest: Manifest,
    manifest_bytes: bytes,
    origin: ManifestOrigin,
    lock: Lock | None,
    lock_bytes: bytes | None,
    source: SourceReference,
    toolchains: tuple[ToolchainFacts, ...],
    platform: Platform,
    snapshot: bool = False,
    nearest_tag: str = "",
) -> ReleasePlan:
    """Decide everything about a release.

    `nearest_tag` gives a snapshot its base version. Raises ConfigError for a graph that cannot run,
    a lock that does not fit, or a version that the tag contradicts.
    """
    stages = check_graph(manifest)
    check_lock(manifest, lock)
    _check_platform(lock, platform)
    version = release_version(manifest, source=source, snapshot=snapshot, nearest_tag=nearest_tag)
    refused = dict(refused_channels(manifest, version=version, snapshot=snapshot))
    return ReleasePlan(
        project=ProjectFacts(
            name=manifest.project.name,
            version=version.text,
            licence=manifest.project.licence,
            description=manifest.project.description,
            homepage=manifest.project.homepage,
            maintainer=manifest.project.maintainer,
        ),
        source=source,
        upstream=lock.upstream if lock else None,
        manifest=_descriptor(manifest_bytes),
        manifest_origin=origin,
        lock=None if lock_bytes is None else _descriptor(lock_bytes),
        downloads=lock.downloads if lock else (),
        toolchains=toolchains,
        stages=tuple(_stage(stage, platform) for stage in stages),
        packages=tuple(_package(package, platform) for package in manifest.packages),
        policy=manifest.policy,
        conditions=manifest.conditions,
        url=manifest.url,
        channels=tuple(name for name in manifest.channels if name not in refused),
        snapshot=snapshot,
    )


def release_version(
    manifest: Manifest, *, source: SourceReference, snapshot: bool, nearest_tag: str = ""
) -> Version:
    """Return the version of a release.

    The tag's version; a literal one must agree with the tag. A snapshot is
    `1.2.3+snapshot.0123abcd`: the newest version in its history (else 0), then the commit.
    """
    literal = manifest.project.version
    if snapshot:
        tag = source.tag or nearest_tag
        if literal != VERSION_FROM_TAG:
            base = literal
        else:
            base = Version.from_tag(tag).text if tag else "0"
        return Version(f"{base}+snapshot.{source.commit[:_COMMIT_SHOWN]}")
    tagged = Version.from_tag(source.tag)
    if literal not in {VERSION_FROM_TAG, tagged.text}:
        raise ConfigError(
            where="project.version",
            fact=f"the manifest says version `{literal}`, the tag `{source.tag}` says `{tagged}`",
            expected=f"the same version, or `{VERSION_FROM_TAG}`",
            hint=f"git tag -s v{literal}",
        )
    return tagged


def refused_channels(
    manifest: Manifest, *, version: Version, snapshot: bool
) -> tuple[tuple[str, str], ...]:
    """Return the channels of the manifest that this release must not move, with the reason."""
    if snapshot:
        return tuple((name, "a snapshot is not published") for name in manifest.channels)
    if version.is_prerelease:
        return tuple(
            (name, f"{version} is a pre-release") for name in manifest.channels if name == STABLE
        )
    return ()


def _check_platform(lock: Lock | None, platform: Platform) -> None:
    if lock is not None and lock.downloads and lock.platform != str(platform):
        raise ConfigError(
            where="sealift.lock",
            fact=f"the lock holds files for {lock.platform}",
            expected=f"files for {platform}, this machine's platform",
            hint="sealift lock",
        )


def _stage(stage: StageSpec, platform: Platform) -> StagePlan:
    return StagePlan(
        name=stage.name,
        kind=stage.kind,
        inputs=stage.inputs,
        run=stage.run,
        outputs=stage.outputs,
        toolchain=HOST_TOOLCHAIN,
        platform=platform,
        timeout_s=stage.timeout_s,
        memory_bytes=ACTION_MEMORY_BYTES,
    )


def _package(package: PackageSpec, platform: Platform) -> PackagePlan:
    return PackagePlan(
        name=package.name,
        kind=package.kind,
        stage=package.stage,
        output=package.output,
        platform=ANY if package.kind in _ANYWHERE else platform,
        title=package.title,
    )


def _descriptor(data: bytes) -> Descriptor:
    return Descriptor(digest=Digest.of(data), size_bytes=len(data))
