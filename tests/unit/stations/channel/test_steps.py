"""The channel step, on a board in memory."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sealift.base.edge.files import DurableFiles
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.published import ChainPolicy, ChannelDocument
from sealift.core.release import Opening, PublishReport, ReleasePlan
from sealift.stations.channel.port import PointerBoard
from sealift.stations.channel.steps import ChannelSteps
from sealift.stations.publish.board import SiteBoard
from sealift.stations.publish.model import ReleaseEvidence
from sealift.testing.sample_project import RELEASED_AT_S, SampleProject
from sealift.testing.signing_desk import InMemoryDesk


class MemoryBoard:
    """A board without a tree."""

    def __init__(self) -> None:
        self.pointers: dict[str, ChannelDocument] = {}
        self.number = 1
        self.times_s: list[int] = []

    def policy(self) -> ChainPolicy:
        raise NotImplementedError

    def read(self, channel: str) -> ChannelDocument | None:
        return self.pointers.get(channel)

    def generation(self) -> int:
        return self.number

    def write(self, documents: Sequence[ChannelDocument], *, at_s: int) -> int:
        self.pointers |= {document.channel: document for document in documents}
        self.times_s.append(at_s)
        self.number += 1
        return self.number


PUBLISHED = PublishReport(
    site="site", generation=1, already=False, files=(), root_digest=Digest.of(b"root")
)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> ReleaseEvidence:
    store = LocalBlobStore(tmp_path_factory.mktemp("store"), DurableFiles())
    return SampleProject(store=store, desk=InMemoryDesk(project="jq")).release()


@pytest.fixture
def plan(evidence: ReleaseEvidence) -> ReleasePlan:
    return evidence.plan


@pytest.fixture
def opening(evidence: ReleaseEvidence) -> Opening:
    return evidence.opening


def test_the_plans_channels_point_at_the_release(plan: ReleasePlan, opening: Opening) -> None:
    board = MemoryBoard()
    report = ChannelSteps(board).point(plan, opening, PUBLISHED)
    assert [(pointer.channel, pointer.version) for pointer in report.pointers] == [
        ("stable", "1.8.2")
    ]
    assert report.skipped == ()
    assert report.generation == 2
    document = board.pointers["stable"]
    assert document.reason == "release of v1.8.2"
    # The journalled time, so that a resumed release signs the same bytes.
    assert document.changed_at == opening.released_at
    assert board.times_s == [RELEASED_AT_S]


def test_pointing_again_gives_the_same_report_and_writes_nothing(
    plan: ReleasePlan, opening: Opening
) -> None:
    board = MemoryBoard()
    steps = ChannelSteps(board)
    first = steps.point(plan, opening, PUBLISHED)
    assert steps.point(plan, opening, PUBLISHED) == first
    assert len(board.times_s) == 1


def test_several_channels_move_together(plan: ReleasePlan, opening: Opening) -> None:
    board = MemoryBoard()
    ChannelSteps(board).point(replace(plan, channels=("beta", "stable")), opening, PUBLISHED)
    assert set(board.pointers) == {"beta", "stable"}
    assert len(board.times_s) == 1


def test_a_prerelease_is_reported_as_skipped_with_the_reason(
    plan: ReleasePlan, opening: Opening
) -> None:
    board = MemoryBoard()
    rehearsal = replace(plan, project=replace(plan.project, version="1.9.0rc1"))
    report = ChannelSteps(board).point(rehearsal, opening, PUBLISHED)
    assert report.pointers == ()
    assert report.skipped[0][0] == "stable"
    assert "prerelease" in report.skipped[0][1]
    assert report.generation == 1
    assert board.times_s == []


def test_a_plan_without_channels_moves_none(plan: ReleasePlan, opening: Opening) -> None:
    board = MemoryBoard()
    report = ChannelSteps(board).point(replace(plan, channels=()), opening, PUBLISHED)
    assert (report.pointers, report.skipped, report.generation) == ((), (), 1)


def test_the_published_tree_fits_the_port() -> None:
    kind: type[PointerBoard] = SiteBoard
    for name in ("policy", "read", "generation", "write"):
        assert callable(getattr(kind, name))
