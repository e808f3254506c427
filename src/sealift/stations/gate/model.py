"""The values of the gate: what a policy pack is, and the evidence that its criteria read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sealift.core.codec import digest_of
from sealift.core.digest import Digest
from sealift.core.release import (
    AttestReport,
    BuildReport,
    InspectReport,
    Opening,
    PackageReport,
    ReleasePlan,
    SourceReport,
)
from sealift.core.verdict import NotAssessed, Outcome, Verdict

PACK_FORMAT: Final = "sealift-policy-pack-v1"
CONDITION_PREFIX: Final = "condition."


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a criterion may look at."""

    plan: ReleasePlan
    opening: Opening
    source: SourceReport
    build: BuildReport
    package: PackageReport
    inspect: InspectReport
    attest: AttestReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a criterion found: an outcome, why, and the digests that show it."""

    outcome: Outcome
    reason: str
    evidence: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The text of a criterion: all of it enters the pack's digest.

    `evidence` says what is looked at, `judged` how; `who` can mend a refusal, `hint` is a command
    that leads on.
    """

    identifier: str
    title: str
    evidence: str
    judged: str
    who: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A rule and the pure function that judges it."""

    rule: Rule
    judge: Callable[[Evidence], Judgement]

    def verdict(self, evidence: Evidence) -> Verdict:
        """Judge the evidence."""
        judgement = self.judge(evidence)
        return Verdict(
            criterion=self.rule.identifier,
            title=self.rule.title,
            outcome=judgement.outcome,
            reason=judgement.reason,
            evidence=judgement.evidence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackDocument:
    """A policy pack as data: what gets shown, and whose digest goes into the report."""

    format: str = PACK_FORMAT
    name: str
    version: int
    rules: tuple[Rule, ...]
    not_assessed: tuple[NotAssessed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPack:
    """A named, versioned table of criteria, and of what nothing assesses yet.

    Any change of a rule's meaning raises `version`: the digest covers the words, not the code.
    """

    name: str
    version: int
    criteria: tuple[Criterion, ...]
    not_assessed: tuple[NotAssessed, ...]

    @property
    def document(self) -> PackDocument:
        """The pack as data."""
        return PackDocument(
            name=self.name,
            version=self.version,
            rules=tuple(criterion.rule for criterion in self.criteria),
            not_assessed=self.not_assessed,
        )

    @property
    def digest(self) -> Digest:
        """The sha256 of the pack's canonical JSON."""
        return digest_of(self.document)
