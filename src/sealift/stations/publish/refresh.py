"""Keep a static tree fresh: `sealift site refresh` and what `doctor` says about it.

Clients refuse a tree whose timestamp is older than its expiry, so that an attacker who holds the
origin cannot freeze them for ever. Someone must therefore re-sign it regularly; the timestamp and
apt keys are enough, and they can release nothing.
"""

from datetime import datetime, timedelta
from typing import Final

from sealift.base.store.port import BlobStore
from sealift.core.codec import format_time
from sealift.core.limits import (
    ROOT_EXPIRY_DAYS,
    SNAPSHOT_EXPIRY_DAYS,
    TARGETS_EXPIRY_DAYS,
    TIMESTAMP_EXPIRY_DAYS,
)
from sealift.core.signing import SigningDesk
from sealift.stations.publish.apt_repository import AptRepository
from sealift.stations.publish.catalogue import read_catalogue
from sealift.stations.publish.model import (
    Freshness,
    FreshnessState,
    RefreshReport,
    RoleFreshness,
)
from sealift.stations.publish.project_site import ProjectSite, not_before
from sealift.stations.publish.site import Site
from sealift.stations.publish.tuf_repository import next_timestamp

_RELEASE_HINT: Final = "publish a release with the offline keys"
_REFRESH_HINT: Final = "run `sealift site refresh`"
_HINTS: Final = {
    "timestamp": _REFRESH_HINT,
    "snapshot": _RELEASE_HINT,
    "channels": _RELEASE_HINT,
    "targets": _RELEASE_HINT,
    "root": "renew the root with the offline root key",
}
_LIFETIMES_DAYS: Final = {
    "timestamp": TIMESTAMP_EXPIRY_DAYS,
    "snapshot": SNAPSHOT_EXPIRY_DAYS,
    "channels": SNAPSHOT_EXPIRY_DAYS,
    "targets": TARGETS_EXPIRY_DAYS,
    "root": ROOT_EXPIRY_DAYS,
}


def refresh(
    site: Site, *, root: bytes, store: BlobStore, desk: SigningDesk, at_s: int
) -> RefreshReport:
    """Sign the timestamp and apt's `InRelease` anew and show them as a new generation.

    The timestamp and apt keys are enough. The apt indices are made anew from what the offline key
    signed for, so that nothing found on the disk gets signed.
    """
    project_site = ProjectSite(site, root, store=store)
    base = project_site.settled_or_refuse()
    at = not_before(at_s, base)
    metadata = next_timestamp(base.tree.metadata, desk, at)
    catalogue = read_catalogue(base.tree, project_site.root_digest)
    apt = AptRepository(desk).publish(catalogue, at)
    state = project_site.write(base, metadata, (), apt)
    return RefreshReport(
        generation=state.generation.number,
        expires=metadata.timestamp.signed.expires,
        roles=("timestamp", "apt") if apt else ("timestamp",),
    )


def freshness(site: Site, *, root: bytes, store: BlobStore, at: datetime) -> Freshness:
    """Say how long clients will go on to accept the tree; warn from half of each lifetime on."""
    state = ProjectSite(site, root, store=store).shown()
    if state is None:
        return Freshness(roles=(), warnings=())
    metadata = state.tree.metadata
    expiries = {
        "timestamp": metadata.timestamp.signed.expires,
        "snapshot": metadata.snapshot.signed.expires,
        "channels": metadata.channels.signed.expires,
        "targets": metadata.targets.signed.expires,
        "root": metadata.root.signed.expires,
    }
    roles = tuple(
        RoleFreshness(role=role, expires=expires, state=_state(role, expires, at))
        for role, expires in expiries.items()
    )
    return Freshness(roles=roles, warnings=tuple(_warning(role) for role in roles if _aged(role)))


def _state(role: str, expires: datetime, at: datetime) -> FreshnessState:
    # TUF 5.3.10: expired from the very moment of its expiry on.
    if at >= expires:
        return "expired"
    return "half-life" if expires - at <= timedelta(days=_LIFETIMES_DAYS[role]) / 2 else "fresh"


def _aged(role: RoleFreshness) -> bool:
    return role.state != "fresh"


def _warning(role: RoleFreshness) -> str:
    when = format_time(role.expires)
    if role.state == "expired":
        return f"`{role.role}` has expired on {when}: clients refuse the tree; {_HINTS[role.role]}"
    return f"`{role.role}` is past half of its life and expires on {when}; {_HINTS[role.role]}"
