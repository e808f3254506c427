"""`sealift lock`: resolve, pin, and say what changed."""

from dataclasses import dataclass
from pathlib import Path

from sealift.app.planning import load_manifest, read_lock
from sealift.app.wiring import House
from sealift.core.release import Download, UpstreamArchive
from sealift.stations.plan.lockfile import render_lock
from sealift.stations.plan.locking import lock
from sealift.stations.plan.model import Lock, LockedToolchain
from sealift.stations.plan.steps import source_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """What `lock` pinned, and how that differs from the lock before."""

    path: str
    downloads: tuple[Download, ...]
    upstream: UpstreamArchive | None
    toolchains: tuple[LockedToolchain, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    written: bool


def write_lock(
    house: House,
    *,
    constraints: tuple[str, ...],
    source_archive: Path | None,
    dry_run: bool,
    toolchains_anew: tuple[str, ...] = (),
) -> Locked:
    """Resolve every fetch stage of the manifest and write the lock in one durable step.

    Roots that are locked stay, but for `toolchains_anew`. With `source_archive`, the committed
    files must equal the archive's. Raises ConfigError when nothing satisfies the requirements,
    IntegrityError when the archive differs.
    """
    commit = house.git.head_commit()
    loaded = load_manifest(house, commit)
    previous = read_lock(house)
    locked = lock(
        loaded.manifest,
        resolver=house.resolver,
        index=house.index,
        store=house.store,
        platform=house.platform,
        constraints=constraints,
        source_archive=source_archive,
        source=source_tree(house.git, commit, house.store) if source_archive else None,
        previous=previous,
        roots=house.roots,
        anew=toolchains_anew,
    )
    before = _names(previous) if previous else set()
    after = _names(locked)
    if not dry_run:
        house.world.files.write_durably(house.checkout.lock, render_lock(locked).encode())
    return Locked(
        path=str(house.checkout.lock),
        downloads=locked.downloads,
        upstream=locked.upstream,
        toolchains=locked.toolchains,
        added=tuple(sorted(after - before)),
        removed=tuple(sorted(before - after)),
        written=not dry_run,
    )


def _names(lock: Lock) -> set[str]:
    """Return a line for each file, and for each package of a root, that the lock pins."""
    files = {f"{one.group}: {one.name} {one.version}" for one in lock.downloads}
    roots = {f"{one.name}: {package}" for one in lock.toolchains for package in one.installed}
    return files | roots
