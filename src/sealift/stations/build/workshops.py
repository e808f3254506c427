"""One workshop a toolchain: what perturbs a run depends on the root that it sees."""

from collections.abc import Callable, Mapping
from threading import Lock

from sealift.core.action import Action, ActionRecord
from sealift.core.errors import ConfigError
from sealift.core.execution import Workshop
from sealift.stations.build.port import Toolchain


class ToolchainWorkshops:
    """The port `core.execution.Workshop`: pass an action on to the workshop of its toolchain.

    `open_workshop` is called once for each toolchain, when an action first asks for it.
    """

    def __init__(
        self,
        toolchains: Mapping[str, Toolchain],
        open_workshop: Callable[[Toolchain], Workshop],
    ) -> None:
        self._toolchains = toolchains
        self._open = open_workshop
        self._workshops: dict[str, Workshop] = {}
        self._lock = Lock()

    def perform(self, action: Action, *, reproduce: bool, why: str = "") -> ActionRecord:
        """Return the action's record; raise ConfigError for a toolchain that is not there."""
        return self._workshop(action).perform(action, reproduce=reproduce, why=why)

    def _workshop(self, action: Action) -> Workshop:
        with self._lock:
            if action.toolchain not in self._workshops:
                toolchain = self._toolchains.get(action.toolchain)
                if toolchain is None:
                    raise ConfigError(
                        fact=f"toolchain `{action.toolchain}` is not there",
                        expected=f"one of {', '.join(self._toolchains)}",
                        where=f"stage `{action.stage}`",
                        hint="sealift lock",
                    )
                self._workshops[action.toolchain] = self._open(toolchain)
            return self._workshops[action.toolchain]
