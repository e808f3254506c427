"""What a plan comes to, for people: stages, destinations, criteria, and what is not assessed."""

from dataclasses import dataclass

from sealift.app.pipeline import PIPELINE
from sealift.app.planning import Prepared
from sealift.app.wiring import House
from sealift.core.release import ReleasePlan, StagePlan
from sealift.stations.gate.packs import pack_named


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """A stage in one line; `command` is its first line, or what a fetch brings."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where something goes, or why it does not."""

    name: str
    place: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionRow:
    """A criterion of the gate and how it is judged."""

    criterion: str
    judged: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Everything `sealift plan` shows."""

    plan: ReleasePlan
    plan_digest: str
    toolchain: str
    stages: tuple[StageRow, ...]
    destinations: tuple[Destination, ...]
    steps: tuple[str, ...]
    criteria: tuple[CriterionRow, ...]
    not_assessed: tuple[str, ...]
    notes: tuple[str, ...]


def preview(house: House, prepared: Prepared) -> Preview:
    """Describe a prepared plan; reads nothing more."""
    plan = prepared.plan
    pack = pack_named(plan.policy)
    conditions = (
        CriterionRow(criterion=f"condition.{one.name}", judged=one.expression)
        for one in plan.conditions
    )
    return Preview(
        plan=plan,
        plan_digest=str(plan.digest),
        toolchain=", ".join(one.description for one in plan.toolchains),
        stages=tuple(_stage(plan, stage) for stage in plan.stages),
        destinations=_destinations(house, prepared),
        steps=tuple(step.name for step in PIPELINE),
        criteria=(
            *(
                CriterionRow(criterion=one.rule.identifier, judged=one.rule.judged)
                for one in pack.criteria
            ),
            *conditions,
        ),
        not_assessed=tuple(one.criterion for one in pack.not_assessed),
        notes=prepared.notes,
    )


def _stage(plan: ReleasePlan, stage: StagePlan) -> StageRow:
    if stage.kind == "fetch":
        count = sum(1 for one in plan.downloads if one.group == stage.name)
        return StageRow(
            name=stage.name, kind=stage.kind, inputs=(), command=f"{count} files pinned by sha256"
        )
    if stage.kind == "select":
        globs = " ".join(glob for _, glob in stage.outputs)
        return StageRow(
            name=stage.name, kind=stage.kind, inputs=stage.inputs, command=f"only {globs}"
        )
    more = f"  (+{len(stage.run) - 1} lines)" if len(stage.run) > 1 else ""
    return StageRow(
        name=stage.name, kind=stage.kind, inputs=stage.inputs, command=stage.run[0] + more
    )


def _destinations(house: House, prepared: Prepared) -> tuple[Destination, ...]:
    plan = prepared.plan
    place = plan.url or str(house.home.site(plan.project.name) / "current")
    state = "skipped: a snapshot is not published" if plan.snapshot else "static tree, TUF-signed"
    rows = [Destination(name="site", place=place, state=state)]
    kinds = {package.kind for package in plan.packages}
    for kind, name, folder in (
        ("deb", "apt", "apt/ stable main"),
        ("wheel", "simple", "simple/"),
    ):
        if kind in kinds and not plan.snapshot:
            rows.append(Destination(name=name, place=folder, state="inside the tree"))
    rows += [
        Destination(name=f"channel {name}", place=f"channels/{name}.json", state="will be moved")
        for name in plan.channels
    ]
    rows += [
        Destination(name=f"channel {name}", place="-", state=f"skipped: {reason}")
        for name, reason in prepared.refused_channels
    ]
    return tuple(rows)
