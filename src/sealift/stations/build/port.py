"""What a plugin of the build station implements: an executor, a sandbox, a toolchain."""

from collections.abc import Callable
from typing import Protocol

from sealift.core.action import Action, Isolation
from sealift.core.release import ToolchainFacts
from sealift.stations.build.model import Execution, Perturbation, Root, SandboxOutcome, SandboxRun


class Sandbox(Protocol):
    """Run one command in isolation. The suite is `sealift.testing.sandbox`."""

    def isolation(self) -> Isolation:
        """Return what isolation this machine gives, probed once by running in it.

        Raises ConfigError with a hint where a demanded wall is missing: it fails closed.
        """

    def run(
        self,
        run: SandboxRun,
        *,
        on_line: Callable[[bytes], None],
        should_end: Callable[[], bool] | None = None,
    ) -> SandboxOutcome:
        """Run to the end; `on_line` gets every line of stdout and stderr as it comes.

        `should_end` is asked a few times a second; true ends the run and all that it started.
        """


class Toolchain(Protocol):
    """The programs and libraries that an action sees."""

    def facts(self) -> ToolchainFacts:
        """Return what the toolchain is, by content; the fingerprint enters every action's key."""

    def root(self) -> Root:
        """Return what of it is shown inside."""

    def provides(self, program: str) -> bool:
        """Tell whether a command of this name would be found inside."""


class Executor(Protocol):
    """Run actions somewhere: here, or on a cluster. The same action gives the same tree."""

    def execute(self, action: Action, *, perturbation: Perturbation) -> Execution:
        """Run `action` and return its tree, with every blob of it in the store.

        Raises DriverError when the command fails or an output is missing, ConfigError when a tool
        or the sandbox is, UnavailableError when the disk is full.
        """

    def perturbation(self) -> Perturbation:
        """Return how this executor makes a second run differ; stable for one machine."""
