"""Run programs in process groups of their own, and end whole groups.

A program that forks cannot outlive its time limit, an interruption or its own end: what is left of
its group is killed. Only what sets up a new session of its own escapes; the sandbox's PID namespace
catches that.
"""

import os
import select
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from sealift.base.edge.port import Command, Completed, ProcessMark
from sealift.core.errors import ConfigError, UnavailableError
from sealift.core.limits import OUTPUT_LINE_BYTES_MAX, PROCESS_GRACE_S, PROCESS_WATCH_S

_READ_BYTES: Final = 64 * 1024
_STAT_STATE: Final = 0  # of /proc/PID/stat, counted from after the name
_STAT_STARTED: Final = 19

_DEBIAN_PACKAGES: Final[Mapping[str, str]] = {
    "apt-ftparchive": "apt-utils",
    "apt-get": "apt",
    "bwrap": "bubblewrap",
    "cc": "gcc",
    "dpkg-deb": "dpkg",
    "dpkg-shlibdeps": "dpkg-dev",
    "dpkg-architecture": "dpkg-dev",
    "faketime": "faketime",
    "gcc": "gcc",
    "git": "git",
    "gpg": "gnupg",
    "gpgv": "gpgv",
    "make": "make",
    "mmdebstrap": "mmdebstrap",
    "openssl": "openssl",
    "python3": "python3",
    "ssh-keygen": "openssh-client",
    "tar": "tar",
    "xz": "xz-utils",
    "zstd": "zstd",
}


class SystemProcesses:
    """The port `Processes` on this machine."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._search_path = environment.get("PATH", os.defpath)
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._stopping = False

    def find(self, name: str) -> Path | None:
        """Return the absolute path of a program, looked up on the search path."""
        found = shutil.which(name, path=self._search_path)
        return Path(found).absolute() if found else None

    def run(self, command: Command) -> Completed:
        """Run to the end; kill the whole process group at the time limit or on interruption."""
        begun = time.monotonic()
        with ExitStack() as stack:
            process = self._start(command)
            stack.callback(_close_pipes, process)
            stack.enter_context(self._registered(process))
            run = _Run(command, process)
            try:
                timed_out = run.pump(deadline=begun + command.timeout_s)
            finally:
                # Also on KeyboardInterrupt: nothing of the group may go on.
                _end_group(process)
        if self._stopping:
            raise UnavailableError(
                fact=f"`{command.argv[0]}` was interrupted",
                hint="run the same command again; it goes on where it was",
            )
        return Completed(
            exit_code=process.returncode,
            stdout=bytes(run.stdout),
            stderr=bytes(run.stderr),
            timed_out=timed_out,
            truncated=run.truncated,
            duration_ms=int((time.monotonic() - begun) * 1000),
        )

    def mark(self, process_id: int) -> ProcessMark | None:
        """Identify a process of this machine; None when no such process is visible from here."""
        try:
            status = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            namespace = Path("/proc/self/ns/pid").readlink().as_posix()
        except OSError:
            return None
        # proc(5): the second field, the name in brackets, may hold spaces and brackets itself.
        fields = status.rpartition(")")[2].split()
        if fields[_STAT_STATE] in {"Z", "X"}:
            return None
        return ProcessMark(boot=boot, namespace=namespace, started=fields[_STAT_STARTED])

    def stop_all(self) -> None:
        """End every process that runs now, and start no other: the user interrupted."""
        with self._lock:
            self._stopping = True
            for group in self._running:
                _kill_group(group, signal.SIGKILL)

    def _start(self, command: Command) -> subprocess.Popen[bytes]:
        # The search path is ours, not the child's: what `find` shows is what runs.
        program = command.argv[0] if "/" in command.argv[0] else self.find(command.argv[0])
        if program is None:
            raise _missing(command.argv[0])
        folder = command.folder
        if folder is not None and not folder.is_dir():
            raise ConfigError(
                fact=f"folder `{folder}` to run `{command.argv[0]}` in does not exist",
                expected="a folder",
            )
        try:
            return subprocess.Popen(
                command.argv,
                executable=program,
                stdin=subprocess.PIPE if command.input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if command.on_line else subprocess.PIPE,
                env=dict(command.environment),
                cwd=folder,
                pass_fds=command.pass_fds,
                start_new_session=True,
                umask=command.umask,
            )
        except FileNotFoundError as error:
            raise _missing(command.argv[0]) from error
        except PermissionError as error:
            raise ConfigError(
                fact=f"`{program}` may not be run: {error.strerror}",
                expected="a program that this user may execute",
                hint=f"run `ls -l {program}`",
            ) from error

    @contextmanager
    def _registered(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        with self._lock:
            self._running.add(process.pid)
            if self._stopping:
                _kill_group(process.pid, signal.SIGKILL)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(process.pid)


class _Run:
    """The streams of one process, read and written without threads."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes]) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.truncated = False
        self._command = command
        self._process = process
        self._input = memoryview(command.input)
        self._line = bytearray()
        self._next_look = time.monotonic() + PROCESS_WATCH_S

    def pump(self, *, deadline: float) -> bool:
        """Move bytes until the process has ended; return whether the time limit ended it."""
        timed_out = False
        with selectors.DefaultSelector() as selector:
            exited = os.pidfd_open(self._process.pid)
            try:
                selector.register(exited, selectors.EVENT_READ, "exit")
                self._register(selector)
                # One key stays until the end: the process itself.
                while exited in selector.get_map():
                    remaining = deadline - time.monotonic()
                    if remaining <= 0:
                        timed_out = True
                        break
                    if self._should_end():
                        break
                    self._turn(selector, exited, timeout_s=min(remaining, PROCESS_WATCH_S))
                _end_group(self._process)
                if exited in selector.get_map():
                    selector.unregister(exited)
                self._drain(selector)
            finally:
                os.close(exited)
        self._flush_line()
        return timed_out

    def _should_end(self) -> bool:
        """Ask whoever watches, at most a few times a second however much the process says."""
        watch = self._command.should_end
        if watch is None or time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + PROCESS_WATCH_S
        return watch()

    def _register(self, selector: selectors.BaseSelector) -> None:
        streams: tuple[tuple[IO[bytes] | None, int, str], ...] = (
            (self._process.stdout, selectors.EVENT_READ, "stdout"),
            (self._process.stderr, selectors.EVENT_READ, "stderr"),
            (self._process.stdin, selectors.EVENT_WRITE, "stdin"),
        )
        for stream, events, name in streams:
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, events, name)

    def _turn(self, selector: selectors.BaseSelector, exited: int, *, timeout_s: float) -> None:
        for key, _ in selector.select(timeout_s):
            if key.data == "exit":
                selector.unregister(exited)
            elif key.data == "stdin":
                self._feed(selector, key)
            else:
                self._take(selector, key)

    def _drain(self, selector: selectors.BaseSelector) -> None:
        """Read what the ended group left in the pipes; stop waiting for who escaped with one."""
        until = time.monotonic() + PROCESS_GRACE_S
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            selector.unregister(stdin)
        while selector.get_map() and (remaining := until - time.monotonic()) > 0:
            for key, _ in selector.select(remaining):
                self._take(selector, key)

    def _feed(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        try:
            written = os.write(key.fd, self._input[:_READ_BYTES])
        except BlockingIOError:
            return
        except BrokenPipeError:
            # It does not read its input to the end; that is its right.
            written = len(self._input)
        self._input = self._input[written:]
        if not self._input:
            selector.unregister(key.fileobj)
            _close(self._process.stdin)

    def _take(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        try:
            data = os.read(key.fd, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            selector.unregister(key.fileobj)
            return
        kept = self.stdout if key.data == "stdout" else self.stderr
        room = self._command.output_bytes_max - len(self.stdout) - len(self.stderr)
        self.truncated = self.truncated or len(data) > room
        kept += data[: max(room, 0)]
        if self._command.on_line is not None:
            self._split_lines(data)

    def _split_lines(self, data: bytes) -> None:
        self._line += data
        *lines, rest = bytes(self._line).split(b"\n")
        for line in lines:
            self._emit(line)
        # A line without an end must not fill the memory.
        while len(rest) > OUTPUT_LINE_BYTES_MAX:
            self._emit(rest[:OUTPUT_LINE_BYTES_MAX])
            rest = rest[OUTPUT_LINE_BYTES_MAX:]
        self._line = bytearray(rest)

    def _flush_line(self) -> None:
        if self._line:
            self._emit(bytes(self._line))
            self._line.clear()

    def _emit(self, line: bytes) -> None:
        if self._command.on_line is not None:
            self._command.on_line(line)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a leader that still runs to end, then kill the group; reap the leader. Idempotent."""
    if process.returncode is not None:
        return
    # The leader is reaped last: until then its number cannot name another group.
    if not _has_ended(process, within_s=0):
        _kill_group(process.pid, signal.SIGTERM)
        _has_ended(process, within_s=PROCESS_GRACE_S)
    _kill_group(process.pid, signal.SIGKILL)
    process.wait()


def _has_ended(process: subprocess.Popen[bytes], *, within_s: float) -> bool:
    watched = os.pidfd_open(process.pid)
    try:
        return bool(select.select([watched], [], [], within_s)[0])
    finally:
        os.close(watched)


def _kill_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # Gone, or all that is left of it are zombies of another user.
        return


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        _close(stream)


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        stream.close()


def _missing(name: str) -> ConfigError:
    package = _DEBIAN_PACKAGES.get(Path(name).name)
    return ConfigError(
        fact=f"program `{name}` is not installed",
        expected="it on the search path",
        hint=f"run `apt-get install {package}`" if package else f"install `{name}`",
    )
