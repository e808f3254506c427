"""The build step of a release: every stage of the plan as an action, run and proven.

Idempotent by the action cache: a repeated step finds what it made. Not durable inside: the whole
graph is one step (DESIGN.md, G3).
"""

from collections.abc import Callable, Mapping, Sequence

from sealift.base.store.port import BlobStore
from sealift.base.store.trees import load_tree
from sealift.core.action import Action, ActionRecord
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, SealiftError
from sealift.core.execution import Workshop
from sealift.core.limits import STAGES_AT_ONCE
from sealift.core.release import BuildReport, ReleasePlan, SourceReport, StagePlan, ToolchainFacts
from sealift.core.sandbox import SOURCE_INPUT
from sealift.core.tree import Tree
from sealift.stations.build.failures import first_programs, missing_at_start
from sealift.stations.build.fetch import Fetcher, fetch_action
from sealift.stations.build.history import StageHistory, StageMemory
from sealift.stations.build.key_changes import KeyChange, key_changes
from sealift.stations.build.outcome import BuildRequest, StageOutcome, StageState
from sealift.stations.build.port import Toolchain
from sealift.stations.build.resolution import StageInput, resolve
from sealift.stations.build.schedule import attempt_graph
from sealift.stations.build.selection import select, select_action


class BuildSteps:
    """Build what a plan says. `toolchains` are by name; `interrupt` ends what runs.

    `history` orders stages by how long they took and explains cache misses; `at_once` is how many
    stages run at the same time.
    """

    def __init__(
        self,
        *,
        workshop: Workshop,
        fetcher: Fetcher,
        store: BlobStore,
        toolchains: Mapping[str, Toolchain],
        interrupt: Callable[[], None],
        history: StageHistory | None = None,
        at_once: int = STAGES_AT_ONCE,
    ) -> None:
        self._workshop = workshop
        self._fetcher = fetcher
        self._store = store
        self._toolchains = toolchains
        self._interrupt = interrupt
        self._history = history
        self._at_once = at_once

    def build(self, plan: ReleasePlan, source: SourceReport) -> BuildReport:
        """Run every stage, a few at a time where they are independent; records in plan order.

        Stages of kind `build` run twice and are compared. Raises what the first failing stage, in
        plan order, raises; before anything runs, ConfigError for a program that is plainly missing.
        """
        outcomes = self.attempt(plan, source, BuildRequest())
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return BuildReport(records=tuple(each.record for each in outcomes if each.record))

    def attempt(
        self, plan: ReleasePlan, source: SourceReport, request: BuildRequest
    ) -> tuple[StageOutcome, ...]:
        """Run the stages that `request` asks for, with all they need; outcomes in plan order.

        A stage that fails is an outcome, not an error; `outcome.raise_failures` makes it one.
        """
        wanted = _wanted(plan, request.stages)
        self._check_programs(wanted)
        run = _Run(
            plan=plan,
            source=source,
            verify=request.verify,
            workshop=self._workshop,
            fetcher=self._fetcher,
            store=self._store,
            memories=self._history.recall(plan.project.name) if self._history else {},
        )
        order = [stage.name for stage in wanted]
        needs = {stage.name: frozenset(stage_inputs(stage)) & set(order) for stage in wanted}
        try:
            done = attempt_graph(
                order,
                needs=needs,
                run=run.stage,
                at_once=self._at_once,
                interrupt=self._interrupt,
                costs={name: float(each.duration_ms) for name, each in run.memories.items()},
                keep_going=request.keep_going,
            )
        finally:
            if self._history:
                self._history.remember(plan.project.name, run.new_memories())
        for error in done.failures.values():
            if not isinstance(error, SealiftError):
                raise error
        return tuple(_outcome(stage, done.results, done.failures, run) for stage in wanted)

    def _check_programs(self, stages: Sequence[StagePlan]) -> None:
        provided: dict[tuple[str, str], bool] = {}
        for stage in stages:
            toolchain = self._toolchains.get(stage.toolchain)
            if stage.kind == "fetch" or toolchain is None:
                continue
            for program in first_programs(stage.run):
                key = (stage.toolchain, program)
                if key not in provided:
                    provided[key] = toolchain.provides(program)
                if not provided[key]:
                    raise missing_at_start(stage.name, program, toolchain=stage.toolchain)


class _Run:
    """One build on its way; `stage` is called from several threads, each stage once."""

    def __init__(
        self,
        *,
        plan: ReleasePlan,
        source: SourceReport,
        verify: bool,
        workshop: Workshop,
        fetcher: Fetcher,
        store: BlobStore,
        memories: Mapping[str, StageMemory],
    ) -> None:
        self.memories = memories
        self.changes: dict[str, tuple[KeyChange, ...]] = {}
        self._plan = plan
        self._source = source
        self._verify = verify
        self._workshop = workshop
        self._fetcher = fetcher
        self._store = store
        self._stages = {stage.name: stage for stage in plan.stages}
        self._records: dict[str, ActionRecord] = {}
        # Ten thousand stages may share one input: read it once.
        self._trees: dict[Digest, Tree] = {}
        self._inputs: dict[tuple[str, Digest], StageInput] = {}

    def stage(self, name: str) -> ActionRecord:
        record = self._perform(self._stages[name])
        self._records[name] = record
        return record

    def new_memories(self) -> dict[str, StageMemory]:
        """Return what is worth remembering of the stages that gave a result."""
        fresh: dict[str, StageMemory] = {}
        for name, record in self._records.items():
            known = self.memories.get(name)
            if record.cached and known is not None and known.action == record.action:
                continue
            took = known.duration_ms if record.cached and known else record.duration_ms
            fresh[name] = StageMemory(
                action=record.action, tree=record.result.tree, duration_ms=took
            )
        return fresh

    def _perform(self, stage: StagePlan) -> ActionRecord:
        if stage.kind == "fetch":
            group = [each for each in self._plan.downloads if each.group == stage.name]
            self._explain(fetch_action(stage, group))
            return self._fetcher.fetch(stage, group)
        inputs = []
        for name in stage.inputs:
            digest = self._source.tree if name == SOURCE_INPUT else self._records[name].result.tree
            inputs.append(self._input(name, digest))
        if stage.kind == "select":
            narrowed = select_action(stage, inputs[0].tree)
            self._explain(narrowed)
            return select(self._store, narrowed, inputs[0].tree)
        action = resolve(
            stage,
            inputs=inputs,
            epoch_s=self._plan.source.epoch_s,
            toolchain=_toolchain_facts(self._plan, stage),
        )
        return self._workshop.perform(
            action,
            reproduce=self._verify and stage.kind == "build",
            why=self._explain(action),
        )

    def _explain(self, action: Action) -> str:
        """Note what changed in the key since last time, and return it in words."""
        known = self.memories.get(action.stage)
        if known is None:
            return ""
        changes = key_changes(before=known.action, now=action)
        self.changes[action.stage] = changes
        return ", ".join(str(change) for change in changes)

    def _input(self, name: str, digest: Digest) -> StageInput:
        if digest not in self._trees:
            self._trees[digest] = load_tree(self._store, digest)
        key = (name, digest)
        if key not in self._inputs:
            self._inputs[key] = StageInput(name=name, tree=self._trees[digest])
        return self._inputs[key]


def stage_inputs(stage: StagePlan) -> tuple[str, ...]:
    """Return the stages that `stage` takes in; a fetch stage's inputs are requirements."""
    return () if stage.kind == "fetch" else stage.inputs


def _wanted(plan: ReleasePlan, names: Sequence[str]) -> tuple[StagePlan, ...]:
    """Return the named stages (all, when none is named) and what they need, in plan order."""
    stages = {stage.name: stage for stage in plan.stages}
    for name in names:
        if name not in stages:
            raise ConfigError(
                fact=f"no stage is called `{name[:80]}`",
                expected=f"one of {', '.join(stages)}" if stages else "a manifest with stages",
                hint="run `sealift plan`",
            )
    pending = list(names or stages)
    needed: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += [each for each in stage_inputs(stages[name]) if each in stages]
    return tuple(stage for stage in plan.stages if stage.name in needed)


def _outcome(
    stage: StagePlan,
    records: Mapping[str, ActionRecord],
    failures: Mapping[str, Exception],
    run: _Run,
) -> StageOutcome:
    changes = run.changes.get(stage.name)
    record, error = records.get(stage.name), failures.get(stage.name)
    if record is not None:
        state: StageState = "cached" if record.cached else "built"
        return StageOutcome(
            stage=stage.name, kind=stage.kind, state=state, record=record, changes=changes
        )
    if isinstance(error, SealiftError):
        return StageOutcome(
            stage=stage.name, kind=stage.kind, state="failed", error=error, changes=changes
        )
    return StageOutcome(stage=stage.name, kind=stage.kind, state="skipped")


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
