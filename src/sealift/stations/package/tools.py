"""Programs that packagers take in as inputs: a tree and a record each, so that the chain has them.

A tool is a file that was there, named by its sha256. Its record says no more than that; who made
it is for the lock of this program to say.
"""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Final

from sealift.base.store.port import BlobStore
from sealift.core.action import Action, ActionRecord, ActionResult, Isolation
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.platform import Platform
from sealift.core.tree import Tree, TreeEntry

TOOL_TOOLCHAIN: Final = "sealift-adopt-v1"
_TIMEOUT_S: Final = 60
_MEMORY_BYTES: Final = 2**30


class ToolShelf:
    """Tools by name. `paths` says where each program's file lies; it is read on first use."""

    def __init__(self, *, store: BlobStore, paths: Mapping[str, Path], platform: Platform) -> None:
        self._store = store
        self._paths = paths
        self._platform = platform
        self._lock = Lock()
        self._records: dict[str, ActionRecord] = {}

    def record(self, name: str) -> ActionRecord:
        """Return the record of a tool; raise ConfigError when its file is not there."""
        with self._lock:
            if name not in self._records:
                self._records[name] = self._adopt(name)
            return self._records[name]

    def _adopt(self, name: str) -> ActionRecord:
        path = self._paths.get(name)
        if path is None or not path.is_file():
            raise ConfigError(
                fact=f"program `{name}` is not installed",
                expected="it beside `sealift`",
                hint=f"run `pip install {name}`",
            )
        with self._store.transaction():
            blob = self._store.put_file(path)
            tree = Tree.of(
                [
                    TreeEntry(
                        path=name,
                        digest=blob.digest,
                        size_bytes=blob.size_bytes,
                        executable=True,
                    )
                ]
            )
            self._store.put(tree.canonical())
            log = self._store.put(b"")
        action = Action(
            kind="fetch",
            stage=f"tool-{name}",
            command=("sealift", "adopt", name),
            inputs=(),
            outputs=((name, name),),
            environment=(),
            toolchain=TOOL_TOOLCHAIN,
            toolchain_fingerprint=Digest.of(TOOL_TOOLCHAIN.encode()),
            platform=self._platform,
            parameters=((name, str(blob.digest)),),
            timeout_s=_TIMEOUT_S,
            memory_bytes=_MEMORY_BYTES,
        )
        return ActionRecord(
            action=action,
            result=ActionResult(
                action=action.digest,
                tree=tree.digest,
                log=log.digest,
                isolation=Isolation(
                    sandbox="none", network=False, facts=(("reason", "nothing was run"),)
                ),
            ),
            cached=True,
        )
