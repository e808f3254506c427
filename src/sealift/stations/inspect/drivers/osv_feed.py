"""Advisories from a dated, local OSV feed. It says what it looked at before it says what it found.

`unknown` whenever "nothing found" would claim too much: no feed, a stale one, records that could
not be read, components that no ecosystem of the feed covers. Matches are listed all the same.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from sealift.base.edge.port import Files
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import ADVISORY_FEED_STALE_DAYS
from sealift.core.progress import Progress, ProgressEvent, silent
from sealift.core.verdict import Inspection, Outcome
from sealift.stations.inspect.advisory_index import FeedHeader, ensure_index, open_index
from sealift.stations.inspect.advisory_match import INSPECTOR, MatchReport, match_components
from sealift.stations.inspect.feeds import feed_digest, feed_files, read_feed
from sealift.stations.inspect.port import Subject

_UNDECIDED_NAMED: Final = 3


class OsvFeedInspector:
    """Match every component against a feed. A driver of `Inspector`.

    `feed` is a file or a folder, or None when there is none; `index_folder` keeps indexes by the
    feed's digest.
    """

    def __init__(
        self,
        *,
        feed: Path | None,
        index_folder: Path,
        files: Files,
        progress: Progress = silent,
    ) -> None:
        self._feed = feed
        self._index_folder = index_folder
        self._files = files
        self._progress = progress

    def inspect(self, subject: Subject) -> Inspection:
        """Look every component up; see `Inspector`."""
        components = tuple(part for one in subject.bills for part in one.bill.components)
        if self._feed is None:
            return _unknown("no advisory feed")
        files = feed_files(self._feed)
        if not files:
            return _unknown(f"no advisory feed: `{self._feed.name}` holds no OSV records")
        try:
            path = self._index(feed_digest(self._feed, files), files)
            with open_index(path) as index:
                header = index.header
                report = match_components(
                    components, ecosystems=frozenset(header.ecosystems), lookup=index.lookup
                )
        except IntegrityError as error:
            return _unknown(str(error))
        released_at = subject.release.opening.released_at
        age_days = feed_age_days(newest=header.newest, at=released_at)
        outcome, reason = judge(header, report, age_days=age_days)
        return Inspection(
            inspector=INSPECTOR,
            outcome=outcome,
            reason=reason,
            looked_at=report.components,
            facts=_facts(header, report, age_days),
            findings=report.findings,
            evidence=(header.feed,),
        )

    def _index(self, feed: Digest, files: tuple[Path, ...]) -> Path:
        path, known = ensure_index(
            self._index_folder, feed=feed, advisories=read_feed(files), files=self._files
        )
        self._progress(
            ProgressEvent(
                kind="cached" if known else "finished",
                station="inspect",
                subject="advisory feed",
                detail=f"indexed as {feed.short}",
            )
        )
        return path


def feed_age_days(*, newest: str, at: str) -> int | None:
    """Return how many whole days the feed's newest record is older than `at`; None if undated."""
    if not newest:
        return None
    return (datetime.fromisoformat(at) - datetime.fromisoformat(newest)).days


def judge(header: FeedHeader, report: MatchReport, *, age_days: int | None) -> tuple[Outcome, str]:
    """Decide in this order: matches fail; doubt about the feed or the scan is unknown; else pass.

    A stale feed's matches are listed, yet the outcome stays unknown: what it does not know yet is
    the larger part.
    """
    doubts: list[str] = []
    if age_days is None:
        doubts.append("feed has no date")
    elif abs(age_days) > ADVISORY_FEED_STALE_DAYS:
        # A feed from the future hides its age: one forged record would make it fresh for ever.
        late = f"feed is {age_days} days old"
        doubts.append(late if age_days > 0 else f"feed is dated {-age_days} days ahead")
    if header.refused_count:
        doubts.append(f"{header.refused_count} records could not be read")
    if report.covered == 0:
        doubts.append(f"none of {report.components} components is covered by the feed")
    if report.undecided:
        purl, identifier = report.undecided[0]
        doubts.append(f"{len(report.undecided)} matches undecided, first {identifier} on {purl}")
    counted = (
        f"{report.matched} of {report.covered} covered components affected"
        if report.matched
        else f"{report.covered} covered components, none affected"
    )
    if doubts:
        return "unknown", f"{'; '.join(doubts)} ({counted})"
    return ("fail" if report.findings else "pass"), counted


def _facts(
    header: FeedHeader, report: MatchReport, age_days: int | None
) -> tuple[tuple[str, str], ...]:
    facts = [
        ("feed", str(header.feed)),
        ("feed date", header.newest or "none"),
        ("feed age in days", "unknown" if age_days is None else str(age_days)),
        ("feed records", str(header.records)),
        ("feed withdrawn", str(header.withdrawn)),
        ("feed undated", str(header.undated)),
        ("feed refused", str(header.refused_count)),
        ("feed ecosystems", ", ".join(header.ecosystems)),
        ("components", str(report.components)),
        ("components covered", str(report.covered)),
        ("components without version", str(report.unversioned)),
        ("components affected", str(report.matched)),
        ("undecided", str(len(report.undecided))),
    ]
    facts += [("refused record", one) for one in header.refused]
    facts += [
        ("undecided match", f"{identifier} on {purl}")
        for purl, identifier in report.undecided[:_UNDECIDED_NAMED]
    ]
    return tuple(facts)


def _unknown(reason: str) -> Inspection:
    return Inspection(inspector=INSPECTOR, outcome="unknown", reason=reason, looked_at=0)
