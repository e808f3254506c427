"""Three-valued verdicts, findings and what an inspector looked at.

`unknown` blocks like `fail` does (DESIGN.md, law 5): nothing looked at is never a pass.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sealift.core.digest import Digest

Outcome = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One criterion judged, with its reason in words and the digests of its evidence."""

    criterion: str
    title: str
    outcome: Outcome
    reason: str
    evidence: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAssessed:
    """A criterion that nothing assesses yet; listed on the release page."""

    criterion: str
    title: str
    reason: str


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """Return fail if any fails, else unknown if any is unknown or none was given, else pass."""
    seen = set(outcomes)
    if "fail" in seen:
        return "fail"
    return "pass" if seen == {"pass"} else "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing an inspector found, about one subject (a purl, a path, an artifact's name)."""

    inspector: str
    rule: str
    subject: str
    severity: Literal["info", "low", "medium", "high", "critical"]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What one inspector did: how much it looked at, with what, and what it found.

    `outcome` is `unknown` when it did not run, saw nothing, or worked from stale data; `reason`
    then says so. `facts` are counts, versions and ages for people and for the gate.
    """

    inspector: str
    outcome: Outcome
    reason: str
    looked_at: int
    facts: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A skip is a typed result with its reason."""

    reason: str
