"""The ports of the world."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from sealift.core.limits import HTTP_TIMEOUT_S


class Clock(Protocol):
    """Time, in UTC."""

    def now(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""

    def monotonic_s(self) -> float:
        """Return seconds that only go forward."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Entropy(Protocol):
    """Unpredictable bytes."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes fit for keys."""


class Files(Protocol):
    """Durable writes. Reading is free to use `pathlib`; what must survive a crash comes here."""

    def write_durably(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Replace `path` atomically: temporary file beside it, fsync, rename, fsync the folder.

        Raises UnavailableError when the disk is full; then `path` is untouched.
        """

    def create_durably(self, path: Path) -> AbstractContextManager[BinaryIO]:
        """Yield a file that appears at `path` when the block ends without error, as above."""

    def create_staged(self, path: Path) -> AbstractContextManager[BinaryIO]:
        """Yield a new file at `path` that need not survive a crash until `move_durably` takes it.

        The file is gone again when the block ends with an error.
        """

    def move_durably(self, moves: Sequence[tuple[Path, Path]], *, mode: int = 0o644) -> None:
        """Let staged files appear at their targets: one barrier for all of them.

        The data of every file is synced before the first rename, and every target's folder once
        after the last. A crash leaves each target absent (or as it was) or complete.
        """

    def link_or_copy(self, source: Path, target: Path) -> None:
        """Make `target` show the same bytes as `source`: hard link, else reflink, else copy."""

    def sync_folder(self, folder: Path) -> None:
        """Make earlier renames and links in `folder` durable."""

    def replace_symlink(self, link: Path, target: str) -> None:
        """Point `link` at `target` in one atomic, durable step."""

    def make_folder(self, folder: Path) -> None:
        """Create `folder` and its parents, durably; fine when it is there."""

    def remove(self, path: Path) -> None:
        """Remove a file or a whole folder; fine when it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A process to run: an argv, never a shell line.

    `environment` is complete (nothing is inherited). `on_line` gets each line of output as it
    comes (stderr joined into stdout when it is set). Output beyond `output_bytes_max` is dropped
    and noted. `should_end` is asked a few times a second while the process runs; true ends the
    group as the time limit does.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    input: bytes = b""
    timeout_s: float = 60.0
    output_bytes_max: int = 16 * 1024 * 1024
    on_line: Callable[[bytes], None] | None = None
    umask: int = 0o022
    pass_fds: tuple[int, ...] = ()
    should_end: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a process ended. `exit_code` is negative for a signal, as in `subprocess`."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool
    truncated: bool
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMark:
    """What tells one process from every other with its number, before and after.

    `boot` names the run of the kernel, `namespace` the set of numbers, `started` the moment in it.
    """

    boot: str
    namespace: str
    started: str


class Processes(Protocol):
    """Start programs, and tell which processes live."""

    def find(self, name: str) -> Path | None:
        """Return the absolute path of a program, looked up on the search path."""

    def run(self, command: Command) -> Completed:
        """Run to the end; kill the whole process group at the time limit or on interruption.

        Raises ConfigError when the program does not exist, UnavailableError after `stop_all`.
        """

    def mark(self, process_id: int) -> ProcessMark | None:
        """Identify a process of this machine; None when no such process is visible from here."""

    def stop_all(self) -> None:
        """End every process that runs now, and start no other: the user interrupted."""


class Conversation(Protocol):
    """A running process that answers one line for each line it is given."""

    @property
    def process_id(self) -> int:
        """The process's id, for people and for tests."""

    def ask(self, line: bytes, *, timeout_s: float, answer_bytes_max: int) -> bytes:
        """Send `line` (without its line end) and return the one line answered.

        One question at a time: callers in other threads wait. Raises DriverError when the process
        ended, stays silent past the time limit, or answers more than `answer_bytes_max`; then it
        is ended.
        """

    def close(self) -> None:
        """Close its input, wait for its end, kill it if it lingers; idempotent."""


class Conversations(Protocol):
    """Start programs to talk with; `Processes` starts those that run to their end."""

    def start(self, command: Command) -> Conversation:
        """Start the program in a session of its own, with pipes for its three streams.

        `input`, `on_line`, `timeout_s` and `output_bytes_max` of the command do not apply. Raises
        ConfigError when the program does not exist.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP answer; iterate `chunks` once."""

    status: int
    url: str
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Http(Protocol):
    """Fetch over HTTP(S), and `file:` for indexes that lie on disk."""

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = HTTP_TIMEOUT_S,
    ) -> AbstractContextManager[Response]:
        """Open `url`, following a bounded number of redirects.

        Raises UnavailableError when the server cannot be reached; any status is returned.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside, as one parameter. `environment` is a snapshot of the variables."""

    clock: Clock
    entropy: Entropy
    files: Files
    processes: Processes
    http: Http
    environment: Mapping[str, str]
    user: str
    host: str
    process_id: int
    machine: str
