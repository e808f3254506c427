"""Remember what actions gave, by their keys, and the reproductions of their results.

One file an entry below a folder of the trust tier: what a rehearsal of an untagged tree wrote, a
release never reads (DESIGN.md, law 4). An entry counts only while it is whole, names its own key,
and everything it points to is in the store; anything else is a miss, and the action runs again.
docs/formats/build.md shows the files.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar

from sealift.base.edge.port import Files
from sealift.base.store.port import BlobStore
from sealift.base.store.trees import load_tree
from sealift.core.action import Action, ActionResult, Reproduction
from sealift.core.codec import digest_of, from_json, to_json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import CACHE_ENTRY_BYTES_MAX
from sealift.stations.build.model import Perturbation

ENTRY_FORMAT: Final = "sealift-action-cache-v1"

TrustTier = Literal["release", "snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultEntry:
    """What one action gave. `checksum` is the digest of `result`: torn or edited files show."""

    format: str = ENTRY_FORMAT
    result: ActionResult
    checksum: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproductionEntry:
    """How a second run of an action compared, for one result and one perturbation."""

    format: str = ENTRY_FORMAT
    action: Digest
    tree: Digest
    perturbation: Digest
    reproduction: Reproduction
    checksum: Digest


Entry = TypeVar("Entry", ResultEntry, ReproductionEntry)


class ActionCache:
    """Results by action key in `folder`/TIER. Entries are written durably, and only when whole."""

    def __init__(self, *, folder: Path, tier: TrustTier, store: BlobStore, files: Files) -> None:
        self._folder = folder / tier
        self._store = store
        self._files = files

    def result(self, action: Action) -> ActionResult | None:
        """Return the result of `action` if the cache holds it whole, else None."""
        entry = self._read(ResultEntry, self._result_path(action.digest))
        if entry is None or entry.checksum != digest_of(entry.result):
            return None
        result = entry.result
        fits = result.action == action.digest and self._store.has(result.log)
        return result if fits and self._holds(result.tree) else None

    def keep_result(self, result: ActionResult) -> None:
        """Remember `result` under its action's key."""
        entry = ResultEntry(result=result, checksum=digest_of(result))
        self._write(self._result_path(result.action), to_json(entry))

    def reproduction(self, result: ActionResult, perturbation: Perturbation) -> Reproduction | None:
        """Return how `result` was reproduced under `perturbation` if the cache holds it whole."""
        path = self._reproduction_path(result.action, perturbation)
        entry = self._read(ReproductionEntry, path)
        if entry is None or entry.checksum != digest_of(entry.reproduction):
            return None
        fits = (entry.action, entry.tree, entry.perturbation) == (
            result.action,
            result.tree,
            perturbation.digest,
        )
        tree = entry.reproduction.tree
        return entry.reproduction if fits and (tree is None or self._holds(tree)) else None

    def keep_reproduction(
        self, result: ActionResult, perturbation: Perturbation, reproduction: Reproduction
    ) -> None:
        """Remember how `result` was reproduced."""
        entry = ReproductionEntry(
            action=result.action,
            tree=result.tree,
            perturbation=perturbation.digest,
            reproduction=reproduction,
            checksum=digest_of(reproduction),
        )
        self._write(self._reproduction_path(result.action, perturbation), to_json(entry))

    def _holds(self, tree: Digest) -> bool:
        """Tell whether a tree and all its files are in the store."""
        if not self._store.has(tree):
            return False
        try:
            entries = load_tree(self._store, tree).entries
        except IntegrityError:
            return False
        return all(entry.digest is None or self._store.has(entry.digest) for entry in entries)

    def _read(self, kind: type[Entry], path: Path) -> Entry | None:
        try:
            with path.open("rb") as file:
                data = file.read(CACHE_ENTRY_BYTES_MAX)
            entry = from_json(kind, data)
        except (FileNotFoundError, IntegrityError):
            return None
        return entry if entry.format == ENTRY_FORMAT else None

    def _write(self, path: Path, data: bytes) -> None:
        self._files.make_folder(path.parent)
        self._files.write_durably(path, data)

    def _result_path(self, action: Digest) -> Path:
        return self._folder / f"{action.hex}.json"

    def _reproduction_path(self, action: Digest, perturbation: Perturbation) -> Path:
        return self._folder / "reproductions" / f"{action.hex}-{perturbation.digest.short}.json"
