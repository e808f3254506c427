"""The log of one run: every line on disk as it comes, bounded, its end kept for people."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from sealift.base.edge.disk import disk_errors
from sealift.base.edge.port import Files
from sealift.core.action import Action
from sealift.core.limits import ACTION_LOG_BYTES_MAX, LOG_TAIL_LINES

_CUT: Final = b"[the log is cut here: it is longer than what is kept]\n"
_SHOWN_LINE_BYTES: Final = 400


class ActionLog:
    """Take lines and write them to an open file; keep the last ones.

    `taken_bytes` counts all that came, also what is past the limit and not written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.taken_bytes = 0
        self._written_bytes = 0
        self._tail: deque[bytes] = deque(maxlen=LOG_TAIL_LINES)

    def __call__(self, line: bytes) -> None:
        """Take one line, without its end. Beyond the limit only the tail goes on."""
        self.taken_bytes += len(line) + 1
        self._tail.append(line[:_SHOWN_LINE_BYTES])
        if self._written_bytes > ACTION_LOG_BYTES_MAX:
            return
        self._written_bytes += len(line) + 1
        cut = self._written_bytes > ACTION_LOG_BYTES_MAX
        self._file.write(_CUT if cut else line + b"\n")

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines, tabs as spaces, without control characters: they go to a terminal."""
        return tuple(
            "".join(
                each for each in line.expandtabs().decode(errors="replace") if each.isprintable()
            )
            for line in self._tail
        )


def log_path(folder: Path, action: Action, *, again: bool) -> Path:
    """Return where the log of `action` lies; `again` names the second, perturbed run."""
    name = f"{action.stage}-{action.digest.short}"
    return folder / (f"{name}.again.log" if again else f"{name}.log")


@contextmanager
def open_log(files: Files, path: Path) -> Iterator[ActionLog]:
    """Yield a log that writes to `path` from its start; people may follow it while it grows."""
    files.make_folder(path.parent)
    with disk_errors(path), path.open("wb", buffering=0) as file:
        yield ActionLog(file)
