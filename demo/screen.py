"""What the demo shows: points, commands as a user would type them, and their real output."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH = 96
TAIL_LINES = 30


class DemoFailed(Exception):  # noqa: N818 - it is an outcome of the demo, not a library's error
    """A point of the demo did not hold; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended and what it printed, stderr after stdout."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def words(self) -> str:
        """Both streams, for a search."""
        return self.stdout + self.stderr


def colour(text: str, code: str) -> str:
    """Colour text on a terminal without NO_COLOR."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\033[{code}m{text}\033[0m"


def point(number: int, title: str) -> None:
    """Open one of the eight points."""
    rule = "━" * (WIDTH - len(title) - 9)
    print(f"\n{colour(f'━━ {number} ━━ {title} ', '1;36')}{colour(rule, '36')}")
    sys.stdout.flush()


def note(text: str) -> None:
    """Say something between commands."""
    print(colour("# " + text, "2"))
    sys.stdout.flush()


def good(text: str) -> None:
    """State a fact that was just checked."""
    print(f"{colour('✓', '1;32')} {text}")
    sys.stdout.flush()


def run(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    show: str = "",
    live: bool = False,
    refuse: bool = False,
    quiet: bool = False,
    timeout_s: float = 900,
) -> Ran:
    """Run a command and show it with its output; raise DemoFailed if it ends otherwise than said.

    `show` replaces the command on the screen where the real one carries isolation that a user does
    not type. `live` passes stderr through as it comes. `refuse` demands a failure.
    """
    typed = show or shlex.join(str(part) for part in command)
    if not quiet:
        print(f"{colour('$', '1;33')} {colour(typed, '1')}")
        sys.stdout.flush()
    completed = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=None if live else subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout_s,
    )
    ran = Ran(
        exit_code=completed.returncode, stdout=completed.stdout, stderr=completed.stderr or ""
    )
    if not quiet:
        print_tail(ran.words)
    if refuse and ran.exit_code == 0:
        raise DemoFailed(f"`{typed}` accepted what it should have refused")
    if not refuse and ran.exit_code != 0:
        if quiet:
            print_tail(ran.words)
        raise DemoFailed(f"`{typed}` ended with exit code {ran.exit_code}")
    return ran


def print_tail(text: str, lines: int = TAIL_LINES) -> None:
    """Print the last lines of a command's output, indented."""
    # dpkg counts its database up line by line when there is no terminal.
    rows = [row for row in text.rstrip().splitlines() if not row.startswith("(Reading database")]
    if len(rows) > lines:
        print(colour(f"  … {len(rows) - lines} lines above", "2"))
    for row in rows[-lines:]:
        print("  " + row)
    sys.stdout.flush()


class Stopwatch:
    """Wall time, for the summary."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._start
