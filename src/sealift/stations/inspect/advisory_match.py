"""Match components against advisories. Pure: the index is a function.

One component and one problem give one finding, however many records (PYSEC, GHSA, CVE) describe
it: records are merged when one names another, or both name a third, as an alias.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sealift.base.specs.cyclonedx import Component
from sealift.base.specs.osv import (
    Affected,
    Severity,
    decide,
    ecosystem_of,
    package_key,
    package_name,
)
from sealift.core.verdict import Finding

INSPECTOR: Final = "advisories"
_SEVERITIES: Final[tuple[Severity, ...]] = ("info", "low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAdvisory:
    """What the index keeps of one record about one package."""

    identifier: str
    aliases: tuple[str, ...]
    summary: str
    severity: Severity
    severity_stated: bool
    affected: Affected


Lookup = Callable[[str], Sequence[KnownAdvisory]]
"""Return what is known under a package key (`osv.package_key`), in a stable order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchReport:
    """Counts first: a scan that matched nothing must be told from one that looked at nothing.

    `components` are distinct package URLs; `covered` those in an ecosystem that the feed has and
    with a version to ask for; `unversioned` those of such an ecosystem without one; `undecided`
    are (package URL, advisory) that nobody could decide.
    """

    components: int
    covered: int
    unversioned: int
    matched: int
    undecided: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]


def match_components(
    components: Iterable[Component], *, ecosystems: frozenset[str], lookup: Lookup
) -> MatchReport:
    """Ask the index about every distinct component; findings sorted by package URL and id."""
    distinct = {
        str(component.purl): component for component in components if component.purl is not None
    }
    covered = unversioned = 0
    findings: list[Finding] = []
    undecided: list[tuple[str, str]] = []
    for purl, component in sorted(distinct.items()):
        key = _key(component, ecosystems)
        if key is None:
            continue
        if not component.version:
            unversioned += 1
            continue
        covered += 1
        affecting: list[KnownAdvisory] = []
        for known in lookup(key):
            decision = decide(known.affected, component.version)
            if decision == "affected":
                affecting.append(known)
            elif decision == "undecided":
                undecided.append((purl, known.identifier))
        findings += [_finding(purl, group) for group in merge_aliases(affecting)]
    return MatchReport(
        components=len(distinct),
        covered=covered,
        unversioned=unversioned,
        matched=len({finding.subject for finding in findings}),
        undecided=tuple(sorted(set(undecided))),
        findings=tuple(sorted(findings, key=lambda one: (one.subject, one.rule))),
    )


def merge_aliases(advisories: Sequence[KnownAdvisory]) -> list[list[KnownAdvisory]]:
    """Group records that share a name, directly or through others; groups and members sorted."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    for one in advisories:
        for alias in one.aliases:
            parents[root(alias)] = root(one.identifier)
    groups: dict[str, dict[str, KnownAdvisory]] = {}
    for one in sorted(advisories, key=lambda known: known.identifier):
        groups.setdefault(root(one.identifier), {}).setdefault(one.identifier, one)
    return sorted(
        (list(group.values()) for group in groups.values()), key=lambda group: group[0].identifier
    )


def _key(component: Component, ecosystems: frozenset[str]) -> str | None:
    if component.purl is None:
        return None
    ecosystem = ecosystem_of(component.purl)
    if ecosystem is None or ecosystem not in ecosystems:
        return None
    return package_key(ecosystem, package_name(component.purl))


def _finding(purl: str, group: Sequence[KnownAdvisory]) -> Finding:
    names = {name for one in group for name in (one.identifier, *one.aliases)}
    rule = group[0].identifier
    others = sorted(names - {rule})
    also = f" (also {', '.join(others)})" if others else ""
    stated = [one.severity for one in group if one.severity_stated]
    note = "" if stated else " [severity not stated]"
    return Finding(
        inspector=INSPECTOR,
        rule=rule,
        subject=purl,
        severity=max(stated or ["medium"], key=_SEVERITIES.index),
        message=f"{group[0].summary or 'no summary'}{also}{note}",
    )
