"""From a checkout to a plan: which manifest, which lock, which commit."""

from dataclasses import dataclass

from sealift.app.places import LOCK_NAME, MANIFEST_NAME
from sealift.app.wiring import House
from sealift.core.errors import ConfigError
from sealift.core.release import ReleasePlan, SourceReference
from sealift.stations.gate.conditions import check_conditions
from sealift.stations.plan.detection import detect
from sealift.stations.plan.git import CommitListing
from sealift.stations.plan.listing import FolderListing
from sealift.stations.plan.lockfile import parse_lock, render_lock
from sealift.stations.plan.locking import lock as resolve_lock
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.manifest_text import render_manifest
from sealift.stations.plan.model import Lock, Manifest
from sealift.stations.plan.planner import (
    ManifestOrigin,
    make_plan,
    refused_channels,
    release_version,
)
from sealift.stations.plan.port import SourceListing
from sealift.stations.plan.toolchains import locked_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedManifest:
    """The manifest in force, its bytes, and where it came from."""

    manifest: Manifest
    data: bytes
    origin: ManifestOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan, and what a person should know about how it came about."""

    plan: ReleasePlan
    manifest_data: bytes
    lock_data: bytes | None
    notes: tuple[str, ...]
    refused_channels: tuple[tuple[str, str], ...]


def project_name(house: House) -> str:
    """Return the project's name as the manifest, or else detection, says."""
    return load_manifest(house).manifest.project.name


def load_manifest(house: House, commit: str = "") -> LoadedManifest:
    """Return the checkout's manifest; without one, what `sealift init` would have written.

    Detection looks at `commit` when one is given, else at the files in the folder.
    """
    path = house.checkout.manifest
    if path.is_file():
        data = path.read_bytes()
        committed = bool(commit) and house.git.read(commit, MANIFEST_NAME) == data
        return LoadedManifest(
            manifest=parse_manifest(data, path=MANIFEST_NAME),
            data=data,
            origin="committed" if committed else "uncommitted",
        )
    listing: SourceListing = (
        CommitListing(house.git, commit) if commit else FolderListing(house.checkout.folder)
    )
    data = render_manifest(detect(listing)).encode()
    return LoadedManifest(
        manifest=parse_manifest(data, path=MANIFEST_NAME), data=data, origin="detected"
    )


def prepare(house: House, *, snapshot: bool, write_lock: bool) -> Prepared:
    """Return the plan of releasing the checked-out commit.

    Without a manifest nor a lock, what `init` and `lock` would have written is used, and said;
    `write_lock` then also writes the lock, so that the same is released again. Raises ConfigError
    for a dirty checkout, a missing tag, and everything that is wrong in manifest or lock.
    """
    git = house.git
    commit = git.head_commit()
    changes = git.changes()
    notes = []
    if snapshot and changes:
        notes.append(f"{len(changes)} uncommitted changes are not part of this rehearsal")
    if not snapshot:
        git.require_clean()
    source = SourceReference(
        commit=commit,
        tag="" if snapshot else git.version_tag(commit),
        epoch_s=git.commit_epoch_s(commit),
    )
    loaded = load_manifest(house, commit)
    if loaded.origin == "detected":
        notes.append(f"no {MANIFEST_NAME}: using what `sealift init` would write")
    elif loaded.origin == "uncommitted":
        notes.append(f"{MANIFEST_NAME} is not committed as it is; its digest is in the provenance")
    check_conditions(loaded.manifest.conditions)
    locked, lock_bytes = _lock(house, loaded, notes, write_lock=write_lock)
    nearest = git.nearest_version_tag(commit) if snapshot else ""
    plan = make_plan(
        manifest=loaded.manifest,
        manifest_bytes=loaded.data,
        origin=loaded.origin,
        lock=locked,
        lock_bytes=lock_bytes,
        source=source,
        toolchains=(house.toolchain.facts(), *locked_facts(locked)),
        platform=house.platform,
        snapshot=snapshot,
        nearest_tag=nearest,
    )
    version = release_version(
        loaded.manifest, source=source, snapshot=snapshot, nearest_tag=nearest
    )
    refused = refused_channels(loaded.manifest, version=version, snapshot=snapshot)
    notes += [f"channel `{name}` stays: {reason}" for name, reason in refused]
    return Prepared(
        plan=plan,
        manifest_data=loaded.data,
        lock_data=lock_bytes,
        notes=tuple(notes),
        refused_channels=refused,
    )


def read_lock(house: House) -> Lock | None:
    """Return the checkout's lock, or None."""
    path = house.checkout.lock
    return parse_lock(path.read_bytes(), path=LOCK_NAME) if path.is_file() else None


def _lock(
    house: House, loaded: LoadedManifest, notes: list[str], *, write_lock: bool
) -> tuple[Lock | None, bytes | None]:
    path = house.checkout.lock
    if path.is_file():
        data = path.read_bytes()
        return parse_lock(data, path=LOCK_NAME), data
    if loaded.origin != "detected" or not loaded.manifest.fetch_stages:
        return None, None
    locked = resolve_lock(
        loaded.manifest,
        resolver=house.resolver,
        index=house.index,
        store=house.store,
        platform=house.platform,
    )
    data = render_lock(locked).encode()
    if write_lock:
        house.world.files.write_durably(path, data)
        notes.append(f"no {LOCK_NAME}: wrote one with {len(locked.downloads)} pinned files")
    else:
        notes.append(f"no {LOCK_NAME}: a release would pin {len(locked.downloads)} files")
    return locked, data


def require_packages(prepared: Prepared) -> None:
    """Refuse a plan that would publish nothing."""
    if not prepared.plan.packages:
        raise ConfigError(
            where=MANIFEST_NAME,
            fact="the manifest names no package",
            expected="at least one table [packages.NAME]",
            hint="sealift init --force",
        )
