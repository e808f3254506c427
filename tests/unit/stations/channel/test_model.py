"""When a pointer moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.published import ChannelDocument
from sealift.core.verdict import Skipped
from sealift.core.version import Version
from sealift.stations.channel.model import is_older, next_pointer, pointer_of

AT = "2026-11-22T18:55:00Z"
VERSIONS = st.builds(
    lambda numbers: ".".join(map(str, numbers)),
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
)


def move(
    previous: ChannelDocument | None, version: str, channel: str = "stable"
) -> ChannelDocument | Skipped:
    return next_pointer(
        previous,
        project="jq",
        channel=channel,
        version=Version(version),
        changed_at=AT,
        reason="a story",
    )


def moved(
    previous: ChannelDocument | None, version: str, channel: str = "stable"
) -> ChannelDocument:
    document = move(previous, version, channel)
    assert isinstance(document, ChannelDocument)
    return document


def test_the_first_pointer_has_sequence_one_and_no_past() -> None:
    first = moved(None, "1.8.1")
    assert (first.sequence, first.previous, first.version) == (1, "", "1.8.1")


def test_the_next_pointer_names_the_one_before() -> None:
    second = moved(moved(None, "1.8.1"), "1.8.2")
    assert (second.sequence, second.previous) == (2, "1.8.1")


def test_a_pointer_that_is_there_does_not_move() -> None:
    assert move(moved(None, "1.8.1"), "1.8.1") == Skipped(reason="it names 1.8.1 already")


@pytest.mark.parametrize("version", ["1.0rc1", "2.0.0-beta.1", "1.2.3+snapshot.4c8f1b6d"])
def test_a_prerelease_never_reaches_stable_but_may_reach_beta(version: str) -> None:
    refused = move(None, version)
    assert isinstance(refused, Skipped)
    assert "prerelease" in refused.reason
    assert moved(None, version, "beta").version == version


def test_a_release_of_an_older_line_moves_nothing_back() -> None:
    refused = move(moved(None, "1.8.2"), "1.7.9")
    assert isinstance(refused, Skipped)
    assert "newer" in refused.reason


def test_versions_that_cannot_be_compared_follow_the_order_of_release() -> None:
    assert moved(moved(None, "9~weird"), "8~weird").version == "8~weird"
    assert not is_older("8~weird", than="9~weird")


def test_a_report_says_what_the_pointer_says() -> None:
    document = moved(None, "1.8.1")
    pointer = pointer_of(document)
    assert (pointer.channel, pointer.version, pointer.sequence) == ("stable", "1.8.1", 1)
    assert (pointer.changed_at, pointer.reason) == (AT, "a story")


@given(st.lists(VERSIONS, max_size=30))
def test_sequences_go_up_and_versions_never_go_back(versions: list[str]) -> None:
    current: ChannelDocument | None = None
    for version in versions:
        decided = move(current, version)
        if isinstance(decided, ChannelDocument):
            assert decided.sequence == (current.sequence + 1 if current else 1)
            assert decided.previous == (current.version if current else "")
            assert current is None or not is_older(decided.version, than=current.version)
            current = decided
    if versions:
        assert current is not None
