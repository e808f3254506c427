"""What the work says while it runs. The command line draws it; tests collect it."""

from dataclasses import dataclass
from typing import Literal, Protocol

ProgressKind = Literal["started", "finished", "cached", "failed", "note", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """One thing that happened.

    `subject` names the unit (`build compile`), `detail` is for people. `duration_ms` is set when
    something finished.
    """

    kind: ProgressKind
    station: str
    subject: str
    detail: str = ""
    duration_ms: int | None = None


class Progress(Protocol):
    """Whoever listens. Must not raise and must be fast: it is called inside durable steps."""

    def __call__(self, event: ProgressEvent) -> None:
        """Take note of one event."""


def silent(event: ProgressEvent) -> None:
    """Listen to nothing."""
    del event
