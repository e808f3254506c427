"""The client against what the publish and channel stations really write, in a plain folder."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealift.base.edge.real import DurableFiles, real_world
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.client.get import get
from sealift.client.verify import verify
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.stations.channel.steps import ChannelSteps
from sealift.stations.publish.board import SiteBoard
from sealift.stations.publish.site import Site
from sealift.stations.publish.steps import PublishSteps
from sealift.stations.publish.tuf_repository import create_root
from sealift.testing.sample_project import SampleProject
from sealift.testing.signing_desk import InMemoryDesk

NOW_S = int(datetime.now(tz=UTC).timestamp())


class Published:
    """A release of jq, published now."""

    def __init__(self, folder: Path) -> None:
        desk = InMemoryDesk(project="jq")
        root = create_root(desk, datetime.fromtimestamp(NOW_S - 86_400, tz=UTC))
        store = LocalBlobStore(folder / "store", DurableFiles())
        site = Site(folder / "site" / "jq", DurableFiles(), publisher="here-1")
        made = SampleProject(store=store, desk=desk).release(released_at_s=NOW_S)
        published = PublishSteps(site, root=root, store=store, desk=desk).publish(
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
        board = SiteBoard(site, root=root, store=store, desk=desk)
        ChannelSteps(board).point(made.plan, made.opening, published)
        self.tree = folder / "site" / "jq" / "current"
        self.root = Digest.of(root)


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path)


@pytest.mark.parametrize("kind", ["tar", "deb"])
def test_the_published_tree_is_what_the_client_reads(
    published: Published, tmp_path: Path, kind: str
) -> None:
    report = get(
        real_world(),
        tmp_path / "user",
        "jq",
        url=published.tree.as_uri(),
        root_sha256=published.root,
        file=kind,
        folder=tmp_path / "downloads",
    )
    assert (report.artifact.kind, report.channel, report.sequence) == (kind, "stable", 1)
    assert [link.kind for link in report.links][-2:] == ["source", "commit"]
    again = verify(real_world(), tmp_path / "user", Path(report.path))
    assert again.links == report.links
    assert again.notes == ()


def test_one_flipped_byte_of_a_published_file_is_refused(
    published: Published, tmp_path: Path
) -> None:
    file = next(published.tree.glob("targets/releases/*/*.tar.gz"))
    data = bytearray(file.read_bytes())
    data[10] ^= 1
    file.unlink()
    file.write_bytes(bytes(data))
    world = replace(real_world(), machine="x86_64")
    with pytest.raises(IntegrityError, match="has digest"):
        get(
            world,
            tmp_path / "user",
            "jq",
            url=published.tree.as_uri(),
            root_sha256=published.root,
            folder=tmp_path / "downloads",
        )
    assert list((tmp_path / "downloads").iterdir()) == []
