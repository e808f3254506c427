import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.errors import DriverError
from sealift.stations.build.schedule import run_graph


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
