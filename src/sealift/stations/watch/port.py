"""The port of the station: where numbers about a release go.

Sealift works without any: what happened is in the ledger, and a sink is a view of it.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

MeasureKind = Literal["counter", "gauge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number at one time. The name ends in its unit (`build_duration_seconds`).

    `at` is RFC 3339 in UTC. Labels never hold a secret, nor anything that names a user.
    """

    name: str
    kind: MeasureKind
    value: float
    at: str
    labels: tuple[tuple[str, str], ...] = ()


class MeasureSink(Protocol):
    """Take measures: a file, a metrics endpoint, a collector."""

    def record(self, measure: Measure) -> None:
        """Take note of one measure. Idempotent for equal measures; never raises, never blocks."""
