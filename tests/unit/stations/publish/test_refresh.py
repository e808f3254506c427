"""Freshness: who may renew it, what it shows, and when it warns."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.errors import ConfigError, IntegrityError, PolicyDenied
from sealift.core.limits import (
    GENERATIONS_KEPT,
    SNAPSHOT_EXPIRY_DAYS,
    TIMESTAMP_EXPIRY_DAYS,
)
from sealift.core.release import PublishReport
from sealift.core.signing import KeyRole, SigningDesk
from sealift.stations.publish.model import Freshness, RefreshReport, ReleaseEvidence
from sealift.stations.publish.refresh import freshness, refresh
from sealift.stations.publish.site import Site, relative_files
from sealift.stations.publish.trusted_tree import TrustedTree
from sealift.testing.sample_project import RELEASED_AT_S, SampleProject
from sealift.testing.signing_desk import InMemoryDesk

Publish = Callable[[ReleaseEvidence], PublishReport]
AT = datetime.fromtimestamp(RELEASED_AT_S, tz=UTC)
DAY_S = 86_400


class Keeper:
    """Someone who keeps the tree fresh."""

    def __init__(self, site: Site, root: bytes, store: LocalBlobStore) -> None:
        self._site, self._root, self._store = site, root, store

    def refresh(self, desk: SigningDesk, *, at_s: int) -> RefreshReport:
        return refresh(self._site, root=self._root, store=self._store, desk=desk, at_s=at_s)

    def freshness(self, at: datetime) -> Freshness:
        return freshness(self._site, root=self._root, store=self._store, at=at)


@pytest.fixture
def keeper(site: Site, root: bytes, store: LocalBlobStore) -> Keeper:
    return Keeper(site, root, store)


@pytest.fixture
def published(publish: Publish, project: SampleProject, keeper: Keeper) -> Keeper:
    """Keep the tree of one release."""
    publish(project.release())
    return keeper


@pytest.fixture(scope="module")
def timer_desk() -> SigningDesk:
    return InMemoryDesk(project="jq", locked=True, roles=(KeyRole.TIMESTAMP, KeyRole.APT))


def test_the_timers_keys_are_enough_to_refresh(
    publish: Publish, project: SampleProject, site: Site, keeper: Keeper, timer_desk: SigningDesk
) -> None:
    publish(project.release())
    before = {path: (site.folder / "current" / path).read_bytes() for path in _files(site)}
    at_s = RELEASED_AT_S + DAY_S
    report = keeper.refresh(timer_desk, at_s=at_s)
    assert report.generation == 2
    assert report.roles == ("timestamp", "apt")
    assert report.expires == AT + timedelta(days=1 + TIMESTAMP_EXPIRY_DAYS)
    after = {path: (site.folder / "current" / path).read_bytes() for path in _files(site)}
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {
        "metadata/timestamp.json",
        "apt/dists/stable/InRelease",
        "apt/dists/stable/Release",
        "apt/dists/stable/Release.gpg",
    }
    assert after.keys() == before.keys()
    assert b"Date: Mon, 23 Nov 2026 18:55:00 UTC" in after["apt/dists/stable/InRelease"]


def _files(site: Site) -> list[str]:
    return relative_files(site.folder / "current")


def test_a_tree_without_debian_packages_refreshes_its_timestamp_only(
    publish: Publish, python_project: SampleProject, keeper: Keeper, timer_desk: SigningDesk
) -> None:
    publish(python_project.release("13.9.4"))
    report = keeper.refresh(timer_desk, at_s=RELEASED_AT_S + DAY_S)
    assert report.roles == ("timestamp",)


def test_refreshing_daily_for_long_keeps_the_tree_whole_and_small(
    published: Keeper, site: Site, root: bytes, timer_desk: SigningDesk
) -> None:
    count = len(_files(site))
    for day in range(1, GENERATIONS_KEPT + 3):
        published.refresh(timer_desk, at_s=RELEASED_AT_S + day * DAY_S)
    assert len(_files(site)) == count
    tree = TrustedTree(site.folder / "current", root)
    assert tree.metadata.timestamp.signed.version == GENERATIONS_KEPT + 3
    assert tree.metadata.snapshot.signed.version == 1


def test_a_clock_that_went_back_moves_no_expiry_back(
    publish: Publish, project: SampleProject, keeper: Keeper, timer_desk: SigningDesk
) -> None:
    publish(project.release())
    report = keeper.refresh(timer_desk, at_s=RELEASED_AT_S - DAY_S)
    assert report.expires == AT + timedelta(days=TIMESTAMP_EXPIRY_DAYS)


def test_a_desk_without_the_timestamp_key_refreshes_nothing(
    publish: Publish, project: SampleProject, site: Site, keeper: Keeper
) -> None:
    publish(project.release())
    desk = InMemoryDesk(project="jq", locked=True, roles=(KeyRole.APT,))
    with pytest.raises(PolicyDenied):
        keeper.refresh(desk, at_s=RELEASED_AT_S)
    current = site.current()
    assert current is not None
    assert current.number == 1


def test_before_the_first_release_there_is_nothing_to_refresh(
    keeper: Keeper, timer_desk: SigningDesk
) -> None:
    with pytest.raises(ConfigError, match="nothing is published") as raised:
        keeper.refresh(timer_desk, at_s=RELEASED_AT_S)
    assert raised.value.hint == "run `sealift release`"
    assert keeper.freshness(AT).roles == ()


def test_a_tampered_tree_is_not_dated_again(
    publish: Publish, project: SampleProject, site: Site, keeper: Keeper, timer_desk: SigningDesk
) -> None:
    publish(project.release())
    snapshot = site.folder / "current/metadata/1.snapshot.json"
    snapshot.write_bytes(snapshot.read_bytes().replace(b'"version":1', b'"version":2'))
    with pytest.raises(IntegrityError):
        keeper.refresh(timer_desk, at_s=RELEASED_AT_S)


@pytest.mark.parametrize(
    ("age_s", "state", "warned"),
    [
        (0, "fresh", []),
        (TIMESTAMP_EXPIRY_DAYS * DAY_S // 2 - 1, "fresh", []),
        (TIMESTAMP_EXPIRY_DAYS * DAY_S // 2, "half-life", ["`timestamp` is past half"]),
        (TIMESTAMP_EXPIRY_DAYS * DAY_S - 1, "half-life", ["`timestamp` is past half"]),
        (TIMESTAMP_EXPIRY_DAYS * DAY_S, "expired", ["`timestamp` has expired"]),
    ],
)
def test_freshness_warns_from_half_of_the_lifetime_on(
    published: Keeper, age_s: int, state: str, warned: list[str]
) -> None:
    found = published.freshness(AT + timedelta(seconds=age_s))
    assert found.state == state
    assert len(found.warnings) == len(warned)
    for warning, start in zip(found.warnings, warned, strict=True):
        assert warning.startswith(start)
        assert "`sealift site refresh`" in warning


def test_roles_that_a_refresh_cannot_renew_ask_for_a_release(
    publish: Publish, project: SampleProject, keeper: Keeper
) -> None:
    publish(project.release())
    late = AT + timedelta(days=SNAPSHOT_EXPIRY_DAYS)
    found = keeper.freshness(late)
    states = {role.role: role.state for role in found.roles}
    assert states == {
        "timestamp": "expired",
        "snapshot": "expired",
        "channels": "expired",
        "targets": "expired",
        "root": "half-life",
    }
    assert sum("offline" in warning for warning in found.warnings) == 4
