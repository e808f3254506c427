"""The ports between whoever has actions or locked files and whoever gets them.

They lie in core because two stations speak each: `build` and `package` both make actions, and one
executor runs both (drivers in `stations/build/drivers`, the suite is `sealift.testing.executor`);
`plan` pins downloads, and a `fetch` stage of `build` asks for them.
"""

from typing import Protocol

from sealift.core.action import Action, ActionRecord
from sealift.core.digest import Descriptor
from sealift.core.release import Download


class Workshop(Protocol):
    """Run actions through the cache, and prove them by a second run."""

    def perform(self, action: Action, *, reproduce: bool, why: str = "") -> ActionRecord:
        """Return the action's record, from the cache or by running it.

        `why` is told when the action has to run: what changed since last time. With `reproduce`,
        the record also carries the comparison with a second run in a perturbed
        environment (cached as well). Idempotent. Raises DriverError when the command fails or
        declares outputs that it did not make, ConfigError when a tool or the sandbox is missing,
        UnavailableError when the disk is full.
        """


class Downloader(Protocol):
    """Bring locked files into the store. Drivers are `stations/plan/drivers`."""

    def ensure(self, download: Download) -> Descriptor:
        """Make the pinned file be in the store, and return its descriptor.

        Idempotent; asks the network only when the file is absent. Raises IntegrityError when what
        is served has another digest or size, UnavailableError when nothing serves it.
        """
