"""`sealift build`: stages of the checked-out commit, without releasing anything.

A rehearsal: it reads and writes the snapshot tier of the action cache, which no release reads.
"""

from dataclasses import dataclass

from sealift.app.planning import prepare
from sealift.app.wiring import House
from sealift.core.action import ActionKind, Reproduction
from sealift.core.digest import Digest
from sealift.core.errors import DriverError, IntegrityError
from sealift.core.progress import ProgressEvent
from sealift.stations.build.executor import remove_leftovers
from sealift.stations.build.key_changes import KeyChange
from sealift.stations.build.outcome import (
    BuildRequest,
    StageOutcome,
    StageState,
    raise_failures,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltStage:
    """One row of what `sealift build` prints. `error` says why a stage failed.

    `changes` are the parts of the key that differ from the last time that this stage was built;
    None when nothing is remembered of it.
    """

    name: str
    kind: ActionKind
    state: StageState
    duration_ms: int
    action: Digest | None
    tree: Digest | None
    reproduction: Reproduction | None
    changes: tuple[KeyChange, ...] | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What `sealift build` gave, stages in plan order. `fresh` means that no cache was believed."""

    project: str
    version: str
    commit: str
    fresh: bool
    notes: tuple[str, ...]
    stages: tuple[BuiltStage, ...]


class Building:
    """One build. `built` can be shown also when `require` then raises what went wrong."""

    def __init__(self, house: House, request: BuildRequest, *, fresh: bool, explain: bool) -> None:
        with house.lease("release"):
            remove_leftovers(house.world, house.scratch)
            prepared = prepare(house, snapshot=True, write_lock=False)
            for note in prepared.notes:
                house.progress(ProgressEvent(kind="note", station="plan", subject=note))
            stations = house.rehearsal(
                advisories=None, tier="snapshot", fresh=fresh, explain=explain
            )
            plan = prepared.plan
            source = stations.plan.snapshot_source(plan)
            self._outcomes = stations.build.attempt(plan, source, request)
        self.built = Built(
            project=plan.project.name,
            version=plan.project.version,
            commit=plan.source.commit,
            fresh=fresh,
            notes=prepared.notes,
            stages=tuple(_row(each) for each in self._outcomes),
        )

    def require(self) -> None:
        """Raise what failed; IntegrityError for a stage whose second run gave other bytes."""
        raise_failures(self._outcomes)
        for each in self.built.stages:
            proof = each.reproduction
            if proof is not None and proof.outcome == "different":
                raise IntegrityError(
                    fact=proof.reason or proof.first_difference,
                    expected="the same bytes under another clock, locale, user and umask",
                    where=f"stage `{each.name}`",
                    hint=f"run `sealift build {each.name} --explain` to see which change does it",
                )
            if proof is not None and proof.outcome == "unknown":
                raise DriverError(
                    fact=proof.reason,
                    expected="a command that works under another clock, locale, user and umask",
                    where=f"stage `{each.name}`",
                    hint=f"read the log of stage `{each.name}` that ends in .again.log",
                )


def _row(outcome: StageOutcome) -> BuiltStage:
    record = outcome.record
    return BuiltStage(
        name=outcome.stage,
        kind=outcome.kind,
        state=outcome.state,
        duration_ms=record.duration_ms if record else 0,
        action=record.result.action if record else None,
        tree=record.result.tree if record else None,
        reproduction=record.reproduction if record else None,
        changes=outcome.changes,
        error=str(outcome.error) if outcome.error else "",
    )
