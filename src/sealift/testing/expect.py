"""Expectations for the suites, which run under any test runner and under `python -O`."""

from collections.abc import Callable
from typing import TypeVar

Error = TypeVar("Error", bound=BaseException)


def expect(holds: object, what: str) -> None:
    """Raise AssertionError saying `what` unless `holds`."""
    if not holds:
        raise AssertionError(what)


def expect_equal(found: object, expected: object) -> None:
    """Raise AssertionError unless both are equal."""
    if found != expected:
        raise AssertionError(f"found {found!r:.500}, expected {expected!r:.500}")


def expect_error(kind: type[Error], action: Callable[[], object]) -> Error:
    """Return the error of this kind that `action` raises; AssertionError when it raises none."""
    try:
        result = action()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}, found the result {result!r:.500}")
