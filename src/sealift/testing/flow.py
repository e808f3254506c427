"""A flow in memory, and the suite that every flow passes.

    class TestDbosFlow(FlowSuite):
        def make_flow(self, folder: Path) -> Flow:
            return DbosFlow(folder / "flow.db", real_world())

Closing a flow and making another one on the same folder is what a new process would do; that a
killed process leaves no less behind is shown by tests/sim.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from sealift.base.flow.port import Flow, FlowOutcome, StepFunction
from sealift.core.codec import Json, to_plain
from sealift.core.errors import ConfigError, DriverError, UnavailableError
from sealift.testing.expect import expect, expect_equal, expect_error


class MemoryFlow:
    """The port `Flow` in a dictionary: as durable as the dictionary that it is given."""

    def __init__(self, journal: dict[str, bytes] | None = None) -> None:
        self._journal = {} if journal is None else journal

    def run(
        self,
        *,
        workflow_id: str,
        program: Sequence[str],
        steps: Mapping[str, StepFunction],
    ) -> FlowOutcome:
        """Run every step of `program` that the journal of `workflow_id` does not hold yet."""
        stored: list[str] = msgspec.json.decode(
            self._journal.setdefault(workflow_id, msgspec.json.encode(list(program)))
        )
        results: dict[str, Json] = {}
        missing = [step for step in stored if step not in steps]
        if missing and f"{workflow_id}/{stored[-1]}" not in self._journal:
            raise ConfigError(
                fact=f"workflow `{workflow_id}` has the step `{missing[0]}`",
                expected=f"one of {', '.join(steps)}",
            )
        ran = 0
        for step in stored:
            key = f"{workflow_id}/{step}"
            if key not in self._journal:
                result = steps[step](MappingProxyType(dict(results)))
                self._journal[key] = msgspec.json.encode(to_plain(result))
                ran += 1
            results[step] = msgspec.json.decode(self._journal[key])
        return FlowOutcome(results=results, resumed=ran < len(stored))

    def close(self) -> None:
        """Release nothing."""


class Recorder:
    """Steps that note when they run. `fail` makes one step raise, once."""

    def __init__(self, program: Sequence[str]) -> None:
        self.program = tuple(program)
        self.ran: list[str] = []
        self.fail: dict[str, BaseException] = {}

    def steps(self) -> dict[str, StepFunction]:
        """Return a function for each step; its result tells how many runs came before it."""
        return {step: self._function(step) for step in self.program}

    def _function(self, step: str) -> StepFunction:
        def run(results: Mapping[str, Json]) -> Json:
            self.ran.append(step)
            if step in self.fail:
                raise self.fail.pop(step)
            return {"step": step, "after": list(results), "run": len(self.ran)}

        return run


_PROGRAM = ("open", "build", "publish")


class FlowSuite(ABC):
    """What `Flow` promises."""

    @abstractmethod
    def make_flow(self, folder: Path) -> Flow:
        """Open the flow whose journal lies in `folder`."""

    def test_steps_run_in_order_and_see_the_results_before_them(self, tmp_path: Path) -> None:
        """A new workflow runs all of its program."""
        recorder = Recorder(_PROGRAM)
        outcome = self._run(tmp_path, recorder)
        expect_equal(recorder.ran, list(_PROGRAM))
        expect_equal(list(outcome.results), list(_PROGRAM))
        expect_equal(
            outcome.results["publish"],
            {"step": "publish", "after": ["open", "build"], "run": 3},
        )
        expect(not outcome.resumed, "a new workflow says that it was resumed")

    def test_finished_workflow_answers_without_running_anything(self, tmp_path: Path) -> None:
        """Its results are those of the first time, even when the steps are unknown by now."""
        first = self._run(tmp_path, Recorder(_PROGRAM))
        again = Recorder(_PROGRAM)
        outcome = self._run(tmp_path, again)
        expect_equal(again.ran, [])
        expect_equal(outcome.results, first.results)
        expect(outcome.resumed, "a finished workflow does not say so")
        expect_equal(self._run(tmp_path, Recorder(())).results, first.results)

    def test_error_comes_out_as_raised_and_the_next_run_starts_there(self, tmp_path: Path) -> None:
        """What was journalled before is used again; nothing of the failure is."""
        recorder = Recorder(_PROGRAM)
        for error in (
            UnavailableError(fact="the disk is full"),
            DriverError(fact="make failed", log="secret-looking tail"),
            ZeroDivisionError(),
            KeyboardInterrupt(),
        ):
            recorder.fail["build"] = error
            found = expect_error(type(error), lambda: self._run(tmp_path, recorder))
            expect(found is error, "the error is another one than was raised")
        outcome = self._run(tmp_path, recorder)
        expect_equal(recorder.ran, ["open", *["build"] * 5, "publish"])
        expect_equal(outcome.results["open"], {"step": "open", "after": [], "run": 1})
        expect(outcome.resumed, "it does not say that it was resumed")

    def test_error_in_any_step_can_be_overcome_in_the_same_process(self, tmp_path: Path) -> None:
        """The first and the last step are no exceptions."""
        flow = self.make_flow(tmp_path)
        try:
            for step in _PROGRAM:
                recorder = Recorder(_PROGRAM)
                recorder.fail[step] = DriverError(fact="once")

                def attempt(step: str = step, recorder: Recorder = recorder) -> FlowOutcome:
                    return flow.run(
                        workflow_id=f"fails at {step}",
                        program=recorder.program,
                        steps=recorder.steps(),
                    )

                expect_error(DriverError, attempt)
                expect_equal(list(attempt().results), list(_PROGRAM))
                expect_equal(len(recorder.ran), len(_PROGRAM) + 1)
        finally:
            flow.close()

    def test_workflows_do_not_see_each_other(self, tmp_path: Path) -> None:
        """Another id is another release."""
        self._run(tmp_path, Recorder(_PROGRAM), workflow_id="one")
        other = Recorder(_PROGRAM)
        self._run(tmp_path, other, workflow_id="two")
        expect_equal(other.ran, list(_PROGRAM))

    def test_abandoned_workflow_is_not_run_behind_our_back(self, tmp_path: Path) -> None:
        """Only what was asked for runs; what failed yesterday waits."""
        abandoned = Recorder(_PROGRAM)
        abandoned.fail["build"] = DriverError(fact="yesterday")
        expect_error(DriverError, lambda: self._run(tmp_path, abandoned, workflow_id="one"))
        self._run(tmp_path, Recorder(_PROGRAM), workflow_id="two")
        expect_equal(abandoned.ran, ["open", "build"])

    def test_workflow_goes_on_with_the_program_it_was_begun_with(self, tmp_path: Path) -> None:
        """An upgrade that adds a step does not change a release that waits."""
        recorder = Recorder(_PROGRAM)
        recorder.fail["build"] = DriverError(fact="waits for a week")
        expect_error(DriverError, lambda: self._run(tmp_path, recorder))
        upgraded = Recorder(("open", "scan", "build", "publish"))
        outcome = self._run(tmp_path, upgraded)
        expect_equal(upgraded.ran, ["build", "publish"])
        expect_equal(list(outcome.results), list(_PROGRAM))

    def test_workflow_with_a_step_that_is_unknown_by_now_is_refused(self, tmp_path: Path) -> None:
        """Nothing runs, so that the older version can finish it."""
        recorder = Recorder(_PROGRAM)
        recorder.fail["build"] = DriverError(fact="waits for a week")
        expect_error(DriverError, lambda: self._run(tmp_path, recorder))
        renamed = Recorder(("open", "make", "publish"))
        error = expect_error(ConfigError, lambda: self._run(tmp_path, renamed))
        expect("`build`" in str(error), "the unknown step is not named")
        expect_equal(renamed.ran, [])
        expect_equal(list(self._run(tmp_path, recorder).results), list(_PROGRAM))

    def test_later_steps_see_what_a_resumed_run_would_see(self, tmp_path: Path) -> None:
        """A tuple is a list in the journal; so it is for the next step, too."""
        seen: list[Json] = []

        def second(results: Mapping[str, Json]) -> Json:
            seen.append(results["first"])
            return None

        flow = self.make_flow(tmp_path)
        try:
            first: Callable[[Mapping[str, Json]], Json] = lambda _: {"pair": [1, "ü"], "no": None}  # noqa: E731 - typed in place
            outcome = flow.run(
                workflow_id="w",
                program=("first", "second"),
                steps={"first": first, "second": second},
            )
        finally:
            flow.close()
        expect_equal(seen, [{"pair": [1, "ü"], "no": None}])
        expect_equal(outcome.results, {"first": {"pair": [1, "ü"], "no": None}, "second": None})

    def test_results_of_a_megabyte_are_kept(self, tmp_path: Path) -> None:
        """A plan with a thousand actions is that large."""
        large: Json = ["x" * 1000] * 1000

        def fail(results: Mapping[str, Json]) -> Json:
            del results
            raise DriverError(fact="after the large one")

        def run(second: StepFunction) -> FlowOutcome:
            flow = self.make_flow(tmp_path)
            try:
                return flow.run(
                    workflow_id="w",
                    program=("large", "second"),
                    steps={"large": lambda _: large, "second": second},
                )
            finally:
                flow.close()

        expect_error(DriverError, lambda: run(fail))
        outcome = run(lambda results: results["large"])
        expect(outcome.results["second"] == large, "the large result has changed")

    def test_closing_twice_is_fine(self, tmp_path: Path) -> None:
        """Also before anything ran."""
        flow = self.make_flow(tmp_path)
        flow.close()
        flow.close()

    def _run(
        self, folder: Path, recorder: Recorder, *, workflow_id: str = "release"
    ) -> FlowOutcome:
        """Run as a process of its own would: open, run, close."""
        flow = self.make_flow(folder)
        try:
            return flow.run(
                workflow_id=workflow_id, program=recorder.program, steps=recorder.steps()
            )
        finally:
            flow.close()
