"""`sealift site`: what is published, how fresh it is, and re-signing it."""

from dataclasses import dataclass

from sealift.app.wiring import House
from sealift.core.signing import KeyRole
from sealift.stations.publish.model import Freshness, RefreshReport
from sealift.stations.publish.refresh import freshness, refresh
from sealift.stations.publish.trusted_tree import TrustedTree

REFRESH_ROLES = (KeyRole.TIMESTAMP, KeyRole.APT)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """What visitors of a project's tree see."""

    project: str
    folder: str
    generation: int | None
    released: tuple[str, ...]
    channels: tuple[tuple[str, str], ...]
    freshness: Freshness


def site_status(house: House, project: str) -> SiteStatus:
    """Describe the tree from its signed metadata; nothing is changed."""
    site, root = house.site(project), house.root(project)
    generation = site.current()
    tree = TrustedTree(generation.folder, root) if generation else None
    channels = tree.channels() if tree else ()
    return SiteStatus(
        project=project,
        folder=str(house.home.site(project) / "current"),
        generation=generation.number if generation else None,
        released=tree.policy().released if tree else (),
        channels=tuple((one.channel, one.version) for one in channels),
        freshness=freshness(site, root=root, store=house.store, at=house.world.clock.now()),
    )


def refresh_site(house: House, project: str) -> RefreshReport:
    """Sign the timestamp and apt's index anew with those two online keys, and no other."""
    with house.desk(project, roles=REFRESH_ROLES) as desk:
        return refresh(
            house.site(project),
            root=house.root(project),
            store=house.store,
            desk=desk,
            at_s=int(house.world.clock.now().timestamp()),
        )
