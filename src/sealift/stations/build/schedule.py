"""Run a graph of named units, a few at a time, in an order that respects what they wait for."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


def run_graph(
    order: Sequence[str],
    *,
    needs: Mapping[str, frozenset[str]],
    run: Callable[[str], T],
    at_once: int,
    interrupt: Callable[[], None],
) -> dict[str, T]:
    """Return the result of every unit by name, in `order`.

    `order` is topological; a unit starts when all it needs has finished. After the first failure
    nothing new starts, what runs may finish, and the failure that comes first in `order` is raised.
    On an interruption `interrupt` is called, so that what runs ends soon.
    """
    results: dict[str, T] = {}
    failures: dict[str, Exception] = {}
    running: dict[Future[T], str] = {}
    waiting = list(order)
    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="stage") as pool:
        try:
            while waiting or running:
                ready = [] if failures else [n for n in waiting if needs[n] <= results.keys()]
                for name in ready[: at_once - len(running)]:
                    waiting.remove(name)
                    running[pool.submit(run, name)] = name
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    _note(future, running.pop(future), results, failures)
        except BaseException:
            interrupt()
            raise
    for name in order:
        if name in failures:
            raise failures[name]
    return {name: results[name] for name in order}


def _note(
    future: Future[T], name: str, results: dict[str, T], failures: dict[str, Exception]
) -> None:
    error = future.exception()
    if error is None:
        results[name] = future.result()
    elif isinstance(error, Exception):
        failures[name] = error
    else:
        raise error
