"""THE ordered list of what a release passes. Newcomers start here.

Each step is one durable unit: it reads the plan and the reports named in `reads`, returns one
report, and is journalled before the next step starts. `base/flow` runs the list; a crash anywhere
goes on at the first step that has no journalled report.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealift.base.flow.port import StepFunction
from sealift.core.codec import Json, from_plain, to_plain
from sealift.core.release import (
    AttestReport,
    BuildReport,
    ChannelReport,
    GateReport,
    InspectReport,
    Opening,
    PackageReport,
    PublishReport,
    ReleasePlan,
    SourceReport,
)

if TYPE_CHECKING:
    from sealift.app.wiring import Stations


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One durable step: `run(plan, *reports named in reads)` returns a value of type `writes`."""

    name: str
    station: str
    purpose: str
    reads: tuple[str, ...]
    writes: type
    run: Callable[..., object]


def pipeline(stations: "Stations") -> tuple[Step, ...]:
    """Return every step of a release in order."""
    return (
        Step(
            name="open",
            station="plan",
            purpose="journal the release's time and id before anything uses them",
            reads=(),
            writes=Opening,
            run=stations.plan.open_release,
        ),
        Step(
            name="source",
            station="plan",
            purpose="take the tagged commit's files into the store, check the tag's signature",
            reads=(),
            writes=SourceReport,
            run=stations.plan.snapshot_source,
        ),
        Step(
            name="build",
            station="build",
            purpose="fetch what is locked, run every stage in the sandbox, run it again perturbed",
            reads=("source",),
            writes=BuildReport,
            run=stations.build.build,
        ),
        Step(
            name="package",
            station="package",
            purpose="turn stage outputs into the files that users download",
            reads=("source", "build"),
            writes=PackageReport,
            run=stations.package.package,
        ),
        Step(
            name="inspect",
            station="inspect",
            purpose="say what is inside (SBOM) and what is known about it (advisories)",
            reads=("open", "source", "build", "package"),
            writes=InspectReport,
            run=stations.inspect.inspect,
        ),
        Step(
            name="attest",
            station="attest",
            purpose="sign a statement about every action, reproduction, test and SBOM",
            reads=("open", "source", "build", "package", "inspect"),
            writes=AttestReport,
            run=stations.attest.attest,
        ),
        Step(
            name="gate",
            station="gate",
            purpose="judge the evidence: no evidence, no passage",
            reads=("open", "source", "build", "package", "inspect", "attest"),
            writes=GateReport,
            run=stations.judge,
        ),
        Step(
            name="seal",
            station="attest",
            purpose="sign the verdict",
            reads=("open", "package", "gate"),
            writes=AttestReport,
            run=stations.attest.seal,
        ),
        Step(
            name="publish",
            station="publish",
            purpose="stage everything, read it back, show it as a new generation of the tree",
            reads=(
                "open",
                "source",
                "build",
                "package",
                "inspect",
                "attest",
                "seal",
                "gate",
            ),
            writes=PublishReport,
            run=stations.publish.publish,
        ),
        Step(
            name="channel",
            station="channel",
            purpose="point the channels at the release",
            reads=("open", "publish"),
            writes=ChannelReport,
            run=stations.channel.point,
        ),
    )


REHEARSED = ("open", "source", "build", "package", "inspect")
"""What `--snapshot` runs: nothing that signs, judges or publishes."""


def bind(
    steps: Sequence[Step],
    plan: ReleasePlan,
    *,
    around: Callable[[Step, Callable[[], object]], object],
) -> Mapping[str, StepFunction]:
    """Turn typed steps into the plain functions that the flow runs.

    `around` wraps every run (progress, ledger); it must call its second argument once.
    """
    written = {step.name: step.writes for step in steps}

    def function(step: Step) -> StepFunction:
        def run(results: Mapping[str, Json]) -> Json:
            reports = [from_plain(written[name], results[name]) for name in step.reads]
            plain: Json = to_plain(around(step, lambda: step.run(plan, *reports)))
            return plain

        return run

    return {step.name: function(step) for step in steps}
