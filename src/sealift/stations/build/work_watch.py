"""Watch what a run leaves on the disk and in its log, and end it before it fills either.

The file system is asked how full it is, which costs nothing; when it has filled by more than a run
may use, the work folder itself is measured, since others write to the same disk. They may also free
what this run takes, so the folder is measured from time to time in any case.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealift.base.edge.port import Clock
from sealift.core.errors import DriverError, SealiftError
from sealift.core.limits import (
    DISK_LOW_BYTES,
    GIB,
    WORK_BYTES_MAX,
    WORK_FILES_MAX,
    WORK_LOG_BYTES_MAX,
)
from sealift.stations.build.failures import disk_full

_BLOCK_BYTES: Final = 512  # of st_blocks, whatever the file system's own
_MEASURE_EVERY_S: Final = 10
_MEASURE_SHARE: Final = 20  # the pause after measuring, in times of how long that took
_LOW_PART: Final = 50  # a run is ended when a fiftieth is left, on small disks


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLimits:
    """What one run may use: bytes and files of its work folder, bytes of output to its log."""

    bytes_max: int = WORK_BYTES_MAX
    files_max: int = WORK_FILES_MAX
    log_bytes_max: int = WORK_LOG_BYTES_MAX

    def __str__(self) -> str:
        """Return the limits as the record of the isolation states them."""
        return f"{self.bytes_max} bytes, {self.files_max} files, {self.log_bytes_max} bytes of log"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What is used, of a disk or by a folder."""

    size_bytes: int
    files: int


class WorkWatch:
    """Ask it whether a run should end; `excess` then says why."""

    def __init__(
        self,
        folder: Path,
        *,
        stage: str,
        limits: WorkLimits,
        clock: Clock,
        log_bytes: Callable[[], int],
    ) -> None:
        self.excess: SealiftError | None = None
        self._folder = folder
        self._where = f"stage `{stage}`"
        self._limits = limits
        self._clock = clock
        self._log_bytes = log_bytes
        self._measure_at_s = clock.monotonic_s() + _MEASURE_EVERY_S
        self._at_start = _disk_use(folder)
        status = os.statvfs(folder)
        self._low_bytes = min(DISK_LOW_BYTES, status.f_blocks * status.f_frsize // _LOW_PART)
        # How full the disk may get before the folder is worth measuring.
        self._unsuspicious = _Use(
            size_bytes=self._at_start.size_bytes + limits.bytes_max,
            files=self._at_start.files + limits.files_max,
        )

    def __call__(self) -> bool:
        """Tell whether the run uses more than it may."""
        if self.excess is None:
            self.excess = self._find_excess()
        return self.excess is not None

    def _find_excess(self) -> SealiftError | None:
        limits = self._limits
        if self._log_bytes() > limits.log_bytes_max:
            return self._too_much(
                f"wrote more than {_words(limits.log_bytes_max)} to its log", "a quieter command"
            )
        disk = _disk_use(self._folder)
        if disk.size_bytes > self._at_start.size_bytes and is_low(
            self._folder, below_bytes=self._low_bytes
        ):
            return disk_full(self._where)
        suspicious = (
            disk.size_bytes > self._unsuspicious.size_bytes
            or disk.files > self._unsuspicious.files
            or self._clock.monotonic_s() >= self._measure_at_s
        )
        return self._measure(disk) if suspicious else None

    def _measure(self, disk: _Use) -> SealiftError | None:
        limits = self._limits
        begun = self._clock.monotonic_s()
        own = _folder_use(self._folder, limits)
        ended = self._clock.monotonic_s()
        self._measure_at_s = ended + max(_MEASURE_EVERY_S, _MEASURE_SHARE * (ended - begun))
        if own.size_bytes > limits.bytes_max:
            return self._too_much(
                f"wrote more than {_words(limits.bytes_max)} to its work folder",
                f"at most {limits.bytes_max} bytes of inputs, work and outputs",
            )
        if own.files > limits.files_max:
            return self._too_much(
                f"made more than {limits.files_max} files",
                f"at most {limits.files_max} files of inputs, work and outputs",
            )
        self._unsuspicious = _Use(
            size_bytes=disk.size_bytes + limits.bytes_max - own.size_bytes,
            files=disk.files + limits.files_max - own.files,
        )
        return None

    def _too_much(self, what: str, expected: str) -> DriverError:
        return DriverError(
            fact=f"the command was ended: it {what}", expected=expected, where=self._where
        )


def is_low(folder: Path, *, below_bytes: int = DISK_LOW_BYTES) -> bool:
    """Tell whether the disk of `folder` has hardly any room left, or no file."""
    status = os.statvfs(folder)
    out_of_files = status.f_files > 0 and status.f_favail == 0
    return out_of_files or status.f_bavail * status.f_frsize < below_bytes


def _disk_use(folder: Path) -> _Use:
    status = os.statvfs(folder)
    return _Use(
        size_bytes=(status.f_blocks - status.f_bfree) * status.f_frsize,
        files=status.f_files - status.f_ffree,
    )


def _folder_use(folder: Path, limits: WorkLimits) -> _Use:
    """Measure what lies below `folder` while others write there; stop where a limit is passed."""
    size_bytes = files = 0
    pending = [os.fspath(folder)]
    while pending and size_bytes <= limits.bytes_max and files <= limits.files_max:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    files += 1
                    size_bytes += entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            # Gone by now, closed to us, or too deep to name: what can be counted counts.
            continue
    return _Use(size_bytes=size_bytes, files=files)


def _words(size_bytes: int) -> str:
    return f"{size_bytes // GIB} GiB" if size_bytes >= GIB else f"{size_bytes} bytes"
