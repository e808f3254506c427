"""Durable execution as a thin port: a program of named steps, run once each, resumed after a crash.

The program is data (names and arguments), so an upgrade of the code can resume a release that
waits for a week. A step is a function from its arguments and the results of earlier steps to JSON.
Steps run at least once: each one is idempotent. What a step returns is journalled before the next
one starts, and is used again, unread by any secret, on resume.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sealift.core.codec import Json

StepFunction = Callable[[Mapping[str, Json]], Json]
"""Take the results of earlier steps by step name; return this step's result as plain JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOutcome:
    """Results by step name in program order; `resumed` tells whether any came from the journal."""

    results: Mapping[str, Json]
    resumed: bool


class Flow(Protocol):
    """Run programs durably."""

    def run(
        self,
        *,
        workflow_id: str,
        program: Sequence[str],
        steps: Mapping[str, StepFunction],
    ) -> FlowOutcome:
        """Run every step of `program` that the journal of `workflow_id` does not hold yet.

        A SealiftError from a step ends the attempt and is raised again here; the next `run` of the
        same id starts at that step. A finished workflow returns its journalled results at once.
        """

    def close(self) -> None:
        """Release the database; idempotent."""
