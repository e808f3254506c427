"""Draw progress: a live line for what runs on a terminal, plain lines everywhere else."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sealift.cli.output import duration, paint
from sealift.core.progress import ProgressEvent

_MARKS = {
    "started": ("·", "bright_black"),
    "finished": ("✓", "green"),
    "cached": ("✓", "green"),
    "failed": ("✗", "red"),
    "note": ("·", "bright_black"),
    "warning": ("!", "yellow"),
}
_STATION_WIDTH = 8
_SUBJECT_WIDTH = 34


class PlainProgress:
    """One line an event: started and finished both show, so that a log tells what hung."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold no terminal, so there is nothing to give back."""
        yield

    def __call__(self, event: ProgressEvent) -> None:
        """Print one line on stderr."""
        with self._lock:
            click.echo(line(event), err=True)


class LiveProgress:
    """Finished work as lines, running work as a spinner with seconds below them."""

    def __init__(self) -> None:
        # rich is imported only when drawing.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress as Bars  # noqa: PLC0415
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._console = Console(stderr=True, highlight=False)
        self._bars = Bars(
            SpinnerColumn(style="cyan"),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._running: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Take over the terminal's last lines."""
        self._bars.start()

    def stop(self) -> None:
        """Give the terminal back."""
        self._bars.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Give the terminal back for a question."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def __call__(self, event: ProgressEvent) -> None:
        """Show one event."""
        from rich.text import Text  # noqa: PLC0415

        key = (event.station, event.subject)
        with self._lock:
            if event.kind == "started":
                text = f"{event.station:<{_STATION_WIDTH}} {event.subject} {event.detail}"
                self._running[key] = self._bars.add_task(text.rstrip(), total=None)
                return
            if key in self._running and event.kind in {"finished", "cached", "failed"}:
                self._bars.remove_task(self._running.pop(key))  # type: ignore[arg-type]
            self._console.print(Text.from_ansi(line(event)))


def line(event: ProgressEvent) -> str:
    """Write one event as one line."""
    mark, colour = _MARKS[event.kind]
    took = duration(event.duration_ms) if event.duration_ms is not None else ""
    state = "cached" if event.kind == "cached" else ""
    words = "  ".join(part for part in (state, event.detail, took) if part)
    text = f"{event.station:<{_STATION_WIDTH}} {event.subject:<{_SUBJECT_WIDTH}} {words}"
    return f"{paint(mark, colour, to_stderr=True)} {text.rstrip()}"


@contextmanager
def progress() -> Iterator[PlainProgress | LiveProgress]:
    """Yield what fits stderr: live on a terminal, else plain lines."""
    if not sys.stderr.isatty():
        yield PlainProgress()
        return
    live = LiveProgress()
    live.start()
    try:
        yield live
    finally:
        live.stop()
