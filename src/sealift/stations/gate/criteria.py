"""The criteria of the starter pack: pure functions from evidence to a judgement.

Each starts from `unknown`: only evidence that is there, and fits, turns it into a pass.
"""

import re
from typing import Final

from sealift.base.specs.predicates import SLSA_PROVENANCE
from sealift.core.action import ActionRecord
from sealift.core.digest import Digest
from sealift.stations.gate.model import Evidence, Judgement

# Git names commits by sha1, or by sha256 in repositories of that format.
_COMMIT: Final = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_NAMED_MAX: Final = 3
# How a reproduction writes that the machine could not change something.
_NOT_CHANGED: Final = "not perturbed"


def source_pinned(evidence: Evidence) -> Judgement:
    """Pass when commit, tree and downloads are named by digest and the upstream archive fits."""
    plan, source = evidence.plan, evidence.source
    if not _COMMIT.match(plan.source.commit):
        return Judgement(
            outcome="fail", reason=f"the commit is `{plan.source.commit[:60]}`, no full commit id"
        )
    if source.action.result.tree != source.tree:
        return Judgement(
            outcome="fail", reason="the source tree is not the one that its action gave"
        )
    fetched = {record.action.stage: record for record in evidence.build.records}
    for stage in (one for one in plan.stages if one.kind == "fetch"):
        pinned = {
            (one.filename, str(one.digest)) for one in plan.downloads if one.group == stage.name
        }
        record = fetched.get(stage.name)
        if record is None:
            return Judgement(outcome="unknown", reason=f"stage `{stage.name}` was not fetched")
        # An action's parameters name its files with their digests: no more, no fewer than locked.
        if set(record.action.parameters) != pinned or not pinned:
            return Judgement(
                outcome="fail",
                reason=f"stage `{stage.name}` fetched other files than sealift.lock pins",
                evidence=(record.action.digest,),
            )
    digests = (source.tree, *sorted({one.digest for one in plan.downloads}))
    if plan.upstream is not None and source.upstream_outcome != "pass":
        return Judgement(
            outcome=source.upstream_outcome,
            reason=f"upstream archive {plan.upstream.name}: {source.upstream_reason}",
            evidence=(plan.upstream.digest,),
        )
    archive = f", equal to {plan.upstream.name}" if plan.upstream is not None else ""
    return Judgement(
        outcome="pass",
        reason=f"commit {plan.source.commit[:12]}{archive}; {len(plan.downloads)} downloads pinned",
        evidence=digests,
    )


def source_tag_signed(evidence: Evidence) -> Judgement:
    """Pass when the tag's signature is by a signer that the maintainer trusts."""
    signature = evidence.source.tag_signature
    if not evidence.plan.source.tag:
        return Judgement(outcome="fail", reason="there is no tag: a snapshot cannot be released")
    words = signature.reason or f"tag {evidence.plan.source.tag} signed by {signature.signer}"
    if signature.outcome == "pass" and (signature.method == "none" or not signature.signer):
        return Judgement(outcome="unknown", reason="the tag's signature names no signer")
    return Judgement(outcome=signature.outcome, reason=words)


def tests_passed(evidence: Evidence) -> Judgement:
    """Pass when there is a test stage and every one of them ran to its end with success."""
    stages = [one.name for one in evidence.plan.stages if one.kind == "test"]
    if not stages:
        return Judgement(outcome="unknown", reason="the manifest has no stage of kind `test`")
    # A failing test raises in the build step: a record is a run that passed.
    ran = {
        record.action.stage: record
        for record in evidence.build.records
        if record.action.kind == "test" and record.result.action == record.action.digest
    }
    missing = [name for name in stages if name not in ran]
    if missing:
        return Judgement(outcome="unknown", reason=f"no result of {_some(missing)}")
    return Judgement(
        outcome="pass",
        reason=f"{_some(stages)} passed",
        evidence=tuple(ran[name].result.log for name in stages),
    )


def outputs_identical(evidence: Evidence) -> Judgement:
    """Pass when every build and package action gave the same bytes twice, the second perturbed."""
    records = _making(evidence)
    if not records:
        return Judgement(outcome="unknown", reason="nothing was built")
    for record in records:
        second = record.reproduction
        if second is not None and second.outcome in {"different", "equivalent"}:
            difference = second.first_difference or second.reason or "no detail"
            return Judgement(
                outcome="fail",
                reason=f"`{record.action.stage}` is {second.outcome} when run again: {difference}",
                evidence=(record.action.digest,),
            )
    for record in records:
        second = record.reproduction
        if second is None or second.outcome != "identical":
            why = second.reason if second is not None and second.reason else "it was not run again"
            return Judgement(
                outcome="unknown",
                reason=f"`{record.action.stage}`: {why}",
                evidence=(record.action.digest,),
            )
        if second.tree != record.result.tree:
            return Judgement(
                outcome="fail",
                reason=f"`{record.action.stage}` is called identical, yet its trees differ",
                evidence=(record.action.digest,),
            )
    # Only what every second run really changed counts: the claim is made for all of them.
    changed = set.intersection(*(_changed(record) for record in records))
    spared = {name for record in records for name in _spared(record)}
    if not changed:
        return Judgement(outcome="unknown", reason="the second run was not perturbed in any way")
    unchanged = f" (not changed: {_some(sorted(spared), 9)})" if spared else ""
    return Judgement(
        outcome="pass",
        reason=f"{_count(len(records), 'action')} run twice, identical under another "
        f"{_some(sorted(changed), 9)}{unchanged}",
        evidence=tuple(record.result.tree for record in records),
    )


def provenance_complete(evidence: Evidence) -> Judgement:
    """Pass when every action's tree and every artifact is the subject of a provenance."""
    provenances = [
        one for one in evidence.attest.attestations if one.predicate_type == SLSA_PROVENANCE
    ]
    subjects = {digest for one in provenances for digest in one.subjects}
    records = (evidence.source.action, *evidence.build.records, *evidence.package.records)
    bare = [record.action.stage for record in records if record.result.tree not in subjects]
    bare += [one.name for one in evidence.package.artifacts if one.file.digest not in subjects]
    if bare:
        return Judgement(outcome="fail", reason=f"no provenance for {_some(bare)}")
    if not evidence.package.artifacts:
        return Judgement(outcome="unknown", reason="there is no artifact")
    return Judgement(
        outcome="pass",
        reason=f"{_count(len(records), 'action')} and "
        f"{_count(len(evidence.package.artifacts), 'artifact')} covered",
        evidence=tuple(one.bundle.digest for one in provenances),
    )


def sbom_not_empty(evidence: Evidence) -> Judgement:
    """Pass when every artifact has an SBOM that lists at least one component."""
    artifacts = [one.name for one in evidence.package.artifacts]
    if not artifacts:
        return Judgement(outcome="unknown", reason="there is no artifact")
    sboms = {one.artifact: one for one in evidence.inspect.sboms}
    missing = [name for name in artifacts if name not in sboms]
    if missing:
        return Judgement(outcome="unknown", reason=f"no SBOM of {_some(missing)}")
    empty = [name for name in artifacts if sboms[name].components < 1]
    if empty:
        return Judgement(outcome="fail", reason=f"the SBOM of {_some(empty)} lists no component")
    total = sum(sboms[name].components for name in artifacts)
    return Judgement(
        outcome="pass",
        reason=f"{total} components in {len(artifacts)} SBOMs",
        evidence=_digests(evidence, artifacts),
    )


def _making(evidence: Evidence) -> tuple[ActionRecord, ...]:
    """Return the records whose outputs can reach a user."""
    return tuple(
        record
        for record in (*evidence.build.records, *evidence.package.records)
        if record.action.kind in {"build", "package"}
    )


def _changed(record: ActionRecord) -> set[str]:
    second = record.reproduction
    return {name for name, _ in second.perturbations} - _spared(record) if second else set()


def _spared(record: ActionRecord) -> set[str]:
    """Return what the second run would have changed, had the machine had the means."""
    second = record.reproduction
    if second is None:
        return set()
    return {name for name, how in second.perturbations if how.startswith(_NOT_CHANGED)}


def _digests(evidence: Evidence, artifacts: list[str]) -> tuple[Digest, ...]:
    return tuple(one.file.digest for one in evidence.inspect.sboms if one.artifact in artifacts)


def _some(names: list[str], most: int = _NAMED_MAX) -> str:
    """Name a few and count the rest."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
