import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.errors import DriverError
from sealift.core.limits import STAGES_MAX
from sealift.stations.build.schedule import (
    GraphOutcome,
    attempt_graph,
    critical_paths,
    run_graph,
)


def nothing() -> None:
    """Interrupt nobody."""


def run(
    order: list[str],
    needs: dict[str, frozenset[str]],
    unit: Callable[[str], str],
    *,
    interrupt: Callable[[], None] = nothing,
) -> dict[str, str]:
    return run_graph(order, needs=needs, run=unit, at_once=2, interrupt=interrupt)


@given(st.integers(1, 12).flatmap(lambda size: st.lists(st.integers(0, 2**11), min_size=size)))
def test_every_unit_starts_after_all_that_it_needs(masks: list[int]) -> None:
    order = [str(number) for number in range(len(masks))]
    needs = {
        name: frozenset(other for other in order[:at] if masks[at] >> int(other) & 1)
        for at, name in enumerate(order)
    }
    finished: list[str] = []
    lock = threading.Lock()

    def unit(name: str) -> str:
        with lock:
            assert needs[name] <= set(finished)
            finished.append(name)
        return name.upper()

    assert list(run(order, needs, unit).items()) == [(name, name.upper()) for name in order]


def test_independent_units_run_at_the_same_time_but_never_three() -> None:
    together = threading.Barrier(2, timeout=10)
    running = 0
    most = 0
    lock = threading.Lock()

    def unit(name: str) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if name in {"a", "b"}:
            together.wait()
        with lock:
            running -= 1
        return name

    run(["a", "b", "c", "d"], dict.fromkeys("abcd", frozenset()), unit)
    assert most == 2


def test_dependants_of_a_failure_never_start_and_the_first_in_order_is_raised() -> None:
    started: list[str] = []
    both = threading.Barrier(2, timeout=10)

    def unit(name: str) -> str:
        started.append(name)
        both.wait()
        raise DriverError(fact=f"{name} failed")

    needs = {"a": frozenset[str](), "b": frozenset[str](), "c": frozenset({"b"})}
    with pytest.raises(DriverError, match="a failed"):
        run(["a", "b", "c"], needs, unit)
    assert sorted(started) == ["a", "b"]


def test_interruption_ends_what_runs() -> None:
    stop = threading.Event()

    def unit(name: str) -> str:
        if name == "b":
            raise KeyboardInterrupt
        assert stop.wait(timeout=10)
        return name

    with pytest.raises(KeyboardInterrupt):
        run(["a", "b"], dict.fromkeys("ab", frozenset()), unit, interrupt=stop.set)


def test_unit_that_most_depends_on_starts_first() -> None:
    # a and b are short; c begins the longest chain, though it was written last.
    needs = {
        "a": frozenset[str](),
        "b": frozenset({"a"}),
        "c": frozenset[str](),
        "d": frozenset({"c"}),
        "e": frozenset({"d"}),
    }
    started: list[str] = []

    def unit(name: str) -> str:
        started.append(name)
        return name

    run_graph(list("abcde"), needs=needs, run=unit, at_once=1, interrupt=nothing)
    assert started == ["c", "a", "d", "b", "e"]


def test_recorded_cost_outweighs_the_length_of_a_chain() -> None:
    needs = {"a": frozenset[str](), "b": frozenset({"a"}), "c": frozenset[str]()}
    assert critical_paths("abc", needs=needs) == {"a": 2, "b": 1, "c": 1}
    costs = {"a": 10.0, "b": 20.0, "c": 90.0}
    assert critical_paths("abc", needs=needs, costs=costs) == {"a": 30, "b": 20, "c": 90}
    started: list[str] = []
    run_graph(
        list("abc"), needs=needs, run=started.append, at_once=1, interrupt=nothing, costs=costs
    )
    assert started == ["c", "a", "b"]


def test_unit_that_never_ran_before_counts_as_the_mean() -> None:
    needs = dict.fromkeys("abc", frozenset[str]())
    paths = critical_paths("abc", needs=needs, costs={"a": 10.0, "b": 30.0})
    assert paths == {"a": 10, "b": 30, "c": 20}


@given(st.integers(1, 12).flatmap(lambda size: st.lists(st.integers(0, 2**11), min_size=size)))
def test_weight_is_more_than_that_of_whatever_waits_for_it(masks: list[int]) -> None:
    order = [str(number) for number in range(len(masks))]
    needs = {
        name: frozenset(other for other in order[:at] if masks[at] >> int(other) & 1)
        for at, name in enumerate(order)
    }
    paths = critical_paths(order, needs=needs)
    assert all(paths[needed] > paths[name] for name in order for needed in needs[name])
    assert all(1 <= weight <= len(order) for weight in paths.values())


def test_keep_going_stops_only_what_depends_on_a_failure() -> None:
    needs = {
        "a": frozenset[str](),
        "b": frozenset({"a"}),
        "c": frozenset({"b"}),
        "d": frozenset[str](),
        "e": frozenset({"d"}),
    }

    def unit(name: str) -> str:
        if name == "a":
            raise DriverError(fact="a failed")
        return name

    def attempt(*, keep_going: bool) -> GraphOutcome[str]:
        return attempt_graph(
            list("abcde"),
            needs=needs,
            run=unit,
            at_once=1,
            interrupt=nothing,
            keep_going=keep_going,
        )

    going = attempt(keep_going=True)
    assert (list(going.results), list(going.failures)) == (["d", "e"], ["a"])
    assert going.skipped == ("b", "c")
    stopped = attempt(keep_going=False)
    assert (list(stopped.failures), stopped.skipped) == (["a"], ("b", "c", "d", "e"))


@pytest.mark.parametrize("shape", ["chain", "fan", "diamond"])
def test_ten_thousand_units_take_time_in_proportion_to_their_number(shape: str) -> None:
    order = [f"s{number}" for number in range(STAGES_MAX)]
    needs: dict[str, frozenset[str]] = {}
    for number, name in enumerate(order):
        if shape == "chain":
            needs[name] = frozenset(order[number - 1 : number]) if number else frozenset()
        elif shape == "fan":
            needs[name] = frozenset(order[:number]) if number == STAGES_MAX - 1 else frozenset()
        else:
            needs[name] = frozenset(order[max(number - 5, 0) : number])
    begun = time.process_time()
    results = run(order, needs, str.upper)
    assert len(results) == STAGES_MAX
    assert time.process_time() - begun < 10
