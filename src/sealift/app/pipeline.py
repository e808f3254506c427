"""THE ordered list of what a release passes. Newcomers start here.

Each step is one durable unit: it reads the plan and the reports named in `reads`, returns one
report, and is journalled before the next step starts. `base/flow` runs the list; a crash anywhere
goes on at the first step that has no journalled report.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One durable step.

    `run` picks the station's function out of `app.wiring.Stations` (or a rehearsal's part of it;
    `tests/unit/app` checks that types fit); that is called with the plan and the reports named in
    `reads`, and returns a value of type `writes`.
    """

    name: str
    station: str
    purpose: str
    reads: tuple[str, ...]
    writes: type
    run: Callable[[Any], Callable[..., object]]


PIPELINE: tuple[Step, ...] = (
    Step(
        name="open",
        station="plan",
        purpose="journal the release's time and id before anything uses them",
        reads=(),
        writes=Opening,
        run=lambda stations: stations.plan.open_release,
    ),
    Step(
        name="source",
        station="plan",
        purpose="take the tagged commit's files into the store, check the tag's signature",
        reads=(),
        writes=SourceReport,
        run=lambda stations: stations.plan.snapshot_source,
    ),
    Step(
        name="build",
        station="build",
        purpose="fetch what is locked, run every stage in the sandbox, run it again perturbed",
        reads=("source",),
        writes=BuildReport,
        run=lambda stations: stations.build.build,
    ),
    Step(
        name="package",
        station="package",
        purpose="turn stage outputs into the files that users download",
        reads=("source", "build"),
        writes=PackageReport,
        run=lambda stations: stations.package.package,
    ),
    Step(
        name="inspect",
        station="inspect",
        purpose="say what is inside (SBOM) and what is known about it (advisories)",
        reads=("open", "source", "build", "package"),
        writes=InspectReport,
        run=lambda stations: stations.inspect.inspect,
    ),
    Step(
        name="attest",
        station="attest",
        purpose="sign a statement about every action, reproduction, test and SBOM",
        reads=("open", "source", "build", "package", "inspect"),
        writes=AttestReport,
        run=lambda stations: stations.attest.attest,
    ),
    Step(
        name="gate",
        station="gate",
        purpose="judge the evidence: no evidence, no passage",
        reads=("open", "source", "build", "package", "inspect", "attest"),
        writes=GateReport,
        run=lambda stations: stations.gate.judge,
    ),
    Step(
        name="seal",
        station="attest",
        purpose="sign the verdict",
        reads=("open", "package", "gate"),
        writes=AttestReport,
        run=lambda stations: stations.attest.seal,
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
        run=lambda stations: stations.publish.publish,
    ),
    Step(
        name="channel",
        station="channel",
        purpose="point the channels at the release",
        reads=("open", "publish"),
        writes=ChannelReport,
        run=lambda stations: stations.channel.point,
    ),
)


REHEARSED: tuple[Step, ...] = PIPELINE[:5]
"""What `--snapshot` runs, up to `inspect`: nothing that signs, judges or publishes."""


def bind(
    steps: Sequence[Step],
    stations: object,
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
            reports: list[object] = [
                from_plain(written[name], results[name]) for name in step.reads
            ]
            plain: Json = to_plain(around(step, lambda: step.run(stations)(plan, *reports)))
            return plain

        return run

    return {step.name: function(step) for step in steps}
