"""What a kind of project implements."""

from typing import Protocol

from sealift.stations.plan.detectors.recipe import Place, Recipe
from sealift.stations.plan.model import Detected
from sealift.stations.plan.port import SourceListing


class Detector(Protocol):
    """Recognise one kind of project by its files, and say how it is built."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Return what the project is, None when it is of another kind; nothing of it is run.

        Raises ConfigError when it is of this kind, but cannot be built from what is there.
        """

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Return the stages and packages of what `detect` found."""
