"""Durable execution over DBOS on SQLite.

DBOS keeps the journal; one small, stable workflow in `dbos_journal.py` interprets a program that is
stored as its input. The steps themselves run here, in the thread that called `run`: an interruption
reaches the step that it is meant for, and an error comes out as it was raised. What ends an attempt
(an error, Ctrl-C, `kill -9`) is never journalled, so the next `run` begins at that very step.

Importing DBOS takes a second: it happens with the first `run`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from sealift.base.edge.port import World
from sealift.base.flow.port import FlowOutcome, StepFunction
from sealift.core.codec import Json, to_plain
from sealift.core.errors import ConfigError

if TYPE_CHECKING:
    from sealift.base.flow.drivers.dbos_journal import Attempt, Journal


class DbosFlow:
    """The port `Flow` on a database file. One at a time in a process; DBOS is a singleton."""

    def __init__(self, path: Path, world: World) -> None:
        self._path = path
        self._world = world
        self._journal: Journal | None = None

    def run(
        self,
        *,
        workflow_id: str,
        program: Sequence[str],
        steps: Mapping[str, StepFunction],
    ) -> FlowOutcome:
        """Run every step of `program` that the journal of `workflow_id` does not hold yet.

        A workflow that was begun goes on with the program that it was begun with; ConfigError when
        that names a step which `steps` lacks.
        """
        journal = self._opened()
        finished = journal.results(workflow_id)
        if finished is not None:
            return FlowOutcome(results=finished, resumed=True)
        begun = journal.program(workflow_id)
        stored = list(program) if begun is None else begun
        _require_steps(workflow_id, stored, steps)
        attempt = journal.attempt(workflow_id, stored, is_new=begun is None)
        try:
            ran = _serve(attempt, steps)
        finally:
            # Whatever ended the attempt: the journal's thread must not wait for us for ever.
            attempt.end()
        results = journal.await_results(workflow_id)
        return FlowOutcome(results=results, resumed=ran < len(stored))

    def close(self) -> None:
        """Release the database; idempotent."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _opened(self) -> "Journal":
        from sealift.base.flow.drivers.dbos_journal import Journal  # noqa: PLC0415 - costs a second

        if self._journal is None:
            self._journal = Journal(self._path, self._world)
        return self._journal


def _serve(attempt: "Attempt", steps: Mapping[str, StepFunction]) -> int:
    """Run the steps that the journal asks for; return how many there were."""
    ran = 0
    while (wanted := attempt.next_wanted()) is not None:
        result = steps[wanted.step](MappingProxyType(wanted.results))
        attempt.answer(_plain(result))
        ran += 1
    return ran


def _plain(result: Json) -> Json:
    """Return what a later run would read back, so that both see the same."""
    decoded: Json = msgspec.json.decode(msgspec.json.encode(to_plain(result)))
    return decoded


def _require_steps(
    workflow_id: str, program: Sequence[str], steps: Mapping[str, StepFunction]
) -> None:
    if len(set(program)) != len(program):
        raise ValueError(f"program names a step twice: {program}")
    missing = [step for step in program if step not in steps]
    if missing:
        raise ConfigError(
            fact=f"workflow `{workflow_id}` has the step `{missing[0]}`",
            expected=f"one of {', '.join(steps)}",
            hint="finish it with the version of sealift that began it",
        )
