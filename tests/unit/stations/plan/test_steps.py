"""The steps `open` and `source` of a release, as they are run and run again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sealift.base.edge.port import World
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.base.store.trees import load_tree
from sealift.core.codec import from_json, to_json
from sealift.core.digest import Digest
from sealift.core.release import Opening, ReleasePlan, SourceReport, UpstreamArchive
from sealift.stations.plan.steps import PlanSteps
from sealift.testing.checkout import Checkout
from sealift.testing.simulation import SimClock, SimEntropy

Planned = Callable[..., ReleasePlan]


@pytest.fixture
def steps(checkout: Checkout, store: LocalBlobStore, world: World) -> PlanSteps:
    simulated = replace(world, clock=SimClock(), entropy=SimEntropy(7))
    return PlanSteps(checkout=checkout.folder, store=store, world=simulated)


def test_release_is_opened_with_whole_seconds_and_a_fresh_id(
    steps: PlanSteps, planned: Planned
) -> None:
    opening = steps.open_release(planned())
    assert opening.released_at == "2026-01-02T03:04:05Z"
    assert opening.released_at_s == 1_767_323_045
    assert opening.invocation_id.startswith("urn:uuid:")
    assert steps.open_release(planned()).invocation_id != opening.invocation_id
    assert from_json(Opening, to_json(opening)) == opening


def test_source_is_the_commit_without_what_the_plan_holds(
    steps: PlanSteps, planned: Planned, checkout: Checkout, store: LocalBlobStore
) -> None:
    checkout.write("sealift.toml", "[project]\n")
    checkout.write("sealift.lock", "")
    plan = planned(commit=checkout.commit())
    report = steps.snapshot_source(plan)
    tree = load_tree(store, report.tree)
    assert [entry.path for entry in tree.entries] == ["README", "src/run"]
    action = report.action.action
    assert action.kind == "source"
    assert action.command == ("git", "archive", "--format=tar", plan.source.commit)
    assert dict(action.parameters)["commit"] == plan.source.commit
    assert report.action.result.tree == report.tree
    assert report.action.result.isolation.sandbox == "none"
    assert store.has(report.action.result.log)
    assert from_json(SourceReport, to_json(report)) == report


def test_source_step_run_again_reports_the_same(
    steps: PlanSteps, planned: Planned, checkout: Checkout
) -> None:
    plan = planned(commit=checkout.git().head_commit())
    first = steps.snapshot_source(plan)
    checkout.write("README", "changed later\n")
    assert steps.snapshot_source(plan) == first


def test_edited_manifest_gives_the_same_source_tree(
    steps: PlanSteps, planned: Planned, checkout: Checkout
) -> None:
    before = steps.snapshot_source(planned(commit=checkout.git().head_commit()))
    checkout.write("sealift.toml", "# a comment\n")
    after = steps.snapshot_source(planned(commit=checkout.commit()))
    assert after.tree == before.tree


def test_tag_without_a_signature_is_reported_and_no_error(
    steps: PlanSteps, planned: Planned, checkout: Checkout
) -> None:
    checkout.run("tag", "v1.8.2")
    report = steps.snapshot_source(planned(commit=checkout.git().head_commit()))
    assert (report.tag_signature.outcome, report.tag_signature.method) == ("fail", "none")


def test_snapshot_has_no_tag_and_says_so(
    steps: PlanSteps, planned: Planned, checkout: Checkout
) -> None:
    plan = planned(commit=checkout.git().head_commit(), tag="", snapshot=True)
    signature = steps.snapshot_source(plan).tag_signature
    assert (signature.outcome, signature.reason) == ("unknown", "a snapshot has no tag")


def test_upstream_archive_is_compared_from_the_store(
    steps: PlanSteps, planned: Planned, checkout: Checkout, store: LocalBlobStore, tmp_path: Path
) -> None:
    commit = checkout.git().head_commit()
    place = tmp_path / "project-1.8.2.tar"
    checkout.run("archive", "--format=tar", "--prefix=project/", f"--output={place}", commit)
    upstream = UpstreamArchive(name=place.name, digest=store.put_file(place).digest)
    plan = replace(planned(commit=commit), upstream=upstream)
    report = steps.snapshot_source(plan)
    assert report.upstream_outcome == "pass"
    assert dict(report.action.action.parameters)["upstream"] == str(upstream.digest)

    absent = replace(plan, upstream=UpstreamArchive(name="x", digest=Digest.of(b"absent")))
    assert steps.snapshot_source(absent).upstream_outcome == "unknown"
    assert steps.snapshot_source(planned(commit=commit)).upstream_outcome == "unknown"

    checkout.write("README", "changed\n")
    other = replace(plan, source=replace(plan.source, commit=checkout.commit()))
    report = steps.snapshot_source(other)
    assert report.upstream_outcome == "fail"
    assert "`README` differs" in report.upstream_reason
