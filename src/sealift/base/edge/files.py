"""Durable writes: what has returned from here survives a crash, and nothing half-done shows.

The order is always the same: write beside the target, sync the data, rename, sync the folder.
A full disk raises UnavailableError and leaves the target as it was.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from sealift.base.edge.disk import Disk, SystemDisk, disk_errors
from sealift.core.errors import ConfigError

_TEMPORARY_PREFIX: Final = ".sealift-"
_TOKEN_BYTES: Final = 8


class DurableFiles:
    """The port `Files` on a disk."""

    def __init__(
        self, disk: Disk | None = None, *, token: Callable[[int], str] | None = None
    ) -> None:
        self._disk: Disk = disk or SystemDisk()
        self._token = token or (lambda count: os.urandom(count).hex())

    def write_durably(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Replace `path` atomically: temporary file beside it, fsync, rename, fsync the folder."""
        with self._replacing(path, mode=mode) as file:
            file.write(data)

    def create_durably(self, path: Path) -> AbstractContextManager[BinaryIO]:
        """Yield a file that appears at `path` when the block ends without error, as above."""
        return self._replacing(path, mode=0o644)

    @contextmanager
    def create_staged(self, path: Path) -> Iterator[BinaryIO]:
        """Yield a new file at `path` that need not survive until `move_durably` takes it."""
        with disk_errors(path), self._new_file(path, mode=0o600) as file:
            yield file

    def move_durably(self, moves: Sequence[tuple[Path, Path]], *, mode: int = 0o644) -> None:
        """Let staged files appear at their targets: one barrier for all of them."""
        if not moves:
            return
        with disk_errors(moves[0][1]):
            for source, _ in moves:
                # Before the sync: it makes the permissions durable with the data.
                self._disk.set_mode(source, mode)
            self._disk.sync_files([source for source, _ in moves])
            for source, target in moves:
                self._disk.rename(source, target)
            for folder in sorted({target.parent for _, target in moves}):
                self._disk.sync_folder(folder)

    def link_or_copy(self, source: Path, target: Path) -> None:
        """Make `target` show the same bytes as `source`: hard link, else reflink, else copy."""
        temporary = self._beside(target)
        with disk_errors(target), self._cleaning(temporary):
            if not self._disk.link(source, temporary):
                self._disk.copy(source, temporary)
                self._disk.sync_files([temporary])
            self._disk.rename(temporary, target)
            # Renaming one link over another link of the same file does nothing (POSIX rename).
            self._disk.unlink(temporary)

    def sync_folder(self, folder: Path) -> None:
        """Make earlier renames and links in `folder` durable."""
        with disk_errors(folder):
            self._disk.sync_folder(folder)

    def replace_symlink(self, link: Path, target: str) -> None:
        """Point `link` at `target` in one atomic, durable step."""
        temporary = self._beside(link)
        with disk_errors(link), self._cleaning(temporary):
            self._disk.symlink(target, temporary)
            self._disk.rename(temporary, link)
            self._disk.sync_folder(link.parent)

    def make_folder(self, folder: Path) -> None:
        """Create `folder` and its parents, durably; fine when it is there."""
        missing = list(
            itertools.takewhile(lambda path: not path.is_dir(), (folder, *folder.parents))
        )
        with disk_errors(folder):
            for path in reversed(missing):
                if path.exists() and not path.is_dir():
                    raise ConfigError(
                        fact=f"`{path}` is no folder", expected="a folder", hint=f"ls -ld {path}"
                    )
                try:
                    self._disk.make_folder(path)
                except FileNotFoundError as error:
                    # Below /proc and the like nobody can make a folder.
                    raise ConfigError(
                        fact=f"`{path}` cannot be made",
                        expected="a place for folders",
                        hint=f"ls -ld {path.parent}",
                    ) from error
                self._disk.sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Remove a file or a whole folder; fine when it is not there."""
        with disk_errors(path):
            if path.is_dir() and not path.is_symlink():
                self._disk.remove_tree(path)
            else:
                self._disk.unlink(path)

    @contextmanager
    def _replacing(self, path: Path, *, mode: int) -> Iterator[BinaryIO]:
        temporary = self._beside(path)
        with disk_errors(path), self._cleaning(temporary):
            with self._new_file(temporary, mode=mode) as file:
                yield file
            self._disk.sync_files([temporary])
            self._disk.rename(temporary, path)
            self._disk.sync_folder(path.parent)

    @contextmanager
    def _new_file(self, path: Path, *, mode: int) -> Iterator[BinaryIO]:
        file = self._disk.create(path, mode=mode)
        with self._cleaning(path), file:
            yield file

    @contextmanager
    def _cleaning(self, temporary: Path) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._disk.unlink(temporary)
            raise

    def _beside(self, path: Path) -> Path:
        """Name a temporary file in the same folder.

        By chance, not by process id: a container gives the same id to every run, and what a killed
        run left behind must not be in the way.
        """
        return path.parent / f"{_TEMPORARY_PREFIX}{self._token(_TOKEN_BYTES)}.tmp"
