"""What publishes a catalogue in one protocol's form.

Built in: apt, the simple index, the pages. Later: rpm, npm, OCI, Homebrew, external registries.
"""

from datetime import datetime
from typing import Protocol

from sealift.stations.publish.model import Catalogue, TreeFile


class Publisher(Protocol):
    """Say a catalogue in the words of one protocol, as files of the static tree."""

    def publish(self, catalogue: Catalogue, at: datetime) -> tuple[TreeFile, ...]:
        """Return every file of this protocol that may have changed, entry objects last.

        Deterministic: the same catalogue and `at` give the same bytes. Returns nothing when the
        catalogue holds nothing for this protocol.
        """
