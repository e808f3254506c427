"""How commands speak: data to stdout, words to stderr, JSON when asked, colour only for people."""

import json
import os
import sys
from collections.abc import Sequence

import click

from sealift.core.codec import to_plain

_KIB = 1024


def write_json(value: object) -> None:
    """Print a value as indented JSON on stdout."""
    click.echo(json.dumps(to_plain(value), indent=2, ensure_ascii=False))


def say(text: str = "") -> None:
    """Print words for people, on stderr."""
    click.echo(text, err=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    click.echo(paint("warning: ", "yellow", to_stderr=True) + text, err=True)


def paint(text: str, colour: str, *, bold: bool = False, to_stderr: bool = False) -> str:
    """Colour text if the stream is a terminal and NO_COLOR is not set."""
    stream = sys.stderr if to_stderr else sys.stdout
    if os.environ.get("NO_COLOR") or not stream.isatty():  # noqa: TID251 - cli's edge
        return text
    return click.style(text, fg=colour, bold=bold)


def table(rows: Sequence[Sequence[str]], *, indent: int = 2) -> str:
    """Lay out rows in left-aligned columns; the last column is free to run."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        lines.append(" " * indent + "  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def heading(text: str) -> str:
    """Return a section's heading."""
    return paint(text, "bright_white", bold=True)


def size(size_bytes: int) -> str:
    """Write a size for people, in binary units."""
    amount = float(size_bytes)
    units = ("B", "KiB", "MiB", "GiB")
    step = 0
    while amount >= _KIB and step < len(units) - 1:
        amount /= _KIB
        step += 1
    return f"{size_bytes} B" if step == 0 else f"{amount:.1f} {units[step]}"


def duration(duration_ms: int) -> str:
    """Write a duration for people."""
    return f"{duration_ms} ms" if duration_ms < 1000 else f"{duration_ms / 1000:.1f} s"  # noqa: PLR2004


SYMBOLS = {"pass": "✓", "fail": "✗", "unknown": "?"}
COLOURS = {"pass": "green", "fail": "red", "unknown": "yellow"}


def outcome(value: str) -> str:
    """Return the mark of a verdict."""
    return paint(SYMBOLS[value], COLOURS[value])
