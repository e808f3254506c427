from dataclasses import replace
from pathlib import Path

import pytest

from sealift.base.edge.files import DurableFiles
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.action import ActionRecord, Reproduction
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, ExitCode
from sealift.core.progress import ProgressEvent
from sealift.core.release import (
    AttestReport,
    BuildReport,
    Condition,
    GateReport,
    InspectReport,
    PackageReport,
    TagSignature,
)
from sealift.core.verdict import Outcome
from sealift.stations.gate.model import Evidence, Rule
from sealift.stations.gate.packs import PACKS, pack_named
from sealift.stations.gate.steps import GateSteps, deny
from sealift.testing.releases import (
    SampleRelease,
    program_release,
    python_release,
    sample_attestations,
    sample_sboms,
)


@pytest.fixture
def sample(tmp_path: Path) -> SampleRelease:
    return python_release(LocalBlobStore(tmp_path / "store", DurableFiles()))


@pytest.fixture
def evidence(sample: SampleRelease) -> Evidence:
    return evidence_of(sample)


def evidence_of(sample: SampleRelease) -> Evidence:
    return Evidence(
        plan=sample.plan,
        opening=sample.opening,
        source=sample.source,
        build=sample.build,
        package=sample.package,
        inspect=sample_sboms(sample),
        attest=sample_attestations(sample),
    )


def judge(evidence: Evidence, *, progress: list[ProgressEvent] | None = None) -> GateReport:
    def note(event: ProgressEvent) -> None:
        if progress is not None:
            progress.append(event)

    return GateSteps(progress=note).judge(
        evidence.plan,
        evidence.opening,
        evidence.source,
        evidence.build,
        evidence.package,
        evidence.inspect,
        evidence.attest,
    )


def outcome(evidence: Evidence, criterion: str) -> tuple[Outcome, str]:
    """Judge, and check that the whole refuses when this one does."""
    report = judge(evidence)
    verdict = next(one for one in report.verdicts if one.criterion == criterion)
    if verdict.outcome != "pass":
        assert report.outcome != "pass"
    return verdict.outcome, verdict.reason


def with_record(evidence: Evidence, stage: str, record: ActionRecord | None) -> Evidence:
    records = [one for one in evidence.build.records if one.action.stage != stage]
    return replace(
        evidence, build=BuildReport(records=(*records, *([record] if record is not None else [])))
    )


def record_of(evidence: Evidence, stage: str) -> ActionRecord:
    return next(one for one in evidence.build.records if one.action.stage == stage)


def test_a_release_with_all_its_evidence_passes(evidence: Evidence) -> None:
    events: list[ProgressEvent] = []
    report = judge(evidence, progress=events)
    assert report.outcome == "pass"
    assert [one.criterion for one in report.verdicts] == [
        "source.pinned",
        "source.tag-signed",
        "tests.passed",
        "outputs.identical",
        "provenance.complete",
        "sbom.not-empty",
    ]
    assert [event.kind for event in events] == ["finished"] * 6
    assert report == judge(evidence)


def test_a_program_with_package_actions_passes_too(tmp_path: Path) -> None:
    sample = program_release(LocalBlobStore(tmp_path / "store", DurableFiles()))
    assert judge(evidence_of(sample)).outcome == "pass"


@pytest.mark.parametrize("commit", ["main", "5ea11f7", "5EA11F7" * 5 + "5EA11", ""])
def test_anything_but_a_full_commit_id_is_not_pinned(evidence: Evidence, commit: str) -> None:
    plan = replace(evidence.plan, source=replace(evidence.plan.source, commit=commit))
    assert outcome(replace(evidence, plan=plan), "source.pinned")[0] == "fail"


def test_a_source_tree_that_its_action_did_not_give_is_not_pinned(evidence: Evidence) -> None:
    source = replace(evidence.source, tree=Digest.of(b"another"))
    assert outcome(replace(evidence, source=source), "source.pinned")[0] == "fail"


def test_a_download_that_the_lock_does_not_name_is_not_pinned(evidence: Evidence) -> None:
    plan = replace(evidence.plan, downloads=evidence.plan.downloads[1:])
    assert outcome(replace(evidence, plan=plan), "source.pinned")[0] == "fail"


def test_a_download_with_another_digest_than_the_lock_says_is_not_pinned(
    evidence: Evidence,
) -> None:
    first, *others = evidence.plan.downloads
    swapped = replace(first, digest=Digest.of(b"swapped"))
    plan = replace(evidence.plan, downloads=(swapped, *others))
    assert outcome(replace(evidence, plan=plan), "source.pinned")[0] == "fail"


def test_a_fetch_stage_that_did_not_run_is_unknown(evidence: Evidence) -> None:
    bare = with_record(evidence, "backend", None)
    assert outcome(bare, "source.pinned")[0] == "unknown"


@pytest.mark.parametrize("found", ["fail", "unknown"])
def test_an_upstream_archive_with_other_files_blocks(tmp_path: Path, found: Outcome) -> None:
    sample = program_release(LocalBlobStore(tmp_path / "store", DurableFiles()))
    source = replace(sample.source, upstream_outcome=found, upstream_reason="src/a.c differs")
    judged = outcome(evidence_of(replace(sample, source=source)), "source.pinned")
    assert judged == (found, "upstream archive lamp-2.0.tar.gz: src/a.c differs")


@pytest.mark.parametrize(
    ("found", "method", "signer", "expected"),
    [
        ("pass", "ssh", "maintainer", "pass"),
        ("pass", "none", "maintainer", "unknown"),
        ("pass", "ssh", "", "unknown"),
        ("fail", "none", "", "fail"),
        ("unknown", "gpg", "", "unknown"),
    ],
)
def test_only_a_signature_of_somebody_trusted_signs_a_tag(
    evidence: Evidence, found: Outcome, method: str, signer: str, expected: Outcome
) -> None:
    signature = TagSignature(
        outcome=found,
        method="none" if method == "none" else "ssh" if method == "ssh" else "gpg",
        signer=signer,
        reason="",
    )
    source = replace(evidence.source, tag_signature=signature)
    assert outcome(replace(evidence, source=source), "source.tag-signed")[0] == expected


def test_a_snapshot_without_a_tag_cannot_pass(evidence: Evidence) -> None:
    plan = replace(evidence.plan, source=replace(evidence.plan.source, tag=""))
    assert outcome(replace(evidence, plan=plan), "source.tag-signed")[0] == "fail"


def test_a_project_without_tests_is_unknown(evidence: Evidence) -> None:
    stages = tuple(one for one in evidence.plan.stages if one.kind != "test")
    bare = replace(evidence, plan=replace(evidence.plan, stages=stages))
    assert outcome(bare, "tests.passed")[0] == "unknown"


def test_a_test_stage_without_a_result_is_unknown(evidence: Evidence) -> None:
    assert outcome(with_record(evidence, "check", None), "tests.passed")[0] == "unknown"


def test_a_result_of_another_action_proves_no_test(evidence: Evidence) -> None:
    record = record_of(evidence, "check")
    foreign = replace(record, result=replace(record.result, action=Digest.of(b"other")))
    assert outcome(with_record(evidence, "check", foreign), "tests.passed")[0] == "unknown"


@pytest.mark.parametrize("found", ["different", "equivalent"])
def test_a_second_run_with_other_bytes_fails_with_the_first_difference(
    evidence: Evidence, found: str
) -> None:
    record = record_of(evidence, "dist")
    second = Reproduction(
        outcome="different" if found == "different" else "equivalent",
        perturbations=(("clock", "+400 days"),),
        tree=Digest.of(b"other"),
        first_difference="kite.whl: byte 12",
    )
    changed = with_record(evidence, "dist", replace(record, reproduction=second))
    judged, reason = outcome(changed, "outputs.identical")
    assert judged == "fail"
    assert "kite.whl: byte 12" in reason


def test_a_second_run_that_did_not_happen_is_unknown(evidence: Evidence) -> None:
    record = record_of(evidence, "dist")
    bare = with_record(evidence, "dist", replace(record, reproduction=None))
    assert outcome(bare, "outputs.identical")[0] == "unknown"


def test_a_second_run_under_the_same_circumstances_proves_nothing(evidence: Evidence) -> None:
    record = record_of(evidence, "dist")
    same = Reproduction(outcome="identical", perturbations=(), tree=record.result.tree)
    calm = with_record(evidence, "dist", replace(record, reproduction=same))
    assert outcome(calm, "outputs.identical")[0] == "unknown"


def test_what_the_machine_could_not_change_is_not_claimed(evidence: Evidence) -> None:
    record = record_of(evidence, "dist")
    facts = (("clock", "not perturbed: no libfaketime"), ("umask", "0077"))
    some = Reproduction(outcome="identical", perturbations=facts, tree=record.result.tree)
    judged, reason = outcome(
        with_record(evidence, "dist", replace(record, reproduction=some)), "outputs.identical"
    )
    assert judged == "pass"
    assert reason.endswith("identical under another umask (not changed: clock)")
    none = replace(some, perturbations=facts[:1])
    bare = with_record(evidence, "dist", replace(record, reproduction=none))
    assert outcome(bare, "outputs.identical")[0] == "unknown"


def test_a_second_run_that_is_called_identical_but_is_not_fails(evidence: Evidence) -> None:
    record = record_of(evidence, "dist")
    lie = Reproduction(outcome="identical", perturbations=(("clock", ""),), tree=Digest.of(b"x"))
    lying = with_record(evidence, "dist", replace(record, reproduction=lie))
    assert outcome(lying, "outputs.identical")[0] == "fail"


def test_nothing_built_is_unknown(evidence: Evidence) -> None:
    assert outcome(with_record(evidence, "dist", None), "outputs.identical")[0] == "unknown"


def test_every_missing_provenance_fails(evidence: Evidence) -> None:
    for index in range(len(evidence.attest.attestations)):
        rest = tuple(
            one for number, one in enumerate(evidence.attest.attestations) if number != index
        )
        judged = outcome(
            replace(evidence, attest=AttestReport(attestations=rest)), "provenance.complete"
        )
        assert judged[0] == "fail"


def test_a_statement_of_another_kind_is_no_provenance(evidence: Evidence) -> None:
    first, *others = evidence.attest.attestations
    other = replace(first, predicate_type="https://cyclonedx.org/bom")
    attest = AttestReport(attestations=(other, *others))
    assert outcome(replace(evidence, attest=attest), "provenance.complete")[0] == "fail"


def test_an_artifact_that_no_provenance_names_fails(evidence: Evidence) -> None:
    wheel, sdist = evidence.package.artifacts
    stray = replace(wheel, file=replace(wheel.file, digest=Digest.of(b"stray")))
    package = PackageReport(artifacts=(stray, sdist), records=())
    judged, reason = outcome(replace(evidence, package=package), "provenance.complete")
    assert (judged, wheel.name in reason) == ("fail", True)


def test_an_sbom_without_components_fails_and_a_missing_one_is_unknown(
    sample: SampleRelease, evidence: Evidence
) -> None:
    empty = replace(evidence, inspect=sample_sboms(sample, components=0))
    assert outcome(empty, "sbom.not-empty")[0] == "fail"
    missing = InspectReport(sboms=evidence.inspect.sboms[:1], inspections=())
    assert outcome(replace(evidence, inspect=missing), "sbom.not-empty")[0] == "unknown"


def test_a_release_without_artifacts_does_not_pass(evidence: Evidence) -> None:
    nothing = replace(evidence, package=PackageReport(artifacts=(), records=()))
    assert judge(nothing).outcome == "unknown"


def test_an_unknown_policy_is_refused_with_the_nearest_name(evidence: Evidence) -> None:
    plan = replace(evidence.plan, policy="startr")
    with pytest.raises(ConfigError) as refused:
        judge(replace(evidence, plan=plan))
    assert "`startr`" in refused.value.fact
    assert "starter" in refused.value.hint


def test_conditions_are_criteria_after_the_packs_own(evidence: Evidence) -> None:
    conditions = (
        Condition(name="small", expression="artifact.size_bytes < 5000"),
        Condition(name="final", expression="!release.prerelease"),
    )
    plan = replace(evidence.plan, conditions=conditions)
    report = judge(replace(evidence, plan=plan))
    assert report.outcome == "pass"
    assert [one.criterion for one in report.verdicts[-2:]] == ["condition.small", "condition.final"]


def test_a_refusal_names_every_reason_who_can_mend_it_and_a_command(evidence: Evidence) -> None:
    plan = replace(
        evidence.plan, conditions=(Condition(name="tiny", expression="artifact.size_bytes < 1"),)
    )
    stages = tuple(one for one in plan.stages if one.kind != "test")
    report = judge(replace(evidence, plan=replace(plan, stages=stages)))
    denied = deny(report)
    assert denied.exit_code == ExitCode.POLICY
    assert denied.fact == "policy `starter` refuses: 2 of 7 criteria are not met"
    lines = denied.log.splitlines()
    assert lines[0].startswith("unknown tests.passed: the manifest has no stage of kind `test`")
    assert lines[0].endswith("[maintainer: sealift release --snapshot]")
    assert lines[1].startswith("fail    condition.tiny: ")
    assert denied.hint == "sealift release --snapshot"


def test_the_packs_digest_hangs_on_every_word_of_it() -> None:
    pack = pack_named("starter")
    first = pack.criteria[0]
    reworded = replace(first, rule=replace(first.rule, judged="anything goes"))
    assert replace(pack, criteria=(reworded, *pack.criteria[1:])).digest != pack.digest
    assert replace(pack, version=pack.version + 1).digest != pack.digest
    assert pack.digest == pack_named("starter").digest


def test_every_rule_has_words_for_everything_and_a_name_of_its_own() -> None:
    for pack in PACKS.values():
        rules: list[Rule] = [one.rule for one in pack.criteria]
        assert all(
            one.title and one.evidence and one.judged and one.who and one.hint for one in rules
        )
        names = [one.identifier for one in rules] + [one.criterion for one in pack.not_assessed]
        assert len(names) == len(set(names))
        assert all(one.reason for one in pack.not_assessed)
