"""From manifest, lock and source to the plan: a pure function, whose value is the whole release."""

from dataclasses import replace
from typing import Final, Literal

from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError
from sealift.core.limits import ACTION_MEMORY_BYTES, ACTION_TIMEOUT_S
from sealift.core.platform import ANY, Platform
from sealift.core.release import (
    PackagePlan,
    ProjectFacts,
    ReleasePlan,
    SourceReference,
    StagePlan,
    ToolchainFacts,
)
from sealift.core.sandbox import selection_name
from sealift.core.version import Version
from sealift.stations.plan.lockfile import check_lock
from sealift.stations.plan.manifest import check_graph
from sealift.stations.plan.model import (
    HOST,
    STABLE,
    VERSION_FROM_TAG,
    Lock,
    Manifest,
    PackageSpec,
    StageSpec,
)

ManifestOrigin = Literal["committed", "uncommitted", "detected"]

HOST_TOOLCHAIN: Final = HOST
_COMMIT_SHOWN: Final = 8
_ANYWHERE: Final = frozenset({"wheel", "sdist", "npm"})
# `git archive` has no history, from which these would tell the version: the tag tells them here.
_VERSION_VARIABLES: Final = {
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "pdm-backend": "PDM_BUILD_SCM_VERSION",
}


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
    ordered = check_graph(manifest)
    check_lock(manifest, lock)
    _check_platform(lock, platform)
    version = release_version(manifest, source=source, snapshot=snapshot, nearest_tag=nearest_tag)
    stages = tuple(
        _told_version(stage, version, lock)
        for stage in _planned(ordered, manifest=manifest, platform=platform)
    )
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
        toolchains=_used(toolchains, stages),
        stages=stages,
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
    if lock is not None and lock.platform and lock.platform != str(platform):
        raise ConfigError(
            where="sealift.lock",
            fact=f"the lock holds files for {lock.platform}",
            expected=f"files for {platform}, this machine's platform",
            hint="sealift lock",
        )


def _planned(
    stages: tuple[StageSpec, ...], *, manifest: Manifest, platform: Platform
) -> tuple[StagePlan, ...]:
    """Fill in defaults, and put a stage that selects before each one with a narrowed input."""
    hosts = frozenset(one.name for one in manifest.toolchains if one.kind == HOST)
    planned: list[StagePlan] = []
    for stage in stages:
        planned += [_selection(stage, name, globs, platform=platform) for name, globs in stage.only]
        narrowed = {name for name, _ in stage.only}
        planned.append(
            StagePlan(
                name=stage.name,
                kind=stage.kind,
                inputs=tuple(
                    selection_name(stage.name, name) if name in narrowed else name
                    for name in stage.inputs
                ),
                run=stage.run,
                outputs=stage.outputs,
                toolchain=HOST if stage.toolchain in hosts else stage.toolchain,
                platform=platform,
                timeout_s=stage.timeout_s,
                memory_bytes=stage.memory_bytes,
                environment=stage.environment,
                folder=stage.folder,
            )
        )
    return tuple(planned)


def _told_version(stage: StagePlan, version: Version, lock: Lock | None) -> StagePlan:
    """Tell the version to a stage whose build backend would ask the git history for it.

    What the manifest itself sets wins.
    """
    pinned = {one.name for one in (lock.downloads if lock else ()) if one.group in stage.inputs}
    known = dict(stage.environment)
    told = {
        variable: version.text
        for backend, variable in _VERSION_VARIABLES.items()
        if backend in pinned and variable not in known
    }
    return replace(stage, environment=tuple(sorted({**known, **told}.items()))) if told else stage


def _selection(
    stage: StageSpec, name: str, globs: tuple[str, ...], *, platform: Platform
) -> StagePlan:
    return StagePlan(
        name=selection_name(stage.name, name),
        kind="select",
        inputs=(name,),
        run=(),
        outputs=tuple((f"only-{number}", glob) for number, glob in enumerate(globs, start=1)),
        toolchain=HOST,
        platform=platform,
        timeout_s=ACTION_TIMEOUT_S,
        memory_bytes=ACTION_MEMORY_BYTES,
    )


def _used(
    toolchains: tuple[ToolchainFacts, ...], stages: tuple[StagePlan, ...]
) -> tuple[ToolchainFacts, ...]:
    """Return the toolchains that something runs in: what none sees must not change the plan."""
    needed = {stage.toolchain for stage in stages if stage.kind in {"build", "test"}}
    return tuple(facts for facts in toolchains if facts.name in needed)


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
