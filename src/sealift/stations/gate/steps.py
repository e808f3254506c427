"""The station's durable step: judge a release, and turn a refusal into words."""

from dataclasses import dataclass

from sealift.core.errors import PolicyDenied
from sealift.core.progress import Progress, ProgressEvent, silent
from sealift.core.release import (
    AttestReport,
    BuildReport,
    GateReport,
    InspectReport,
    Opening,
    PackageReport,
    ReleasePlan,
    SourceReport,
)
from sealift.core.verdict import Verdict, combine
from sealift.stations.gate.conditions import judge_condition
from sealift.stations.gate.model import Evidence
from sealift.stations.gate.packs import PACKS, pack_named

_CONDITION_WHO = "maintainer"
_CONDITION_HINT = "sealift plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSteps:
    """Judge releases by the policy that their plan names."""

    progress: Progress = silent

    def judge(  # noqa: PLR0917 - the pipeline hands reports over in order
        self,
        plan: ReleasePlan,
        opening: Opening,
        source: SourceReport,
        build: BuildReport,
        package: PackageReport,
        inspect: InspectReport,
        attest: AttestReport,
    ) -> GateReport:
        """Return the decision, also when it refuses: the journal keeps why. Pure and idempotent.

        Verdicts come in the pack's order, then the manifest's conditions in theirs. Raises
        ConfigError for an unknown policy or a condition that is no CEL.
        """
        pack = pack_named(plan.policy)
        evidence = Evidence(
            plan=plan,
            opening=opening,
            source=source,
            build=build,
            package=package,
            inspect=inspect,
            attest=attest,
        )
        verdicts = [criterion.verdict(evidence) for criterion in pack.criteria]
        verdicts += [
            judge_condition(condition, project=plan.project, artifacts=package.artifacts)
            for condition in plan.conditions
        ]
        for verdict in verdicts:
            self._say(verdict)
        return GateReport(
            policy=pack.name,
            policy_digest=pack.digest,
            outcome=combine(verdict.outcome for verdict in verdicts),
            verdicts=tuple(verdicts),
            not_assessed=pack.not_assessed,
        )

    def _say(self, verdict: Verdict) -> None:
        self.progress(
            ProgressEvent(
                kind="finished" if verdict.outcome == "pass" else "failed",
                station="gate",
                subject=verdict.criterion,
                detail=f"{verdict.outcome}: {verdict.reason}",
            )
        )


def deny(report: GateReport) -> PolicyDenied:
    """Put a refusal into words: one line a verdict that blocks, who can mend it, and how.

    The hint is the first refused criterion's; `log` holds all lines.
    """
    rules = {
        criterion.rule.identifier: criterion.rule
        for pack in PACKS.values()
        if pack.name == report.policy
        for criterion in pack.criteria
    }
    lines: list[str] = []
    hints: list[str] = []
    for verdict in (one for one in report.verdicts if one.outcome != "pass"):
        rule = rules.get(verdict.criterion)
        who, hint = (rule.who, rule.hint) if rule else (_CONDITION_WHO, _CONDITION_HINT)
        lines.append(f"{verdict.outcome:<7} {verdict.criterion}: {verdict.reason} [{who}: {hint}]")
        hints.append(hint)
    return PolicyDenied(
        fact=f"policy `{report.policy}` refuses: {len(lines)} of {len(report.verdicts)} "
        "criteria are not met",
        expected="every criterion to pass; unknown blocks like fail",
        hint=hints[0] if hints else "",
        where="gate",
        log="\n".join(lines),
    )
