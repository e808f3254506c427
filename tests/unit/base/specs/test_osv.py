import gzip
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from sealift.base.specs.cvss import base_score
from sealift.base.specs.osv import (
    Affected,
    Event,
    Range,
    decide,
    ecosystem_of,
    package_key,
    package_name,
    parse_advisory,
)
from sealift.base.specs.purl import Purl
from sealift.core.errors import IntegrityError

FEED = Path(__file__).parents[5] / "shared" / "corpora" / "osv" / "pypi-advisories.jsonl.gz"


def record(**fields: object) -> bytes:
    base: dict[str, object] = {
        "id": "PYSEC-1",
        "modified": "2024-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Kite"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
            }
        ],
    }
    return json.dumps({**base, **fields}).encode()


def affected(*events: tuple[str, str], kind: str = "ECOSYSTEM", **fields: object) -> Affected:
    rows = [{name: version} for name, version in events]
    row: dict[str, object] = {
        "package": {"ecosystem": "PyPI", "name": "kite"},
        "ranges": [{"type": kind, "events": rows}] if rows else [],
        **fields,
    }
    return parse_advisory(record(affected=[row])).affected[0]


def test_a_version_between_introduced_and_fixed_is_affected() -> None:
    one = affected(("introduced", "1.0"), ("fixed", "1.5"))
    assert [decide(one, version) for version in ("0.9", "1.0", "1.4.9", "1.5")] == [
        "unaffected",
        "affected",
        "affected",
        "unaffected",
    ]


def test_the_order_of_events_in_the_record_means_nothing() -> None:
    one = affected(
        ("introduced", "3.9"), ("fixed", "3.19.1"), ("introduced", "0"), ("fixed", "3.8.1")
    )
    assert [decide(one, version) for version in ("1.0", "3.8.1", "3.9", "3.19.1")] == [
        "affected",
        "unaffected",
        "affected",
        "unaffected",
    ]


def test_last_affected_is_affected_and_the_next_is_not() -> None:
    one = affected(("introduced", "0"), ("last_affected", "2.0"))
    assert decide(one, "2.0") == "affected"
    assert decide(one, "2.0.post1") == "unaffected"


def test_a_prerelease_of_the_fix_is_still_affected() -> None:
    one = affected(("introduced", "0"), ("fixed", "2.0"))
    assert decide(one, "2.0rc1") == "affected"
    assert decide(one, "2.0+local") == "unaffected"


def test_a_range_ends_at_its_limit() -> None:
    one = affected(("introduced", "1.0"), ("limit", "2.0"))
    assert decide(one, "1.9") == "affected"
    assert decide(one, "2.0") == "unaffected"


def test_an_enumerated_version_is_affected_in_every_spelling() -> None:
    one = affected(versions=["1.0"])
    assert decide(one, "1.0.0") == "affected"
    assert decide(one, "1.0.1") == "unaffected"


def test_a_version_nobody_can_read_is_undecided_unless_it_is_enumerated() -> None:
    one = affected(("introduced", "0"), versions=["2004b-weird"])
    assert decide(one, "another-weird") == "undecided"
    assert decide(one, "2004b-weird") == "affected"


def test_a_range_with_an_unreadable_event_is_undecided() -> None:
    one = affected(("introduced", "0"), ("fixed", "0.2.0-n653"))
    assert decide(one, "0.1") == "undecided"


def test_semver_ranges_are_undecided_and_commits_decide_nothing() -> None:
    assert decide(affected(("introduced", "0"), kind="SEMVER"), "1.0") == "undecided"
    assert decide(affected(("introduced", "0"), kind="GIT"), "1.0") == "unaffected"


def test_another_ecosystem_is_decided_by_enumeration_only() -> None:
    one = replace(affected(("introduced", "0"), versions=["1.0"]), ecosystem="npm")
    assert decide(one, "1.0") == "affected"
    assert decide(one, "1.1") == "undecided"


def test_a_withdrawn_record_says_so() -> None:
    assert parse_advisory(record(withdrawn="2024-02-01T00:00:00+01:00")).withdrawn == (
        "2024-01-31T23:00:00Z"
    )
    assert parse_advisory(record()).withdrawn == ""
    with pytest.raises(IntegrityError, match="withdrawn"):
        parse_advisory(record(withdrawn="soon"))


def test_a_record_from_before_the_calendar_still_warns_but_dates_nothing() -> None:
    one = parse_advisory(record(modified="1-01-01T00:00:00Z"))
    assert (one.modified, len(one.affected)) == ("", 1)
    with pytest.raises(IntegrityError, match="modified"):
        parse_advisory(record(modified=None))


@pytest.mark.parametrize(
    "events",
    [
        [],
        [{"fixed": "1"}],
        [{"introduced": "0", "fixed": "1"}],
        [{"introduced": 0}],
        [{"introduced": "0"}, {}],
        ["0"],
    ],
)
def test_events_that_say_nothing_or_two_things_are_refused(events: list[Any]) -> None:
    package = {"ecosystem": "PyPI", "name": "kite"}
    row = {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    with pytest.raises(IntegrityError):
        parse_advisory(record(affected=[row]))


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "two words"},
        {"id": 7},
        {"aliases": ["CVE-1", 2]},
        {"affected": {}},
        {"affected": [{"package": {"ecosystem": "PyPI", "name": "a\tb"}}]},
        {"affected": [{"package": {"ecosystem": "PyPI", "name": "k"}, "ranges": [{"type": "X"}]}]},
    ],
)
def test_a_record_that_breaks_the_schema_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        parse_advisory(record(**fields))


def test_unknown_fields_pass_since_the_schema_grows() -> None:
    assert parse_advisory(record(brand_new={"a": 1})).identifier == "PYSEC-1"


def test_severity_is_the_worst_that_is_stated() -> None:
    low = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
    high = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    rows = [{"type": "CVSS_V3", "score": one} for one in (low, high)]
    one = parse_advisory(record(severity=rows))
    assert (one.severity, one.severity_stated) == ("critical", True)
    assert parse_advisory(record(database_specific={"severity": "MODERATE"})).severity == "medium"
    assert not parse_advisory(record(severity=[{"type": "CVSS_V4", "score": "x"}])).severity_stated


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 5.4),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:L/A:N", 3.3),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", None),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
    ],
)
def test_base_scores_are_those_of_the_specification(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_names_are_indexed_in_one_spelling() -> None:
    assert package_key("PyPI", "Zope.Interface") == package_key("PyPI", "zope_interface")
    assert package_key("npm", "Zope.Interface") != package_key("npm", "zope-interface")
    assert package_name(Purl.parse("pkg:maven/org.example/kite@1")) == "org.example:kite"
    assert ecosystem_of(Purl.parse("pkg:pypi/kite")) == "PyPI"
    assert ecosystem_of(Purl.parse("pkg:generic/kite")) is None


versions = st.builds(
    "{}.{}{}".format,
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(["", "rc1", ".post1", ".dev2"]),
)


@given(st.lists(versions, min_size=2, max_size=6, unique_by=Version), st.randoms(), versions)
def test_half_open_intervals_hold_exactly_what_lies_in_them(
    points: list[str], shuffler: Random, asked: str
) -> None:
    ordered = sorted(points, key=Version)[: len(points) // 2 * 2]
    pairs = list(zip(ordered[::2], ordered[1::2], strict=True))
    events = [Event(kind="introduced", version=low) for low, _ in pairs]
    events += [Event(kind="fixed", version=high) for _, high in pairs]
    shuffler.shuffle(events)
    one = Affected(
        ecosystem="PyPI",
        name="kite",
        versions=(),
        ranges=(Range(kind="ECOSYSTEM", events=tuple(events)),),
    )
    inside = any(Version(low) <= Version(asked) < Version(high) for low, high in pairs)
    assert decide(one, asked) == ("affected" if inside else "unaffected")


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["id", "modified", "affected", "package", "ranges", "events", "severity"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_comes_is_read_or_refused_in_words(data: bytes) -> None:
    with suppress(IntegrityError):
        assert parse_advisory(data).identifier


@pytest.mark.skipif(not FEED.exists(), reason="the shared OSV corpus is not here")
def test_every_record_of_a_real_feed_is_read_and_agrees_with_its_enumeration() -> None:
    read = disagreeing = 0
    for line in gzip.decompress(FEED.read_bytes()).splitlines():
        advisory = parse_advisory(line)
        read += 1
        for one in advisory.affected:
            ranges = tuple(kind for kind in one.ranges if kind.kind == "ECOSYSTEM")
            if ranges and one.versions:
                decision = decide(replace(one, versions=(), ranges=ranges), one.versions[0])
                disagreeing += decision == "unaffected"
    assert read == 2_659
    assert disagreeing <= 5
