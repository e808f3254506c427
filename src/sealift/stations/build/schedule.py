"""Run a graph of named units, a few at a time: what everything waits for longest comes first.

A unit's weight is what it costs and what the dearest chain of its dependants costs: the critical
path. Starting that first keeps every worker busy to the end. Time grows with units and edges, so
that ten thousand of them are planned in a fraction of a second.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_NO_COSTS: Final[Mapping[str, float]] = {}


@dataclass(slots=True, kw_only=True)
class GraphOutcome(Generic[T]):
    """What became of every unit, each in the given order: a result, a failure, or never started."""

    results: dict[str, T] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


def run_graph(
    order: Sequence[str],
    *,
    needs: Mapping[str, frozenset[str]],
    run: Callable[[str], T],
    at_once: int,
    interrupt: Callable[[], None],
    costs: Mapping[str, float] = _NO_COSTS,
) -> dict[str, T]:
    """Return the result of every unit by name, in `order`; raise the first failure of `order`.

    As `attempt_graph`, without `keep_going`.
    """
    outcome = attempt_graph(
        order, needs=needs, run=run, at_once=at_once, interrupt=interrupt, costs=costs
    )
    for error in outcome.failures.values():
        raise error
    return outcome.results


def attempt_graph(
    order: Sequence[str],
    *,
    needs: Mapping[str, frozenset[str]],
    run: Callable[[str], T],
    at_once: int,
    interrupt: Callable[[], None],
    costs: Mapping[str, float] = _NO_COSTS,
    keep_going: bool = False,
) -> GraphOutcome[T]:
    """Run every unit whose needs all gave a result, and say what became of each.

    `order` is topological. After a failure what runs may finish; with `keep_going` all that does
    not need the failed unit still runs, else nothing new starts. `costs` are any unit; one that is
    not in there counts as the mean. On an interruption `interrupt` is called, so that what runs
    ends soon.
    """
    queue = _Queue(order, needs=needs, costs=costs)
    outcome: GraphOutcome[T] = GraphOutcome()
    running: dict[Future[T], str] = {}
    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="stage") as pool:
        try:
            while True:
                stopped = bool(outcome.failures) and not keep_going
                while not stopped and len(running) < at_once and (name := queue.take()) is not None:
                    running[pool.submit(run, name)] = name
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    _note(future, name, outcome)
                    if name in outcome.results:
                        queue.finished(name)
        except BaseException:
            interrupt()
            raise
    known = outcome.results.keys() | outcome.failures.keys()
    return GraphOutcome(
        results={name: outcome.results[name] for name in order if name in outcome.results},
        failures={name: outcome.failures[name] for name in order if name in outcome.failures},
        skipped=tuple(name for name in order if name not in known),
    )


def critical_paths(
    order: Sequence[str],
    *,
    needs: Mapping[str, frozenset[str]],
    costs: Mapping[str, float] = _NO_COSTS,
) -> dict[str, float]:
    """Return, for every unit, its cost and that of the dearest chain of units that wait for it."""
    known = [costs[name] for name in order if name in costs]
    mean = sum(known) / len(known) if known else 1.0
    paths = {name: costs.get(name, mean) for name in order}
    after = dict.fromkeys(order, 0.0)
    for name in reversed(order):
        paths[name] += after[name]
        for needed in needs[name]:
            after[needed] = max(after[needed], paths[name])
    return paths


class _Queue:
    """Units that may start, the heaviest first; units of one weight in the given order."""

    def __init__(
        self,
        order: Sequence[str],
        *,
        needs: Mapping[str, frozenset[str]],
        costs: Mapping[str, float],
    ) -> None:
        paths = critical_paths(order, needs=needs, costs=costs)
        self._rank = {name: (-paths[name], place) for place, name in enumerate(order)}
        self._missing = {name: len(needs[name]) for name in order}
        self._dependants: dict[str, list[str]] = {name: [] for name in order}
        for name in order:
            for needed in needs[name]:
                self._dependants[needed].append(name)
        self._ready = [(self._rank[name], name) for name in order if not self._missing[name]]
        heapq.heapify(self._ready)

    def take(self) -> str | None:
        """Return the unit to start next, or None while there is none."""
        return heapq.heappop(self._ready)[1] if self._ready else None

    def finished(self, name: str) -> None:
        """Let those start that waited for nothing else."""
        for dependant in self._dependants[name]:
            self._missing[dependant] -= 1
            if not self._missing[dependant]:
                heapq.heappush(self._ready, (self._rank[dependant], dependant))


def _note(future: Future[T], name: str, outcome: GraphOutcome[T]) -> None:
    error = future.exception()
    if error is None:
        outcome.results[name] = future.result()
    elif isinstance(error, Exception):
        outcome.failures[name] = error
    else:
        raise error
