"""What each stage of a project was when it last ran: its action, its tree, how long it took.

A hint, never a fact: durations order the next run, and the last action explains a cache miss.
Nothing that is signed reads it, a damaged file counts as none. One file a project beside the
action cache, apart by trust tier as that is. docs/formats/build.md shows it.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealift.base.edge.port import Files
from sealift.core.action import Action
from sealift.core.codec import from_json, to_json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.limits import HISTORY_BYTES_MAX
from sealift.stations.build.action_cache import TrustTier

HISTORY_FORMAT: Final = "sealift-stage-history-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMemory:
    """The last action of a stage, what it gave, and its last real run in milliseconds."""

    action: Action
    tree: Digest
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryDocument:
    """The file: stages by name."""

    format: str = HISTORY_FORMAT
    stages: dict[str, StageMemory]


class StageHistory:
    """Remember stages by project below `folder`/TIER/stages."""

    def __init__(self, *, folder: Path, tier: TrustTier, files: Files) -> None:
        self._folder = folder / tier / "stages"
        self._files = files

    def recall(self, project: str) -> Mapping[str, StageMemory]:
        """Return what is remembered; nothing when there is no file that can be read."""
        try:
            with self._path(project).open("rb") as file:
                document = from_json(HistoryDocument, file.read(HISTORY_BYTES_MAX))
        except (FileNotFoundError, IntegrityError):
            return {}
        return document.stages if document.format == HISTORY_FORMAT else {}

    def remember(self, project: str, stages: Mapping[str, StageMemory]) -> None:
        """Keep these stages beside those that are remembered already; writes only a change."""
        known = self.recall(project)
        merged = {**known, **stages}
        if merged == known:
            return
        data = to_json(HistoryDocument(stages=merged))
        if len(data) >= HISTORY_BYTES_MAX:
            return
        # A hint that a full disk cannot take is no reason to fail what was built.
        with suppress(UnavailableError):
            self._files.make_folder(self._folder)
            self._files.write_durably(self._path(project), data)

    def _path(self, project: str) -> Path:
        return self._folder / f"{project}.json"
