import gzip
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.base.edge.files import DurableFiles
from sealift.base.specs.cyclonedx import Bill, Component
from sealift.base.specs.osv import Affected, parse_advisory
from sealift.base.specs.purl import Purl
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.progress import ProgressEvent
from sealift.core.verdict import Inspection
from sealift.stations.inspect.advisory_index import FeedBuilder, ensure_index, open_index
from sealift.stations.inspect.advisory_match import KnownAdvisory, match_components, merge_aliases
from sealift.stations.inspect.drivers.osv_feed import OsvFeedInspector, feed_age_days
from sealift.stations.inspect.port import ArtifactBill, Release, Subject
from sealift.testing.releases import python_release

REAL_FEED = Path(__file__).parents[5] / "shared" / "corpora" / "osv"
FRESH = "2024-10-10T00:00:00Z"
Look = Callable[..., Inspection]


def row(identifier: str, name: str, *, fixed: str, **fields: object) -> dict[str, object]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    return {
        "id": identifier,
        "modified": FRESH,
        "summary": f"{name} leaks",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        **fields,
    }


def write_feed(place: Path, rows: Sequence[object]) -> Path:
    lines = "".join(json.dumps(one) + "\n" for one in rows)
    place.write_bytes(gzip.compress(lines.encode(), mtime=0))
    return place


def library(name: str, version: str) -> Component:
    purl = Purl.of("pypi", name, version)
    return Component(reference=str(purl), kind="library", name=name, version=version, purl=purl)


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Inspect a release that holds these components against a feed."""

    def run(
        feed: Path | None, *components: Component, progress: list[ProgressEvent] | None = None
    ) -> Inspection:
        sample = python_release(LocalBlobStore(tmp_path / "store", DurableFiles()))
        artifact = sample.package.artifacts[0]
        bill = Bill(
            timestamp=FRESH,
            subject=library("kite", "1.2.0"),
            commit="",
            components=components,
            tool_version="1",
        )
        subject = Subject(
            release=Release(
                plan=sample.plan,
                opening=sample.opening,
                source=sample.source,
                build=sample.build,
                package=sample.package,
            ),
            bills=(ArtifactBill(artifact=artifact, bill=bill, file=artifact.file),),
        )
        events = progress if progress is not None else []

        def note(event: ProgressEvent) -> None:
            events.append(event)

        return OsvFeedInspector(
            feed=feed,
            index_folder=tmp_path / "advisories",
            files=DurableFiles(),
            progress=note,
        ).inspect(subject)

    return run


def test_a_planted_vulnerable_component_is_found(tmp_path: Path, look: Look) -> None:
    feed = write_feed(tmp_path / "f.jsonl.gz", [row("PYSEC-1", "Jinja2", fixed="3.1.4")])
    found = look(feed, library("jinja2", "3.1.3"), library("tabulate", "0.9"))
    assert found.outcome == "fail"
    assert [(one.rule, one.subject) for one in found.findings] == [
        ("PYSEC-1", "pkg:pypi/jinja2@3.1.3")
    ]
    assert dict(found.facts)["components affected"] == "1"


def test_a_clean_release_and_a_fresh_feed_pass_and_say_how_much_was_looked_at(
    tmp_path: Path, look: Look
) -> None:
    feed = write_feed(tmp_path / "f.jsonl.gz", [row("PYSEC-1", "jinja2", fixed="3.1.4")])
    found = look(feed, library("jinja2", "3.1.4"), library("tabulate", "0.9"))
    assert (found.outcome, found.looked_at, found.findings) == ("pass", 2, ())
    assert dict(found.facts)["components covered"] == "2"


@pytest.mark.skipif(not REAL_FEED.exists(), reason="the shared OSV corpus is not here")
def test_a_real_feed_finds_an_old_jinja_with_its_aliases_merged(look: Look) -> None:
    found = look(REAL_FEED, library("jinja2", "2.8"), library("rich", "13.9.4"))
    assert {one.rule for one in found.findings} == {
        "PYSEC-2019-217",
        "PYSEC-2019-220",
        "PYSEC-2021-66",
    }
    assert all("CVE-" in one.message for one in found.findings)
    assert dict(found.facts)["feed records"] == "2659"
    assert dict(found.facts)["feed undated"] == "1"


def test_no_feed_is_unknown(tmp_path: Path, look: Look) -> None:
    assert (look(None).outcome, look(None).reason) == ("unknown", "no advisory feed")
    (tmp_path / "empty").mkdir()
    assert look(tmp_path / "empty").outcome == "unknown"


def test_a_stale_feed_is_unknown_and_lists_its_matches_all_the_same(
    tmp_path: Path, look: Look
) -> None:
    old = row("PYSEC-1", "jinja2", fixed="3.1.4", modified="2024-10-01T00:00:00Z")
    found = look(write_feed(tmp_path / "f.jsonl.gz", [old]), library("jinja2", "3.0"))
    assert (found.outcome, len(found.findings)) == ("unknown", 1)
    assert found.reason.startswith("feed is 11 days old")


def test_a_feed_is_fresh_for_a_week_and_not_a_day_longer(tmp_path: Path, look: Look) -> None:
    for day, outcome in ((5, "pass"), (4, "unknown")):
        one = row("PYSEC-1", "kit", fixed="1", modified=f"2024-10-0{day}T08:00:00Z")
        feed = write_feed(tmp_path / f"{day}.jsonl.gz", [one])
        assert look(feed, library("jinja2", "3.0")).outcome == outcome


def test_one_record_from_the_future_does_not_make_a_feed_fresh(tmp_path: Path, look: Look) -> None:
    forged = row("PYSEC-1", "kit", fixed="1", modified="2099-01-01T00:00:00Z")
    found = look(write_feed(tmp_path / "f.jsonl.gz", [forged]), library("jinja2", "3.0"))
    assert found.outcome == "unknown"
    assert "days ahead" in found.reason


def test_a_withdrawn_advisory_finds_nothing_and_is_counted(tmp_path: Path, look: Look) -> None:
    gone = row("PYSEC-1", "jinja2", fixed="9", withdrawn="2024-10-09T00:00:00Z")
    found = look(write_feed(tmp_path / "f.jsonl.gz", [gone]), library("jinja2", "3.0"))
    assert (found.outcome, dict(found.facts)["feed withdrawn"]) == ("pass", "1")


def test_a_record_that_cannot_be_read_is_unknown_and_does_not_hide_the_others(
    tmp_path: Path, look: Look
) -> None:
    rows = [{"id": "PYSEC-0"}, row("PYSEC-1", "jinja2", fixed="3.1.4")]
    found = look(write_feed(tmp_path / "f.jsonl.gz", rows), library("jinja2", "3.0"))
    assert (found.outcome, len(found.findings)) == ("unknown", 1)
    assert "1 records could not be read" in found.reason


def test_components_that_no_ecosystem_covers_are_unknown(tmp_path: Path, look: Look) -> None:
    feed = write_feed(tmp_path / "f.jsonl.gz", [row("PYSEC-1", "jinja2", fixed="3.1.4")])
    purl = Purl.parse("pkg:deb/debian/libc6@2.36")
    system = Component(reference="x", kind="library", name="libc6", version="2.36", purl=purl)
    found = look(feed, system)
    assert (found.outcome, found.looked_at) == ("unknown", 1)
    assert "none of 1 components is covered" in found.reason


def test_a_component_without_a_version_is_counted_apart(tmp_path: Path, look: Look) -> None:
    feed = write_feed(tmp_path / "f.jsonl.gz", [row("PYSEC-1", "jinja2", fixed="3.1.4")])
    facts = dict(look(feed, library("jinja2", ""), library("tabulate", "1")).facts)
    assert (facts["components covered"], facts["components without version"]) == ("1", "1")


def test_an_undecided_match_is_unknown(tmp_path: Path, look: Look) -> None:
    feed = write_feed(tmp_path / "f.jsonl.gz", [row("PYSEC-1", "jinja2", fixed="odd-n653")])
    found = look(feed, library("jinja2", "3.0"))
    assert found.outcome == "unknown"
    assert "PYSEC-1 on pkg:pypi/jinja2@3.0" in found.reason


@pytest.mark.parametrize(
    "data", [b"", b"\x1f\x8b\x08 cut", gzip.compress(b"x" * 9999, mtime=0)[:-20]]
)
def test_a_broken_container_is_unknown_not_a_crash(tmp_path: Path, look: Look, data: bytes) -> None:
    (tmp_path / "f.jsonl.gz").write_bytes(data)
    assert look(tmp_path / "f.jsonl.gz", library("jinja2", "3.0")).outcome == "unknown"


def test_a_folder_of_records_and_a_zip_export_give_the_same_findings(
    tmp_path: Path, look: Look
) -> None:
    rows = [row("PYSEC-1", "jinja2", fixed="3.1.4"), row("PYSEC-2", "tabulate", fixed="2")]
    folder = tmp_path / "records"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for one in rows:
            (folder / f"{one['id']}.json").write_text(json.dumps(one))
            archive.writestr(f"{one['id']}.json", json.dumps(one))
        archive.writestr("README.txt", "not a record")
    parts = (library("jinja2", "3.0"), library("tabulate", "1"))
    assert len(look(folder, *parts).findings) == 2
    assert look(folder, *parts).findings == look(tmp_path / "all.zip", *parts).findings


def test_a_second_use_of_a_feed_reads_its_index_only(tmp_path: Path, look: Look) -> None:
    feed = write_feed(tmp_path / "f.jsonl.gz", [row("PYSEC-1", "jinja2", fixed="3.1.4")])
    events: list[ProgressEvent] = []
    first = look(feed, library("jinja2", "3.0"), progress=events)
    second = look(feed, library("jinja2", "3.0"), progress=events)
    assert first == second
    assert [event.kind for event in events] == ["finished", "cached"]


def test_a_changed_feed_is_indexed_anew(tmp_path: Path, look: Look) -> None:
    place = tmp_path / "f.jsonl.gz"
    part = library("jinja2", "3.0")
    assert look(write_feed(place, [row("PYSEC-1", "kit", fixed="3")]), part).outcome == "pass"
    assert look(write_feed(place, [row("PYSEC-1", "jinja2", fixed="4")]), part).outcome == "fail"


def test_a_damaged_index_is_made_again(tmp_path: Path, look: Look) -> None:
    feed = write_feed(tmp_path / "f.jsonl.gz", [row("PYSEC-1", "jinja2", fixed="3.1.4")])
    first = look(feed, library("jinja2", "3.0"))
    (index,) = (tmp_path / "advisories").iterdir()
    whole = index.read_bytes()
    for damaged in (b"", b"{}\n", whole[:-5], b"\n" + whole):
        index.write_bytes(damaged)
        assert look(feed, library("jinja2", "3.0")) == first


def test_records_that_share_an_alias_are_one_finding() -> None:
    known = [
        replace(KNOWN, identifier="PYSEC-9", aliases=("CVE-1",)),
        replace(KNOWN, identifier="GHSA-1", aliases=("CVE-1", "CVE-2")),
        replace(KNOWN, identifier="OTHER-1", aliases=("CVE-2",)),
        replace(KNOWN, identifier="PYSEC-8"),
    ]
    groups = [[one.identifier for one in group] for group in merge_aliases(known)]
    assert groups == [["GHSA-1", "OTHER-1", "PYSEC-9"], ["PYSEC-8"]]


KNOWN = KnownAdvisory(
    identifier="X-1",
    aliases=(),
    summary="",
    severity="high",
    severity_stated=True,
    affected=Affected(ecosystem="PyPI", name="kit", versions=("1",), ranges=()),
)


def test_the_worst_stated_severity_of_a_group_counts() -> None:
    def lookup(key: str) -> Sequence[KnownAdvisory]:
        assert key == "PyPI/kit"
        return (
            replace(KNOWN, identifier="A", aliases=("B",), severity="low"),
            replace(KNOWN, identifier="B", severity="critical"),
            replace(KNOWN, identifier="C", severity_stated=False),
        )

    report = match_components(
        [library("kit", "1"), library("kit", "1")], ecosystems=frozenset({"PyPI"}), lookup=lookup
    )
    assert [(one.rule, one.severity) for one in report.findings] == [
        ("A", "critical"),
        ("C", "medium"),
    ]
    assert "severity not stated" in report.findings[1].message


def test_the_age_of_a_feed_is_counted_in_whole_days() -> None:
    assert feed_age_days(newest=FRESH, at="2024-10-12T08:00:00Z") == 2
    assert feed_age_days(newest="", at=FRESH) is None


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12
)


@given(st.lists(names, max_size=30, unique=True), names)
def test_the_index_knows_what_was_put_in_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, inside: list[str], asked: str
) -> None:
    records = [
        parse_advisory(json.dumps(row(f"X-{number}", name, fixed="1")).encode())
        for number, name in enumerate(inside)
    ]
    records = [
        replace(one, affected=tuple(replace(part, ecosystem="npm") for part in one.affected))
        for one in records
    ]
    feed = Digest.of(repr(inside).encode())
    folder = tmp_path_factory.mktemp("advisories")
    path, _ = ensure_index(folder, feed=feed, advisories=records, files=DurableFiles())
    with open_index(path) as index:
        for number, name in enumerate(inside):
            assert [one.identifier for one in index.lookup(f"npm/{name}")] == [f"X-{number}"]
        assert bool(index.lookup(f"npm/{asked}")) == (asked in inside)


def test_equal_feeds_give_equal_indexes_in_any_order() -> None:
    rows = [row("B", "kit", fixed="1"), row("A", "kit", fixed="2"), row("C", "wick", fixed="1")]
    parsed = [parse_advisory(json.dumps(one).encode()) for one in rows]
    made = []
    for order in (parsed, parsed[::-1]):
        builder = FeedBuilder()
        for one in order:
            builder.add(one)
        made.append(builder.finish(Digest.of(b"feed")))
    assert made[0] == made[1]


def test_an_index_of_another_length_than_it_says_is_refused(tmp_path: Path) -> None:
    builder = FeedBuilder()
    place = tmp_path / "i.index"
    place.write_bytes(builder.finish(Digest.of(b"feed")) + b"more\n")
    with pytest.raises(IntegrityError, match="bytes of records"), open_index(place):
        pass
