"""Read what a test run says it did, where its last words are of a known kind."""

import re
from collections.abc import Sequence
from typing import Final

_AUTOMAKE: Final = re.compile(
    r"# (?P<name>TOTAL|PASS|SKIP|XFAIL|FAIL|XPASS|ERROR):\s+(?P<count>\d+)$"
)
_PYTEST: Final = re.compile(r"=*\s*(?P<counts>\d+ passed(?:, \d+ [a-z]+)*) in [\d.]+s")
_UNITTEST: Final = re.compile(r"Ran (?P<count>\d+) tests? in [\d.]+s$")


def summarise_tests(lines: Sequence[str]) -> str:
    """Return a short count such as `9 passed, 1 skipped`; empty when no line is recognised.

    Durations are left out: they differ between runs.
    """
    automake: dict[str, int] = {}
    latest = ""
    for line in lines:
        text = line.strip()
        if match := _AUTOMAKE.match(text):
            name = match["name"]
            automake[name] = automake.get(name, 0) + int(match["count"])
        elif match := _PYTEST.match(text):
            latest = match["counts"]
        elif match := _UNITTEST.match(text):
            latest = f"{match['count']} passed"
    if automake:
        return _automake_counts(automake)
    return latest


def _automake_counts(counts: dict[str, int]) -> str:
    named = (
        ("PASS", "passed"),
        ("SKIP", "skipped"),
        ("XFAIL", "failed as expected"),
        ("FAIL", "failed"),
        ("XPASS", "passed unexpectedly"),
        ("ERROR", "errors"),
    )
    return ", ".join(f"{counts[key]} {word}" for key, word in named if counts.get(key))
