"""What a plugin of the gate implements: it judges one question. The packs' own are functions."""

from typing import Protocol

from sealift.stations.gate.model import Evidence, Judgement


class Judge(Protocol):
    """Judge a release by one criterion."""

    def __call__(self, evidence: Evidence) -> Judgement:
        """Return pass, fail or unknown with a reason: pure, the same for the same evidence."""
