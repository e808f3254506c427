"""The tree as a board of pointers: signed, monotone, and only for what is released."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.codec import from_json
from sealift.core.errors import ConfigError, IntegrityError, PolicyDenied
from sealift.core.limits import GENERATIONS_KEPT
from sealift.core.published import ChannelDocument
from sealift.core.release import PublishReport
from sealift.core.signing import KeyRole, SigningDesk
from sealift.stations.publish.board import SiteBoard
from sealift.stations.publish.model import ReleaseEvidence
from sealift.stations.publish.site import Site, relative_files
from sealift.stations.publish.trusted_tree import TrustedTree
from sealift.testing.sample_project import RELEASED_AT_S, SampleProject
from sealift.testing.signing_desk import InMemoryDesk

Publish = Callable[[ReleaseEvidence], PublishReport]


def pointer(version: str = "1.8.2", sequence: int = 1, previous: str = "") -> ChannelDocument:
    return ChannelDocument(
        project="jq",
        channel="stable",
        version=version,
        sequence=sequence,
        previous=previous,
        changed_at="2026-11-22T18:55:00Z",
        reason="a story",
    )


@pytest.fixture
def board(site: Site, root: bytes, store: LocalBlobStore, online_desk: SigningDesk) -> SiteBoard:
    return SiteBoard(site, root=root, store=store, desk=online_desk)


def test_online_keys_point_a_channel_at_a_release(
    publish: Publish, project: SampleProject, board: SiteBoard, site: Site, root: bytes
) -> None:
    publish(project.release())
    assert board.read("stable") is None
    assert board.write([pointer()], at_s=RELEASED_AT_S) == 2
    assert board.read("stable") == pointer()
    assert board.generation() == 2
    current = site.folder / "current"
    shown = (current / "channels/stable.json").read_bytes()
    assert from_json(ChannelDocument, shown) == pointer()
    tree = TrustedTree(current, root)
    assert tree.read("channels/stable.json") == shown
    assert tree.metadata.targets.signed.version == 1
    assert tree.metadata.channels.signed.version == 2


def test_the_history_keeps_every_pointer_in_order(
    publish: Publish, project: SampleProject, board: SiteBoard, site: Site
) -> None:
    publish(project.release("1.8.1"))
    board.write([pointer("1.8.1")], at_s=RELEASED_AT_S)
    publish(project.release("1.8.2"))
    board.write([pointer("1.8.2", 2, "1.8.1")], at_s=RELEASED_AT_S)
    text = (site.folder / "current/channels/stable.history.jsonl").read_text()
    history = [json.loads(line) for line in text.splitlines()]
    assert [(row["sequence"], row["version"]) for row in history] == [(1, "1.8.1"), (2, "1.8.2")]


def test_a_tampered_history_is_not_carried_on(
    publish: Publish, project: SampleProject, board: SiteBoard, site: Site
) -> None:
    publish(project.release("1.8.1"))
    board.write([pointer("1.8.1")], at_s=RELEASED_AT_S)
    path = site.folder / "current/channels/stable.history.jsonl"
    path.write_bytes(path.read_bytes().replace(b"1.8.1", b"9.9.9"))
    publish(project.release("1.8.2"))
    with pytest.raises(IntegrityError, match="history"):
        board.write([pointer("1.8.2", 2, "1.8.1")], at_s=RELEASED_AT_S)


def test_the_projects_page_shows_the_channel(
    publish: Publish, project: SampleProject, board: SiteBoard, site: Site
) -> None:
    publish(project.release())
    page = site.folder / "current/index.html"
    assert '<span class="tag pass">stable</span>' not in page.read_text()
    board.write([pointer()], at_s=RELEASED_AT_S)
    assert '<span class="tag pass">stable</span>' in page.read_text()
    publish(project.release("1.8.3"))
    assert '<span class="tag pass">stable</span>' in page.read_text()


def test_an_unreleased_version_is_refused(
    publish: Publish, project: SampleProject, board: SiteBoard
) -> None:
    publish(project.release())
    with pytest.raises(PolicyDenied, match=r"9\.9\.9"):
        board.write([pointer("9.9.9")], at_s=RELEASED_AT_S)
    assert board.read("stable") is None


def test_a_sequence_that_goes_up_is_accepted(
    publish: Publish, project: SampleProject, board: SiteBoard
) -> None:
    publish(project.release())
    board.write([pointer(sequence=2)], at_s=RELEASED_AT_S)
    assert board.write([pointer(sequence=3)], at_s=RELEASED_AT_S) == 3


@pytest.mark.parametrize("sequence", [2, 1])
def test_a_sequence_that_does_not_go_up_is_refused(
    publish: Publish, project: SampleProject, board: SiteBoard, sequence: int
) -> None:
    publish(project.release())
    board.write([pointer(sequence=2)], at_s=RELEASED_AT_S)
    with pytest.raises(IntegrityError, match="sequence"):
        board.write([pointer(sequence=sequence)], at_s=RELEASED_AT_S)


def test_another_projects_pointer_is_refused(
    publish: Publish, project: SampleProject, board: SiteBoard
) -> None:
    publish(project.release())
    with pytest.raises(IntegrityError, match="`yq`"):
        board.write([replace(pointer(), project="yq")], at_s=RELEASED_AT_S)


def test_several_channels_move_in_one_generation(
    publish: Publish, project: SampleProject, board: SiteBoard
) -> None:
    publish(project.release())
    beta = replace(pointer(), channel="beta")
    assert board.write([pointer(), beta], at_s=RELEASED_AT_S) == 2
    assert (board.read("stable"), board.read("beta")) == (pointer(), beta)


def test_a_desk_without_the_channels_key_moves_nothing(
    publish: Publish, project: SampleProject, site: Site, root: bytes, store: LocalBlobStore
) -> None:
    publish(project.release())
    desk = InMemoryDesk(project="jq", locked=True, roles=(KeyRole.TIMESTAMP, KeyRole.SNAPSHOT))
    board = SiteBoard(site, root=root, store=store, desk=desk)
    with pytest.raises(PolicyDenied):
        board.write([pointer()], at_s=RELEASED_AT_S)
    assert board.generation() == 1


def test_a_board_without_a_release_says_what_to_do(board: SiteBoard) -> None:
    with pytest.raises(ConfigError, match="nothing is published"):
        board.policy()


def test_superseded_metadata_is_dropped_only_when_no_client_can_need_it(
    publish: Publish, project: SampleProject, board: SiteBoard, site: Site
) -> None:
    publish(project.release())
    moves = GENERATIONS_KEPT + 3
    for sequence in range(1, moves + 1):
        board.write([pointer(sequence=sequence)], at_s=RELEASED_AT_S + sequence)
    files = relative_files(site.folder / "current")
    versions = {int(path.split("/")[1].split(".")[0]) for path in files if "snapshot" in path}
    assert versions == set(range(moves + 2 - GENERATIONS_KEPT, moves + 2))
    assert "metadata/1.root.json" in files
    assert "metadata/1.targets.json" in files
    hashed = [path for path in files if path.startswith("targets/channels/")]
    assert len(hashed) == 4  # pointer and history, of now and of the generation before
