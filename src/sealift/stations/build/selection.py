"""Select stages: the part of a tree that globs match, so that nothing else enters a later key.

A function of its input alone: nothing runs, no sandbox is needed, and it is quicker than asking a
cache. It is an action all the same, since the chain from a file back to its source goes by the
trees that actions gave; its version stands in the key where a toolchain would.
"""

from typing import Final

from sealift.base.store.port import BlobStore
from sealift.core.action import Action, ActionInput, ActionRecord, ActionResult, Isolation
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.glob import Glob
from sealift.core.platform import ANY
from sealift.core.release import StagePlan
from sealift.core.tree import Tree

SELECT_TOOLCHAIN: Final = "sealift-select-v1"
_NO_SANDBOX: Final = Isolation(sandbox="none", network=False, facts=(("reason", "nothing is run"),))


def select_action(stage: StagePlan, tree: Tree) -> Action:
    """Return the action that narrows `tree`, the one input of `stage`, to its outputs' globs."""
    return Action(
        kind="select",
        stage=stage.name,
        command=("sealift", "select"),
        inputs=(ActionInput(name=stage.inputs[0], tree=tree.digest),),
        outputs=stage.outputs,
        environment=(),
        toolchain=SELECT_TOOLCHAIN,
        toolchain_fingerprint=Digest.of(SELECT_TOOLCHAIN.encode()),
        platform=ANY,
        timeout_s=stage.timeout_s,
        memory_bytes=stage.memory_bytes,
    )


def select(store: BlobStore, action: Action, tree: Tree) -> ActionRecord:
    """Store the narrowed tree and return the record; idempotent.

    Raises ConfigError for a glob that matches nothing: a build without what it asked for would
    succeed with other bytes.
    """
    globs = [Glob.parse(text) for _, text in action.outputs]
    for glob in globs:
        if not any(glob.matches(entry.path) for entry in tree.entries):
            stage, _, name = action.stage.partition(".")
            raise ConfigError(
                fact=f"`{glob.text}` matches nothing in `{name}`",
                expected="at least one file",
                where=f"stage `{stage}`",
                hint=f"check `only` of the input `{name}` in [stages.{stage}]",
            )
    narrowed = Tree.of(
        entry for entry in tree.entries if any(glob.matches(entry.path) for glob in globs)
    )
    log = f"{len(narrowed.entries)} of {len(tree.entries)} files\n"
    with store.transaction():
        store.put(narrowed.canonical())
        kept = store.put(log.encode())
    return ActionRecord(
        action=action,
        result=ActionResult(
            action=action.digest, tree=narrowed.digest, log=kept.digest, isolation=_NO_SANDBOX
        ),
    )
