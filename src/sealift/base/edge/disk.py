"""The few operations on a disk that durability rests on, one system call each.

`files.py` builds its promises from these alone, so that the simulator can count them, crash
between any two of them, and lose what was not synced.
"""

import errno
import fcntl
import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from sealift.core.errors import ConfigError, UnavailableError
from sealift.core.limits import SYNC_THREADS

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINK: Final = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP})
_FICLONE: Final = 0x40049409  # linux/fs.h: share the source's extents with the target


class Disk(Protocol):
    """Primitive operations. Nothing is durable before the matching sync."""

    def create(self, path: Path, *, mode: int) -> BinaryIO:
        """Create a new file, whatever the umask; FileExistsError when something is there."""

    def sync_files(self, paths: Sequence[Path]) -> None:
        """Make the data of these files durable."""

    def sync_folder(self, folder: Path) -> None:
        """Make the entries of `folder` durable."""

    def set_mode(self, path: Path, mode: int) -> None:
        """Change the permissions of a file."""

    def rename(self, source: Path, target: Path) -> None:
        """Rename in one step, replacing a file or symlink at `target`."""

    def link(self, source: Path, target: Path) -> bool:
        """Make a hard link; return False where the file system cannot."""

    def copy(self, source: Path, target: Path) -> None:
        """Copy bytes and the executable bits to a new file, sharing extents where possible."""

    def symlink(self, target: str, link: Path) -> None:
        """Make a symlink."""

    def make_folder(self, folder: Path) -> None:
        """Make one folder; fine when it is there."""

    def unlink(self, path: Path) -> None:
        """Remove a file or symlink; fine when it is not there."""

    def remove_tree(self, folder: Path) -> None:
        """Remove a folder and everything below it, following no symlink."""


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk into UnavailableError and a missing right into ConfigError."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UnavailableError(
                fact=f"no space is left to write `{path}`",
                expected="room on the disk and in the quota",
                hint=f"free some space (`df -h {path.parent}`) and run the command again",
            ) from error
        if error.errno in _FORBIDDEN:
            raise ConfigError(
                fact=f"may not write `{path}`: {error.strerror}",
                expected="a folder that this user can write",
                hint=f"run `ls -ld {path.parent}`",
            ) from error
        raise


class SystemDisk:
    """The disk of this machine."""

    def create(self, path: Path, *, mode: int) -> BinaryIO:
        """Create a new file, whatever the umask; FileExistsError when something is there."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            os.fchmod(descriptor, mode)
        except OSError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "wb")

    def sync_files(self, paths: Sequence[Path]) -> None:
        """Make the data of these files durable.

        In threads when there are many: the file system then commits several with one flush.
        """
        if len(paths) <= 1:
            for path in paths:
                _sync(path, os.O_RDONLY)
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - 10 ms at each start

        with ThreadPoolExecutor(max_workers=SYNC_THREADS, thread_name_prefix="sync") as pool:
            for _ in pool.map(lambda path: _sync(path, os.O_RDONLY), paths):
                pass

    def sync_folder(self, folder: Path) -> None:
        """Make the entries of `folder` durable."""
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)

    def set_mode(self, path: Path, mode: int) -> None:
        """Change the permissions of a file."""
        path.chmod(mode)

    def rename(self, source: Path, target: Path) -> None:
        """Rename in one step, replacing a file or symlink at `target`."""
        source.rename(target)

    def link(self, source: Path, target: Path) -> bool:
        """Make a hard link; return False where the file system cannot."""
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NO_LINK:
                return False
            raise
        return True

    def copy(self, source: Path, target: Path) -> None:
        """Copy bytes and the executable bits to a new file, sharing extents where possible."""
        with source.open("rb") as reader:
            executable = os.fstat(reader.fileno()).st_mode & stat.S_IXUSR
            with self.create(target, mode=0o755 if executable else 0o644) as writer:
                try:
                    fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
                except OSError:
                    # Most file systems cannot share extents: copy the bytes inside the kernel.
                    _copy_bytes(reader, writer)

    def symlink(self, target: str, link: Path) -> None:
        """Make a symlink."""
        link.symlink_to(target)

    def make_folder(self, folder: Path) -> None:
        """Make one folder; fine when it is there."""
        folder.mkdir(exist_ok=True)

    def unlink(self, path: Path) -> None:
        """Remove a file or symlink; fine when it is not there."""
        path.unlink(missing_ok=True)

    def remove_tree(self, folder: Path) -> None:
        """Remove a folder and everything below it, following no symlink."""
        # Not `shutil.rmtree`: a build may leave folders that even their owner cannot list, nested
        # so deep that no path names them and no stack follows them. So each folder's subfolders
        # are moved to the top, where they are emptied in turn.
        folder.chmod(stat.S_IRWXU)
        top = os.open(folder, _FOLDER_FLAGS)
        try:
            pending = _unlink_files(top)
            # No name that is there already begins like those that are made here.
            prefix = next(
                prefix
                for prefix in map("{}-".format, itertools.count())
                if not any(name.startswith(prefix) for name in pending)
            )
            moved = 0
            while pending:
                name = pending.pop()
                os.chmod(name, stat.S_IRWXU, dir_fd=top)
                current = os.open(name, _FOLDER_FLAGS, dir_fd=top)
                try:
                    for below in _unlink_files(current):
                        # Moving a folder writes to it: its entry for the folder above changes.
                        os.chmod(below, stat.S_IRWXU, dir_fd=current)
                        moved += 1
                        pending.append(f"{prefix}{moved}")
                        os.rename(below, pending[-1], src_dir_fd=current, dst_dir_fd=top)
                finally:
                    os.close(current)
                os.rmdir(name, dir_fd=top)
        finally:
            os.close(top)
        folder.rmdir()


def _copy_bytes(reader: BinaryIO, writer: BinaryIO) -> None:
    remaining = os.fstat(reader.fileno()).st_size
    while remaining > 0:
        moved = os.sendfile(writer.fileno(), reader.fileno(), None, remaining)
        if moved == 0:
            break
        remaining -= moved


def _unlink_files(folder: int) -> list[str]:
    """Unlink what is no folder in an open folder; return the names of its folders."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
