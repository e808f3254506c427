"""OSV advisories: read them strictly, and decide whether a version is affected.

A decision has three values: what a range's versions or the asked version leave unreadable is
`undecided`, never silently unaffected. Ranges of type ECOSYSTEM are understood for PyPI (PEP 440);
every ecosystem's enumerated `versions` are compared as text.
Refused: a record without id or time, an event that says nothing or two things, a range that starts
nowhere. Unknown fields pass: the schema grows.

Specification: ossf.github.io/osv-schema, 1.6.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from sealift.base.specs.cvss import base_score
from sealift.base.specs.fields import as_list, as_object, take, take_list, take_object, take_text
from sealift.base.specs.purl import Purl
from sealift.base.specs.strictjson import parse_json
from sealift.core.codec import Json, format_time
from sealift.core.errors import IntegrityError
from sealift.core.limits import ADVISORY_BYTES_MAX, ADVISORY_EVENTS_MAX

EventKind = Literal["introduced", "fixed", "last_affected", "limit"]
RangeKind = Literal["ECOSYSTEM", "SEMVER", "GIT"]
Severity = Literal["info", "low", "medium", "high", "critical"]
Decision = Literal["affected", "unaffected", "undecided"]

_EVENT_KINDS: Final[tuple[EventKind, ...]] = ("introduced", "fixed", "last_affected", "limit")
_RANGE_KINDS: Final[Mapping[str, RangeKind]] = {
    "ECOSYSTEM": "ECOSYSTEM",
    "SEMVER": "SEMVER",
    "GIT": "GIT",
}
_ECOSYSTEMS: Final[Mapping[str, str]] = {
    "cargo": "crates.io",
    "composer": "Packagist",
    "gem": "RubyGems",
    "golang": "Go",
    "hex": "Hex",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "pub": "Pub",
    "pypi": "PyPI",
}
_WORDS: Final[Mapping[str, Severity]] = {
    "LOW": "low",
    "MODERATE": "medium",
    "MEDIUM": "medium",
    "HIGH": "high",
    "CRITICAL": "critical",
}
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}\Z")
_SUMMARY_LENGTH: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One point on the line of versions. `introduced` at `0` is before every version."""

    kind: EventKind
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Versions between events. The events are a set: their order in the record means nothing."""

    kind: RangeKind
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Which versions of one package an advisory is about."""

    ecosystem: str
    name: str
    versions: tuple[str, ...]
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One record. `modified` and `withdrawn` are RFC 3339 in UTC, or empty.

    `modified` is empty where the record's own cannot be read (feeds hold years before 1): what it
    warns of still counts, it only dates nothing. `severity_stated` is false where the record gave
    none that can be read.
    """

    identifier: str
    aliases: tuple[str, ...]
    modified: str
    withdrawn: str
    summary: str
    severity: Severity
    severity_stated: bool
    affected: tuple[Affected, ...]


def parse_advisory(data: bytes) -> Advisory:
    """Read one OSV record; raise IntegrityError for what breaks the schema's core."""
    record = as_object(parse_json(data, size_bytes_max=ADVISORY_BYTES_MAX), "OSV record")
    identifier = take_text(record, "id", "OSV record")
    if not _IDENTIFIER.match(identifier):
        raise IntegrityError(fact=f"OSV record has the id {identifier[:80]!r}", expected="an id")
    what = f"OSV record `{identifier}`"
    severity = _severity(record)
    summary = _optional_text(record, "summary", what) or _optional_text(record, "details", what)
    return Advisory(
        identifier=identifier,
        aliases=_texts(record, "aliases", what),
        modified=_time(take_text(record, "modified", what)) or "",
        withdrawn=_withdrawn(record, what),
        summary=" ".join(summary.split())[:_SUMMARY_LENGTH],
        severity=severity or "medium",
        severity_stated=severity is not None,
        affected=tuple(
            affected
            for row in _rows(record, "affected", what)
            if (affected := _affected(as_object(row, f"`affected` of {what}"), what)) is not None
        ),
    )


def package_key(ecosystem: str, name: str) -> str:
    """Return the one spelling under which a package is indexed: PEP 503 names for PyPI."""
    # A suffix (`Debian:12`) belongs to the ecosystem's identity and stays.
    return f"{ecosystem}/{canonicalize_name(name) if ecosystem == 'PyPI' else name}"


def ecosystem_of(purl: Purl) -> str | None:
    """Name the OSV ecosystem of a package URL; None where this version knows none."""
    return _ECOSYSTEMS.get(purl.kind)


def package_name(purl: Purl) -> str:
    """Return the package's name as OSV's ecosystems spell it, namespace included."""
    if not purl.namespace:
        return purl.name
    separator = ":" if purl.kind == "maven" else "/"
    return f"{purl.namespace}{separator}{purl.name}"


def decide(affected: Affected, version: str) -> Decision:
    """Decide whether `version` is affected (OSV schema, "Evaluation").

    `affected` if it is enumerated or lies in any range, else `undecided` if any range could not
    be read, else `unaffected`. GIT ranges speak of commits and decide nothing about versions.
    """
    parsed = _version(version) if affected.ecosystem == "PyPI" else None
    if version in affected.versions:
        return "affected"
    if parsed is not None and any(_version(one) == parsed for one in affected.versions):
        return "affected"
    decisions = {_decide_range(one, parsed) for one in affected.ranges if one.kind != "GIT"}
    if "affected" in decisions:
        return "affected"
    return "undecided" if "undecided" in decisions else "unaffected"


def _decide_range(one: Range, version: Version | None) -> Decision:
    if one.kind != "ECOSYSTEM" or version is None:
        return "undecided"
    limits: list[Version] = []
    points: list[tuple[Version | None, int, EventKind]] = []
    for event in one.events:
        at = _version(event.version)
        if at is None:
            return "undecided"
        if event.kind == "limit":
            limits.append(at)
        elif event.kind == "introduced" and event.version == "0":
            points.append((None, 1, event.kind))
        else:
            # At one version an end counts before a start: in doubt, affected.
            points.append((at, 1 if event.kind == "introduced" else 0, event.kind))
    if limits and not any(version < limit for limit in limits):
        return "unaffected"
    points.sort(key=lambda point: (point[0] is not None, point[0] or version, point[1]))
    vulnerable = False
    for at, _, kind in points:
        if kind == "introduced" and (at is None or version >= at):
            vulnerable = True
        elif at is not None and (
            (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at)
        ):
            vulnerable = False
    return "affected" if vulnerable else "unaffected"


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _affected(row: dict[str, Json], what: str) -> Affected | None:
    if row.get("package") is None:
        return None  # Schema: only commits of a repository are named.
    package = take_object(row, "package", what)
    ecosystem = take_text(package, "ecosystem", what)
    name = take_text(package, "name", what)
    if not (ecosystem.isprintable() and name.isprintable() and ecosystem and name):
        raise IntegrityError(fact=f"{what} names package {name[:80]!r}", expected="a name")
    return Affected(
        ecosystem=ecosystem,
        name=name,
        versions=_texts(row, "versions", what),
        ranges=tuple(_range(as_object(one, what), what) for one in _rows(row, "ranges", what)),
    )


def _range(row: dict[str, Json], what: str) -> Range:
    kind = _RANGE_KINDS.get(take_text(row, "type", what))
    if kind is None:
        raise IntegrityError(
            fact=f"{what} has a range of type `{str(row['type'])[:40]}`",
            expected=", ".join(_RANGE_KINDS),
        )
    rows = take_list(row, "events", what)
    if len(rows) > ADVISORY_EVENTS_MAX:
        raise IntegrityError(
            fact=f"{what} has {len(rows)} events", expected=f"at most {ADVISORY_EVENTS_MAX}"
        )
    events = tuple(_event(as_object(one, what), what) for one in rows)
    if not any(event.kind == "introduced" for event in events):
        raise IntegrityError(
            fact=f"{what} has a range that starts nowhere", expected="an `introduced` event"
        )
    return Range(kind=kind, events=events)


def _event(row: dict[str, Json], what: str) -> Event:
    kinds = [kind for kind in _EVENT_KINDS if kind in row]
    if len(kinds) != 1 or len(row) != 1:
        raise IntegrityError(
            fact=f"{what} has an event with {len(row)} fields",
            expected=f"exactly one of {', '.join(_EVENT_KINDS)}",
        )
    return Event(kind=kinds[0], version=take_text(row, kinds[0], what))


def _severity(record: dict[str, Json]) -> Severity | None:
    """Return the highest severity that the record states in a form that can be read."""
    scores = [
        score
        for row in (record.get("severity") or [],)
        if isinstance(row, list)
        for one in row
        if isinstance(one, dict) and isinstance(one.get("score"), str)
        if (score := base_score(str(one["score"]))) is not None
    ]
    if scores:
        return _severity_of(max(scores))
    database = record.get("database_specific")
    word = database.get("severity") if isinstance(database, dict) else None
    return _WORDS.get(word.upper()) if isinstance(word, str) else None


def _severity_of(score: float) -> Severity:
    # CVSS 3.1, section 5: the qualitative scale.
    bands: tuple[tuple[float, Severity], ...] = (
        (9.0, "critical"),
        (7.0, "high"),
        (4.0, "medium"),
        (0.1, "low"),
    )
    return next((word for least, word in bands if score >= least), "info")


def _time(text: str) -> str | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return format_time(at.astimezone(UTC)) if at.tzinfo is not None else None


def _withdrawn(record: dict[str, Json], what: str) -> str:
    if record.get("withdrawn") is None:
        return ""
    text = take_text(record, "withdrawn", what)
    at = _time(text)
    if at is None:
        raise IntegrityError(fact=f"{what} was withdrawn at {text[:40]!r}", expected="RFC 3339")
    return at


def _rows(fields: dict[str, Json], key: str, what: str) -> list[Json]:
    return as_list(take(fields, key, what), what) if fields.get(key) is not None else []


def _texts(fields: dict[str, Json], key: str, what: str) -> tuple[str, ...]:
    texts = _rows(fields, key, what)
    for text in texts:
        if not isinstance(text, str):
            raise IntegrityError(fact=f"`{key}` of {what} holds {text!r}"[:120], expected="texts")
    return tuple(str(text) for text in texts)


def _optional_text(fields: dict[str, Json], key: str, what: str) -> str:
    return take_text(fields, key, what) if fields.get(key) is not None else ""
