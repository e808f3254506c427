"""A project's tree as the publish station writes it, with keys as `sealift keys init` makes them.

`publish_twice` plays the maintainer; `Published` says what there is, and what was stolen.
"""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from sealift.base.edge.conversation import SystemConversations
from sealift.base.edge.real import real_world
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.signing import KeyRole
from sealift.stations.attest.custody import Custody
from sealift.stations.attest.desk import open_desk
from sealift.stations.attest.keypair import KeyPair
from sealift.stations.attest.keyring import unlock_online
from sealift.stations.attest.model import ONLINE_FILE, ONLINE_SECRET_FILE, PUBLIC_FILE
from sealift.stations.channel.steps import ChannelSteps
from sealift.stations.publish.board import SiteBoard
from sealift.stations.publish.site import Site
from sealift.stations.publish.steps import PublishSteps
from sealift.stations.publish.tuf_repository import create_root
from sealift.testing.sample_project import SampleProject

OLD: Final = "1.8.1"
NEW: Final = "1.8.2"
PASSPHRASE: Final = b"what the attacker does not have"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the maintainer has: `old` and `new` are the tree after each of two releases.

    `keyring` is the maintainer's; `stolen` holds what lies on the machine that refreshes the tree:
    the online keys, their secret and the public keys.
    """

    old: Path
    new: Path
    keyring: Path
    stolen: Path
    root: Digest

    @property
    def keys(self) -> dict[KeyRole, KeyPair]:
        """The keys that the attacker has."""
        return unlock_online(self.stolen)

    @property
    def released(self) -> frozenset[tuple[str, Digest]]:
        """Every file that users may install: its name and its bytes' digest."""
        return frozenset(
            (path.name, Digest.of(path.read_bytes()))
            for path in (self.new / "releases").rglob("*")
            if path.name.endswith((".deb", ".tar.gz"))
        )


def publish_twice(folder: Path) -> Published:
    """Release two versions of a sample project, with real keys, a day apart and until yesterday."""
    world = real_world({"PATH": "/usr/bin:/bin"})
    now = world.clock.now().replace(microsecond=0)
    custody = Custody(world, folder / "home")
    custody.init("jq", passphrase=PASSPHRASE, at=now - timedelta(days=3))
    store = LocalBlobStore(folder / "store", world.files)
    site = Site(folder / "site", world.files, publisher="here-1")
    with open_desk(SystemConversations(), custody.folder("jq"), passphrase=PASSPHRASE) as desk:
        root = create_root(desk, now - timedelta(days=3))
        project = SampleProject(store=store, desk=desk)
        publish = PublishSteps(site, root=root, store=store, desk=desk)
        channel = ChannelSteps(SiteBoard(site, root=root, store=store, desk=desk))
        for version, days in ((OLD, 2), (NEW, 1)):
            at_s = int((now - timedelta(days=days)).timestamp())
            made = project.release(version, released_at_s=at_s)
            report = publish.publish(
                made.plan,
                made.opening,
                made.source,
                made.build,
                made.package,
                made.inspect,
                made.attest,
                made.seal,
                made.gate,
            )
            channel.point(made.plan, made.opening, report)
            shutil.copytree(site.folder / "current", folder / version)
    stolen = folder / "stolen"
    stolen.mkdir()
    for name in (ONLINE_FILE, ONLINE_SECRET_FILE, PUBLIC_FILE):
        shutil.copy(custody.folder("jq") / name, stolen / name)
    return Published(
        old=folder / OLD,
        new=folder / NEW,
        keyring=custody.folder("jq"),
        stolen=stolen,
        root=Digest.of(root),
    )
