"""The build step of a release: every stage of the plan as an action, run and proven.

Idempotent by the action cache: a repeated step finds what it made. Not durable inside: the whole
graph is one step (DESIGN.md, G3).
"""

from collections.abc import Callable, Mapping

from sealift.base.store.port import BlobStore
from sealift.base.store.trees import load_tree
from sealift.core.action import ActionRecord
from sealift.core.errors import ConfigError
from sealift.core.execution import Workshop
from sealift.core.limits import STAGES_AT_ONCE
from sealift.core.release import BuildReport, ReleasePlan, SourceReport, StagePlan, ToolchainFacts
from sealift.core.sandbox import SOURCE_INPUT
from sealift.stations.build.failures import first_programs, missing_at_start
from sealift.stations.build.fetch import Fetcher
from sealift.stations.build.port import Toolchain
from sealift.stations.build.resolution import StageInput, resolve
from sealift.stations.build.schedule import run_graph


class BuildSteps:
    """Build what a plan says. `toolchains` are by name; `interrupt` ends what runs."""

    def __init__(
        self,
        *,
        workshop: Workshop,
        fetcher: Fetcher,
        store: BlobStore,
        toolchains: Mapping[str, Toolchain],
        interrupt: Callable[[], None],
    ) -> None:
        self._workshop = workshop
        self._fetcher = fetcher
        self._store = store
        self._toolchains = toolchains
        self._interrupt = interrupt

    def build(self, plan: ReleasePlan, source: SourceReport) -> BuildReport:
        """Run every stage, two at a time where they are independent; records in plan order.

        Stages of kind `build` run twice and are compared. Raises what the first failing stage, in
        plan order, raises; before anything runs, ConfigError for a program that is plainly missing.
        """
        self._check_programs(plan)
        stages = {stage.name: stage for stage in plan.stages}
        needs = {
            stage.name: frozenset(_stage_inputs(stage)) & stages.keys() for stage in plan.stages
        }
        records: dict[str, ActionRecord] = {}

        def run(name: str) -> ActionRecord:
            record = self._run(plan, stages[name], source, records)
            records[name] = record
            return record

        done = run_graph(
            [stage.name for stage in plan.stages],
            needs=needs,
            run=run,
            at_once=STAGES_AT_ONCE,
            interrupt=self._interrupt,
        )
        return BuildReport(records=tuple(done.values()))

    def _run(
        self,
        plan: ReleasePlan,
        stage: StagePlan,
        source: SourceReport,
        records: Mapping[str, ActionRecord],
    ) -> ActionRecord:
        if stage.kind == "fetch":
            group = [each for each in plan.downloads if each.group == stage.name]
            return self._fetcher.fetch(stage, group)
        inputs = []
        for name in stage.inputs:
            digest = source.tree if name == SOURCE_INPUT else records[name].result.tree
            inputs.append(StageInput(name=name, tree=load_tree(self._store, digest)))
        action = resolve(
            stage,
            inputs=inputs,
            epoch_s=plan.source.epoch_s,
            toolchain=_toolchain_facts(plan, stage),
        )
        return self._workshop.perform(action, reproduce=stage.kind == "build")

    def _check_programs(self, plan: ReleasePlan) -> None:
        for stage in plan.stages:
            toolchain = self._toolchains.get(stage.toolchain)
            if stage.kind == "fetch" or toolchain is None:
                continue
            for program in first_programs(stage.run):
                if not toolchain.provides(program):
                    raise missing_at_start(stage.name, program, toolchain=stage.toolchain)


def _stage_inputs(stage: StagePlan) -> tuple[str, ...]:
    """Return the stages that `stage` takes in; a fetch stage's inputs are requirements."""
    return () if stage.kind == "fetch" else stage.inputs


def _toolchain_facts(plan: ReleasePlan, stage: StagePlan) -> ToolchainFacts:
    for facts in plan.toolchains:
        if facts.name == stage.toolchain:
            return facts
    raise ConfigError(
        fact=f"toolchain `{stage.toolchain}` is not in the plan",
        expected=", ".join(facts.name for facts in plan.toolchains),
        where=f"stage `{stage.name}`",
        hint="run `sealift plan`",
    )
