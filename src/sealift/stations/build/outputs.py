"""Look at what a stage left before a byte of it is read: too much is refused at once.

A sparse file announces terabytes for nothing, and a million files are made in seconds; reading
either to find out would take what the limits are there to save.
"""

import os
from collections.abc import Callable
from pathlib import Path

from sealift.core.errors import IntegrityError
from sealift.core.limits import TREE_BYTES_MAX, TREE_ENTRIES_MAX


def refuse_excess(folder: Path, *, select: Callable[[str], bool]) -> None:
    """Raise IntegrityError when the selected files below `folder` are too many or too large.

    `select` gets paths relative to `folder`. Raises OSError for a folder that cannot be listed.
    """
    entries = size_bytes = 0
    pending = [("", os.fspath(folder))]
    while pending:
        prefix, current = pending.pop()
        with os.scandir(current) as listing:
            for entry in listing:
                path = f"{prefix}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    pending.append((f"{path}/", entry.path))
                elif select(path):
                    entries += 1
                    size_bytes += entry.stat(follow_symlinks=False).st_size
                    _check(entries=entries, size_bytes=size_bytes)


def _check(*, entries: int, size_bytes: int) -> None:
    if entries > TREE_ENTRIES_MAX:
        raise IntegrityError(
            fact=f"more than {TREE_ENTRIES_MAX} files", expected=f"at most {TREE_ENTRIES_MAX}"
        )
    if size_bytes > TREE_BYTES_MAX:
        raise IntegrityError(
            fact=f"more than {TREE_BYTES_MAX} bytes of files",
            expected=f"at most {TREE_BYTES_MAX} bytes",
        )
