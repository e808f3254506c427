"""What was asked of a build, what became of each stage, and the one error at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sealift.core.action import ActionKind, ActionRecord
from sealift.core.errors import SealiftError
from sealift.stations.build.key_changes import KeyChange

StageState = Literal["built", "cached", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What to build: `stages` with all they need, or everything when none is named.

    `verify` runs stages of kind `build` twice and compares. With `keep_going` a failure stops only
    what depends on it.
    """

    stages: tuple[str, ...] = ()
    verify: bool = True
    keep_going: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOutcome:
    """What became of one stage: a record, an error, or neither when it never started.

    `changes` are the parts of its key that differ from last time; None when there was none.
    """

    stage: str
    kind: ActionKind
    state: StageState
    record: ActionRecord | None = None
    error: SealiftError | None = None
    changes: tuple[KeyChange, ...] | None = None


def raise_failures(outcomes: Sequence[StageOutcome]) -> None:
    """Raise the failure of a build, if there is one.

    One failed stage raises its own error. Of several the first in plan order decides kind, log and
    hint, and its text lists them all and what was never started.
    """
    failed = [(each.stage, each.error) for each in outcomes if each.error is not None]
    if len(failed) == 1:
        raise failed[0][1]
    if failed:
        listed = "; ".join(f"`{stage}`: {error.fact}" for stage, error in failed)
        skipped = [each.stage for each in outcomes if each.state == "skipped"]
        waiting = f"; not started: {', '.join(skipped)}" if skipped else ""
        fact = f"{len(failed)} stages failed: {listed}{waiting}"
        raise replace(failed[0][1], fact=fact, where="")
