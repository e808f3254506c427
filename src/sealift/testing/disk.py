"""A disk that crashes: what was not synced may be gone, as on a journalling file system.

It works in a real folder, so that readers use `pathlib` as ever, and remembers what a power cut
could still undo. The model, which is POSIX with the promises that ext4, xfs and btrfs keep:

- a rename, link or new name shows or does not show, never half; it is durable once its folder is
  synced, and of one folder's changes a crash keeps a prefix;
- bytes are durable once their file is synced; before that, a crash may leave all, some, none, or
  zeros in their place.

After the crash every operation raises `SimulatedCrash`: the process is dead, and its clean-up code
must not be able to tidy up. `recover` is the reboot.
"""

import errno
import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sealift.testing.chance import Chance


class SimulatedCrash(BaseException):
    """The machine lost its power. No `Exception`: nothing may handle it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A change of a folder's entries that a crash could still undo."""

    folder: Path
    undo: Callable[[], None]


class SimDisk:
    """The port `Disk` over a real folder. `root` is the folder that everything lies in.

    `crash_at` and `full_at` count operations and writes from 1; None means never.
    """

    def __init__(self, root: Path, *, seed: int) -> None:
        self.operations = 0
        self.writes = 0
        self.crash_at: int | None = None
        self.full_at: int | None = None
        self.can_link = True
        self._crashed = False
        self._chance = Chance(seed)
        self._kept = root / ".simulated-disk"
        self._kept.mkdir(parents=True, exist_ok=True)
        self._names = 0
        self._pending: list[_Pending] = []
        # Files whose bytes are not synced, each by a link of its own: it may be renamed meanwhile.
        self._dirty: dict[int, Path] = {}

    def recover(self) -> None:
        """Reboot: lose what the crash took, then work again."""
        self._crashed = False
        self.crash_at = None
        self.full_at = None
        self._lose_entries()
        for anchor in self._dirty.values():
            self._lose_bytes(anchor)
        self._pending.clear()
        self._dirty.clear()

    def create(self, path: Path, *, mode: int) -> BinaryIO:
        """Create a new file, whatever the umask; FileExistsError when something is there."""
        self._operate(path, writes=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.fchmod(descriptor, mode)
        inode = os.fstat(descriptor).st_ino
        anchor = self._keep()
        anchor.hardlink_to(path)
        self._dirty[inode] = anchor
        self._remember(path, lambda: _unlink_inode(path, inode))
        return io.BufferedWriter(_SimRaw(descriptor, self, path))

    def sync_files(self, paths: Sequence[Path]) -> None:
        """Make the data of these files durable."""
        for path in paths:
            self._operate(path)
            anchor = self._dirty.pop(path.stat().st_ino, None)
            if anchor is not None:
                anchor.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Make the entries of `folder` durable."""
        self._operate(folder)
        self._pending = [change for change in self._pending if change.folder != folder]

    def set_mode(self, path: Path, mode: int) -> None:
        """Change the permissions of a file."""
        self._operate(path)
        path.chmod(mode)

    def rename(self, source: Path, target: Path) -> None:
        """Rename in one step, replacing a file or symlink at `target`."""
        self._operate(target)
        replaced = self._keep_link(target)
        inode = source.lstat().st_ino
        source.rename(target)

        def undo() -> None:
            if _inode(target) == inode:
                target.rename(source)
            if replaced is not None:
                replaced.rename(target)

        self._remember(target, undo)

    def link(self, source: Path, target: Path) -> bool:
        """Make a hard link; return False where the file system cannot."""
        self._operate(target, writes=True)
        if not self.can_link:
            return False
        os.link(source, target, follow_symlinks=False)
        inode = target.lstat().st_ino
        self._remember(target, lambda: _unlink_inode(target, inode))
        return True

    def copy(self, source: Path, target: Path) -> None:
        """Copy bytes and the executable bits to a new file."""
        mode = 0o755 if source.stat().st_mode & 0o100 else 0o644
        with self.create(target, mode=mode) as writer:
            writer.write(source.read_bytes())

    def symlink(self, target: str, link: Path) -> None:
        """Make a symlink."""
        self._operate(link, writes=True)
        link.symlink_to(target)
        inode = link.lstat().st_ino
        self._remember(link, lambda: _unlink_inode(link, inode))

    def make_folder(self, folder: Path) -> None:
        """Make one folder; fine when it is there."""
        self._operate(folder, writes=True)
        if folder.is_dir():
            return
        folder.mkdir()
        # What was synced inside is still out of reach when the folder's own name is lost.
        self._remember(folder, lambda: _put_away(folder, self._keep()))

    def unlink(self, path: Path) -> None:
        """Remove a file or symlink; fine when it is not there."""
        self._operate(path)
        kept = self._keep_link(path)
        if kept is not None:
            path.unlink()
            self._remember(path, lambda: _restore(kept, path))

    def remove_tree(self, folder: Path) -> None:
        """Remove a folder and everything below it, following no symlink."""
        self._operate(folder)
        kept = self._keep()
        folder.rename(kept)
        self._remember(folder, lambda: _restore(kept, folder))

    def write(self, descriptor: int, path: Path, data: memoryview) -> int:
        """Write for a file that `create` gave; a crash here leaves some of the bytes."""
        try:
            self._operate(path, writes=True)
        except SimulatedCrash:
            os.write(descriptor, data[: self._chance.below(len(data) + 1)])
            raise
        return os.write(descriptor, data)

    def _operate(self, path: Path, *, writes: bool = False) -> None:
        if self._crashed:
            raise SimulatedCrash(f"after the crash: {path}")
        self.operations += 1
        if self.operations == self.crash_at:
            self._crashed = True
            raise SimulatedCrash(f"operation {self.operations}: {path}")
        if writes:
            self.writes += 1
            if self.full_at is not None and self.writes >= self.full_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def _remember(self, path: Path, undo: Callable[[], None]) -> None:
        self._pending.append(_Pending(folder=path.parent, undo=undo))

    def _keep(self) -> Path:
        self._names += 1
        return self._kept / str(self._names)

    def _keep_link(self, path: Path) -> Path | None:
        """Keep what is at `path` under a second name; None when nothing is."""
        kept = self._keep()
        try:
            os.link(path, kept, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return kept

    def _lose_entries(self) -> None:
        survivors: dict[Path, int] = {}
        for folder in {change.folder for change in self._pending}:
            count = sum(change.folder == folder for change in self._pending)
            survivors[folder] = self._chance.below(count + 1)
        lost: list[_Pending] = []
        for change in self._pending:
            survivors[change.folder] -= 1
            if survivors[change.folder] < 0:
                lost.append(change)
        for change in reversed(lost):
            # Undoing one change may have taken away what a later one would undo.
            with suppress(OSError):
                change.undo()

    def _lose_bytes(self, anchor: Path) -> None:
        anchor.chmod(0o600)
        data = anchor.read_bytes()
        kept = self._chance.below(len(data) + 1)
        outcomes = (data, b"", data[:kept], data[:kept] + bytes(len(data) - kept))
        anchor.write_bytes(outcomes[self._chance.below(len(outcomes))])


class _SimRaw(io.RawIOBase):
    """The unbuffered side of a file that `create` gave."""

    def __init__(self, descriptor: int, disk: SimDisk, path: Path) -> None:
        self._descriptor = descriptor
        self._disk = disk
        self._path = path

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: object, /) -> int:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"cannot write a {type(data).__name__}")
        return self._disk.write(self._descriptor, self._path, memoryview(data))

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _inode(path: Path) -> int | None:
    try:
        return path.lstat().st_ino
    except FileNotFoundError:
        return None


def _unlink_inode(path: Path, inode: int) -> None:
    if _inode(path) == inode:
        path.unlink()


def _put_away(folder: Path, kept: Path) -> None:
    folder.rename(kept)


def _restore(kept: Path, path: Path) -> None:
    if _inode(path) is None:
        kept.rename(path)
