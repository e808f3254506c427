"""The port between whoever has actions and whoever runs them.

It lives in core because two stations speak it: `build` and `package` both make actions, and one
executor runs both. Drivers are `stations/build/drivers`; the suite is `sealift.testing.executor`.
"""

from typing import Protocol

from sealift.core.action import Action, ActionRecord


class Workshop(Protocol):
    """Run actions through the cache, and prove them by a second run."""

    def perform(self, action: Action, *, reproduce: bool) -> ActionRecord:
        """Return the action's record, from the cache or by running it.

        With `reproduce`, the record also carries the comparison with a second run in a perturbed
        environment (cached as well). Idempotent. Raises DriverError when the command fails or
        declares outputs that it did not make, ConfigError when a tool or the sandbox is missing,
        UnavailableError when the disk is full.
        """
