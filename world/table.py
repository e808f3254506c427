"""The table of verdicts as a page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one wheel came out."""

    rank: int
    project: str
    version: str
    wheel: str
    backend: str
    outcome: str
    reason: str


_HEAD = (
    "# Reproducing what others published\n\n"
    "Each row is a pure wheel that nobody here made, rebuilt from its own source distribution in "
    "Sealift's sandbox with the distribution's Python 3.11.\n"
    "The list is fixed by download rank, not by success; it stands in `world/wheels.toml`.\n"
    "Backend and epoch are read from the published wheel.\n"
    "*Identical* means every byte; *equivalent* means every byte after the named stabilisers; "
    "*different* names the first cause.\n"
    "Make this page again with `make world`.\n\n"
)
_COLUMNS = "\n| Rank | Wheel | Backend | Verdict | Why not identical |\n|---|---|---|---|---|\n"


def render(verdicts: Sequence[Verdict]) -> str:
    """Return the page."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    total = len(verdicts)
    good = counts["identical"] + counts["equivalent"]
    summary = (
        f"{good} of {total} are identical or equivalent ({good / total:.0%}): "
        f"{counts['identical']} identical, {counts['equivalent']} equivalent, "
        f"{counts['different']} different, {counts['not built']} not built.\n"
    )
    lines = [_HEAD, summary, _COLUMNS]
    lines += [
        f"| {one.rank} | {one.wheel} | {one.backend} | {one.outcome} | {_cell(one.reason)} |\n"
        for one in verdicts
    ]
    return "".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
