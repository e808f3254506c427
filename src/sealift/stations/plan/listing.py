"""The files that detection looks at: those of a folder, or those of a commit."""

import os
from pathlib import Path
from typing import Final

from sealift.core.limits import TREE_ENTRIES_MAX

_SKIPPED: Final = frozenset({".git", ".sealift", ".venv", "__pycache__", ".tox", "node_modules"})


class FolderListing:
    """The files of a folder as they lie there, without those that tools leave behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._folder.resolve().name

    def paths(self) -> tuple[str, ...]:
        """Return the relative paths of all files, sorted."""
        found: list[str] = []
        for root, folders, files in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED)
            found += [(Path(root) / name).relative_to(self._folder).as_posix() for name in files]
            if len(found) > TREE_ENTRIES_MAX:
                break
        return tuple(sorted(found[:TREE_ENTRIES_MAX]))

    def read(self, path: str, *, size_bytes_max: int) -> bytes:
        """Return at most the first `size_bytes_max` bytes of a file; nothing when it is absent."""
        place = self._folder / path
        if not place.is_file():
            return b""
        with place.open("rb") as stream:
            return stream.read(size_bytes_max)
