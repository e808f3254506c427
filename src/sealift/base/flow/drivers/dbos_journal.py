"""The part that knows DBOS: its engine, its singleton, its one workflow.

What is pinned here and why:
- an engine of our own: DBOS's default one syncs each commit the slow way (14 ms a step, not 1);
- one application version: a release that waits a week is finished by upgraded code;
- an executor id of its own for each start: DBOS would otherwise begin by running, behind our back,
  whatever an earlier process left unfinished;
- JSON, never pickle: a database file must not be able to run code;
- its logger ends here: words to people are the command line's, not a library's.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowStatus

# Not exported at the top, yet the documented type of the `serializer` option.
from dbos._serialization import Serializer

from sealift.base.edge.port import World
from sealift.base.flow.database import database_errors, open_engine
from sealift.core.codec import Json
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.limits import FLOW_ANSWER_S, FLOW_ATTEMPTS_MAX

_APPLICATION: Final = "sealift"
_APPLICATION_VERSION: Final = "sealift-flow-1"
_WORKFLOW: Final = "sealift-interpret-1"
_QUEUE: Final = "sealift"
_QUEUE_POLL_S: Final = 0.02
_LISTENER_POLL_S: Final = 0.1
_SUCCESS: Final = "SUCCESS"
_NEVER_RESUMABLE: Final = frozenset({"ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})


class _AttemptEndedError(BaseException):
    """Leaves a workflow unfinished.

    No `Exception`, since DBOS journals those as the outcome: like a killed process, this one leaves
    the workflow pending, to be resumed at the same step.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The journal asks for a step that it does not hold, and gives the results before it."""

    step: str
    results: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finished:
    """The journal holds every step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """The journal itself could not go on."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    result: Json


class Attempt:
    """The meeting point of the thread that runs steps and the thread that journals them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._questions: queue.SimpleQueue[Wanted | _Finished | _Broken] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[_Answer | None] = queue.SimpleQueue()

    def next_wanted(self) -> Wanted | None:
        """Wait for the journal; return the step that it asks for, or None at the end."""
        try:
            question = self._questions.get(timeout=FLOW_ANSWER_S)
        except queue.Empty as error:
            raise UnavailableError(
                fact=f"the journal `{self._path}` did not answer in {FLOW_ANSWER_S} seconds",
                expected="a disk that writes, and no other process that locks the file",
                hint="run the command again; it goes on where the journal ends",
            ) from error
        match question:
            case Wanted():
                return question
            case _Finished():
                return None
            case _Broken():
                with database_errors(self._path):
                    raise question.error

    def answer(self, result: Json) -> None:
        """Hand over the result of the step that was wanted."""
        self._answers.put(_Answer(result=result))

    def end(self) -> None:
        """Let the journal's thread go; nothing more will be answered. Idempotent."""
        self._answers.put(None)

    def ask(self, step: str, results: Mapping[str, Json]) -> Json:
        """Ask for a step and wait for its result (the journal's side)."""
        self._questions.put(Wanted(step=step, results=results))
        answer = self._answers.get()
        if answer is None:
            raise _AttemptEndedError
        return answer.result

    def finish(self, error: Exception | None = None) -> None:
        """Tell that the program has ended, or that the journal broke (the journal's side)."""
        self._questions.put(_Finished() if error is None else _Broken(error=error))


class Journal:
    """DBOS, launched on one database file."""

    def __init__(self, path: Path, world: World) -> None:
        self._path = path
        self._clock = world.clock
        self._attempts: dict[str, Attempt] = {}
        self._engine = open_engine(path, begins_immediately=False)
        _silence()
        if not _SINGLETON.acquire(blocking=False):
            raise RuntimeError("DBOS runs once in a process: close the other flow first")
        try:
            config: DBOSConfig = {
                "name": _APPLICATION,
                "system_database_url": self._engine.url.render_as_string(),
                "system_database_engine": self._engine,
                "application_version": _APPLICATION_VERSION,
                "executor_id": world.entropy.token_bytes(16).hex(),
                "serializer": _JsonSerializer(),
                "enable_otlp": False,
                "use_listen_notify": False,
                "notification_listener_polling_interval_sec": _LISTENER_POLL_S,
            }
            with database_errors(path):
                DBOS(config=config)
                self._workflow = self._registered()
                DBOS.launch()
                DBOS.register_queue(_QUEUE, polling_interval_sec=_QUEUE_POLL_S)
        except BaseException:
            self.close()
            raise

    def program(self, workflow_id: str) -> list[str] | None:
        """Return the program that the workflow was begun with, or None when it was not."""
        status = self._status(workflow_id)
        if status is None:
            return None
        try:
            return msgspec.convert(status.input, _Input).args[0]
        except msgspec.ValidationError as error:
            raise IntegrityError(
                fact=f"workflow `{workflow_id}` in `{self._path}` has no readable program: {error}",
                expected="a list of step names",
            ) from error

    def results(self, workflow_id: str) -> dict[str, Json] | None:
        """Return the results of a finished workflow, or None while it is not."""
        status = self._status(workflow_id)
        if status is None or status.status != _SUCCESS:
            return None
        return cast("dict[str, Json]", status.output)

    def attempt(self, workflow_id: str, program: list[str], *, is_new: bool) -> Attempt:
        """Begin the workflow, or resume it after its last journalled step."""
        attempt = Attempt(self._path)
        self._attempts[workflow_id] = attempt
        with database_errors(self._path):
            if is_new:
                with SetWorkflowID(workflow_id):
                    DBOS.start_workflow(self._workflow, program)
            else:
                DBOS.resume_workflow(workflow_id, queue_name=_QUEUE)
        return attempt

    def await_results(self, workflow_id: str) -> dict[str, Json]:
        """Return the results once the journal has recorded the end, which follows the last step."""
        until_s = self._clock.monotonic_s() + FLOW_ANSWER_S
        while (results := self.results(workflow_id)) is None:
            if self._clock.monotonic_s() > until_s:
                raise UnavailableError(
                    fact=f"the end of the workflow could not be written to `{self._path}`",
                    expected="a disk that writes",
                    hint="run the command again; no step is repeated",
                )
            self._clock.sleep(_QUEUE_POLL_S / 4)
        return results

    def close(self) -> None:
        """End every thread of DBOS and close the database."""
        for attempt in self._attempts.values():
            attempt.end()
        try:
            DBOS.destroy(destroy_registry=True)
            self._engine.dispose()
        finally:
            # Not ours any more if `close` came twice.
            with suppress(RuntimeError):
                _SINGLETON.release()

    def _registered(self) -> Callable[[list[str]], dict[str, Json]]:
        @DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=FLOW_ATTEMPTS_MAX)
        def interpret(program: list[str]) -> dict[str, Json]:
            return self._interpret(program)

        return interpret

    def _interpret(self, program: list[str]) -> dict[str, Json]:
        """Run a program: the one workflow there is, stable for as long as releases may wait."""
        attempt = self._attempts.get(DBOS.workflow_id or "")
        if attempt is None:
            # Left in the queue by a process that was killed there: nobody here asked for it.
            raise _AttemptEndedError
        results: dict[str, Json] = {}
        try:
            for step in program:
                results[step] = DBOS.run_step({"name": step}, attempt.ask, step, dict(results))
        except Exception as error:
            attempt.finish(error)
            raise _AttemptEndedError from error
        attempt.finish()
        return results

    def _status(self, workflow_id: str) -> WorkflowStatus | None:
        with database_errors(self._path):
            status = DBOS.get_workflow_status(workflow_id)
        if status is not None and status.status in _NEVER_RESUMABLE:
            raise IntegrityError(
                fact=f"workflow `{workflow_id}` has the status {status.status} in `{self._path}`",
                expected="a status that sealift leaves behind",
                hint=f"move `{self._path}` away and run the command again; finished work is cached",
            )
        return status


class _Input(msgspec.Struct):
    """What DBOS keeps of a call."""

    args: tuple[list[str]]


class _JsonSerializer(Serializer):
    """Plain JSON. An exception, which only DBOS itself would record, becomes its text."""

    def serialize(self, data: Any) -> str:  # noqa: ANN401 - DBOS's signature
        plain = {"exception": repr(data)} if isinstance(data, BaseException) else data
        return msgspec.json.encode(plain).decode()

    def deserialize(self, serialized_data: str) -> Any:  # noqa: ANN401 - DBOS's signature
        return msgspec.json.decode(serialized_data)

    def name(self) -> str:
        return "sealift-json"


_SINGLETON: Final = threading.Lock()


def _silence() -> None:
    logger = logging.getLogger("dbos")
    # DBOS adds a handler that writes to stderr unless there is one.
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
