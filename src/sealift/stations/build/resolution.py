"""Resolve a stage of the plan to an action: everything that can change its outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sealift.core.action import Action, ActionInput
from sealift.core.digest import Digest
from sealift.core.release import StagePlan, ToolchainFacts
from sealift.core.sandbox import INPUTS_FOLDER, sandbox_environment, shown_name
from sealift.core.tree import Tree
from sealift.stations.build.model import SITE_FOLDER


@dataclass(frozen=True, kw_only=True)
class StageInput:
    """An input of a stage with its contents. Without slots: what is derived is kept.

    Stages by the thousand may share one input.
    """

    name: str
    tree: Tree

    @cached_property
    def digest(self) -> Digest:
        """The tree's digest."""
        return self.tree.digest

    @cached_property
    def has_site(self) -> bool:
        """Tell whether it holds modules for Python's path, as fetch stages of wheels do."""
        return any(entry.path.startswith(f"{SITE_FOLDER}/") for entry in self.tree.entries)


def resolve(
    stage: StagePlan,
    *,
    inputs: Sequence[StageInput],
    epoch_s: int,
    toolchain: ToolchainFacts,
) -> Action:
    """Return the action of `stage` over `inputs`, which are in the manifest's order."""
    sites = tuple(
        f"{INPUTS_FOLDER}/{shown_name(each.name)}/{SITE_FOLDER}" for each in inputs if each.has_site
    )
    return Action(
        kind=stage.kind,
        stage=stage.name,
        # One shell for all lines: variables and folders carry over, the first failure ends it.
        command=("/bin/sh", "-eu", "-c", "\n".join((*_entering(stage), *stage.run))),
        inputs=tuple(ActionInput(name=shown_name(each.name), tree=each.digest) for each in inputs),
        outputs=stage.outputs,
        environment=tuple(
            sorted((*sandbox_environment(epoch_s=epoch_s, python_sites=sites), *stage.environment))
        ),
        toolchain=toolchain.name,
        toolchain_fingerprint=toolchain.fingerprint,
        platform=stage.platform,
        timeout_s=stage.timeout_s,
        memory_bytes=stage.memory_bytes,
    )


def _entering(stage: StagePlan) -> tuple[str, ...]:
    """Return the line that goes to the stage's folder; the plan allows plain names only."""
    return (f"cd -- '{stage.folder}'",) if stage.folder else ()
