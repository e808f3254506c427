"""The ordered list: its order, its types, and how it becomes functions that a flow can run."""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import get_type_hints

import pytest

from sealift.app.pipeline import PIPELINE, REHEARSED, Step, bind
from sealift.app.wiring import Rehearsal, Stations
from sealift.core.codec import Json, from_plain, to_plain
from sealift.core.errors import IntegrityError
from sealift.core.release import Opening, ReleasePlan
from sealift.testing.workbench import Workbench

WRITES = {step.name: step.writes for step in PIPELINE}


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def station_function(step: Step, stations: type) -> Callable[..., object]:
    """Return the function that a step runs, not bound to any station's object."""
    return step.run(SimpleNamespace(**get_type_hints(stations)))


def test_the_order_of_the_road_is_this_one() -> None:
    assert [(step.station, step.name) for step in PIPELINE] == [
        ("plan", "open"),
        ("plan", "source"),
        ("build", "build"),
        ("package", "package"),
        ("inspect", "inspect"),
        ("attest", "attest"),
        ("gate", "gate"),
        ("attest", "seal"),
        ("publish", "publish"),
        ("channel", "channel"),
    ]


def test_names_are_unique_and_every_step_says_why_it_is_there() -> None:
    assert len({step.name for step in PIPELINE}) == len(PIPELINE)
    assert len({step.purpose for step in PIPELINE}) == len(PIPELINE)


def test_a_step_reads_only_what_an_earlier_one_wrote() -> None:
    written: list[str] = []
    for step in PIPELINE:
        assert set(step.reads) <= set(written), step.name
        assert len(set(step.reads)) == len(step.reads), step.name
        written.append(step.name)


@pytest.mark.parametrize("step", PIPELINE, ids=lambda step: step.name)
def test_a_step_reads_and_writes_what_its_station_says(step: Step) -> None:
    function = station_function(step, Stations)
    hints = get_type_hints(function)
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    assert [hints[name] for name in names] == [ReleasePlan, *(WRITES[one] for one in step.reads)]
    assert hints["return"] is step.writes


@pytest.mark.parametrize("step", PIPELINE, ids=lambda step: step.name)
def test_a_step_runs_in_the_station_that_it_names(step: Step) -> None:
    module = inspect.getmodule(station_function(step, Stations))
    assert module is not None
    assert module.__name__.startswith(f"sealift.stations.{step.station}.")


def test_a_rehearsal_is_how_every_release_begins_and_needs_nothing_that_signs() -> None:
    assert PIPELINE[: len(REHEARSED)] == REHEARSED
    for step in REHEARSED:
        station_function(step, Rehearsal)
    first_refused = PIPELINE[len(REHEARSED)]
    with pytest.raises(AttributeError):
        station_function(first_refused, Rehearsal)


class Scripted:
    """Stations that answer with what they were given."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.given: list[object] = []

    def open_release(self, plan: ReleasePlan) -> Opening:
        self.given = [plan]
        return self.opening

    def look(self, plan: ReleasePlan, opening: Opening) -> Opening:
        self.given = [plan, opening]
        return opening


def steps() -> tuple[Step, Step]:
    first = Step(
        name="open",
        station="plan",
        purpose="open",
        reads=(),
        writes=Opening,
        run=lambda scripted: scripted.open_release,
    )
    second = Step(
        name="look",
        station="plan",
        purpose="look",
        reads=("open",),
        writes=Opening,
        run=lambda scripted: scripted.look,
    )
    return first, second


OPENING = Opening(
    released_at="2026-01-02T03:04:05Z",
    released_at_s=1_767_323_045,
    invocation_id="urn:uuid:0d9e6b0c-5a2f-4f6e-9a55-8c5d1f0f7f11",
    builder_id="https://example.org/builder",
)


def test_bound_steps_speak_json_outside_and_values_inside(bench: Workbench) -> None:
    plan = bench.plan()
    scripted = Scripted(OPENING)
    around: list[str] = []

    def note(step: Step, run: Callable[[], object]) -> object:
        around.append(step.name)
        return run()

    functions = bind(steps(), scripted, plan, around=note)
    results: dict[str, Json] = {"open": functions["open"]({})}
    assert results["open"] == to_plain(OPENING)
    results["look"] = functions["look"](results)
    assert scripted.given == [plan, OPENING]
    assert from_plain(Opening, results["look"]) == OPENING
    assert around == ["open", "look"]


def test_a_journalled_report_of_another_shape_is_refused(bench: Workbench) -> None:
    functions = bind(steps(), Scripted(OPENING), bench.plan(), around=lambda _step, run: run())
    with pytest.raises(IntegrityError, match="stored Opening does not fit"):
        functions["look"]({"open": {"released_at": 5}})
