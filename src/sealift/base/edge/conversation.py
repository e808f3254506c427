"""Processes that are talked with over pipes, line by line.

The signing process lives behind this: a program that outlives one question, sees nothing of the
caller's environment, and ends when its input closes, even if the caller was killed.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Final

from sealift.base.edge.port import Command, Conversation
from sealift.core.errors import ConfigError, DriverError
from sealift.core.limits import KIB

_CHUNK_BYTES: Final = 64 * KIB
_ERROR_BYTES_MAX: Final = 16 * KIB
_FAREWELL_S: Final = 5.0


class SystemConversation:
    """A conversation with a real process."""

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        self._process = process
        self._name = name
        self._lock = threading.Lock()
        self._errors = b""
        self._input, self._output, self._error_output = _pipes(process)
        for stream in (self._input, self._output, self._error_output):
            os.set_blocking(stream.fileno(), False)

    @property
    def process_id(self) -> int:
        """The process's id."""
        return self._process.pid

    def ask(self, line: bytes, *, timeout_s: float, answer_bytes_max: int) -> bytes:
        """Send `line` and return the line answered; see `Conversation.ask`."""
        if b"\n" in line:
            raise ValueError("a question is one line")
        with self._lock:
            if self._input.closed:
                raise self._ended()
            try:
                return self._exchange(line + b"\n", timeout_s, answer_bytes_max)
            except DriverError:
                # What it would say next belongs to a question that nobody waits for any more.
                self._end(patience_s=0)
                raise

    def close(self) -> None:
        """Close its input and wait for its end; idempotent."""
        with self._lock:
            self._end(patience_s=_FAREWELL_S)

    def _exchange(self, question: bytes, timeout_s: float, answer_bytes_max: int) -> bytes:
        deadline_s = time.monotonic() + timeout_s
        rest = memoryview(question)
        answer = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._input, selectors.EVENT_WRITE)
            selector.register(self._output, selectors.EVENT_READ)
            selector.register(self._error_output, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                events = selector.select(max(0.0, deadline_s - time.monotonic()))
                if not events:
                    raise DriverError(
                        fact=f"{self._name} gave no answer", expected=f"one within {timeout_s:g} s"
                    )
                for key, _ in events:
                    if key.fileobj is self._input:
                        rest = self._write(rest)
                        if not rest:
                            selector.unregister(self._input)
                    elif key.fileobj is self._output:
                        answer += self._read()
                    elif not self._read_errors():
                        selector.unregister(self._error_output)
                if len(answer) > answer_bytes_max:
                    raise DriverError(
                        fact=f"{self._name} answered {len(answer)} bytes and more",
                        expected=f"at most {answer_bytes_max}",
                    )
        if b"\n" in answer[:-1]:
            raise DriverError(fact=f"{self._name} answered twice", expected="one line a question")
        return bytes(answer[:-1])

    def _write(self, rest: memoryview) -> memoryview:
        try:
            return rest[os.write(self._input.fileno(), rest[:_CHUNK_BYTES]) :]
        except BrokenPipeError as error:
            raise self._ended() from error

    def _read(self) -> bytes:
        chunk = os.read(self._output.fileno(), _CHUNK_BYTES)
        if not chunk:
            raise self._ended()
        return chunk

    def _read_errors(self) -> bytes:
        chunk = os.read(self._error_output.fileno(), _CHUNK_BYTES)
        self._errors = (self._errors + chunk)[-_ERROR_BYTES_MAX:]
        return chunk

    def _ended(self) -> DriverError:
        with contextlib.suppress(BlockingIOError, ValueError):
            self._read_errors()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_FAREWELL_S)
        code = self._process.poll()
        how = "closed its output" if code is None else f"ended with {code}"
        return DriverError(
            fact=f"{self._name} {how} in the middle of a conversation",
            log=self._errors.decode(errors="replace"),
        )

    def _end(self, *, patience_s: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if patience_s:
                self._process.wait(patience_s)
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._output.close()
        self._error_output.close()


class SystemConversations:
    """Start real processes to talk with."""

    def start(self, command: Command) -> Conversation:
        """Start the program; see `Conversations.start`."""
        try:
            # Not a context manager: the process outlives this call, `close` ends it.
            process = subprocess.Popen(
                command.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(command.environment),
                cwd=command.folder,
                umask=command.umask,
                pass_fds=command.pass_fds,
                bufsize=0,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise ConfigError(
                fact=f"program `{command.argv[0]}` was not found", hint="sealift doctor"
            ) from error
        return SystemConversation(process, Path(command.argv[0]).name)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ValueError("a conversation needs three pipes")
    return process.stdin, process.stdout, process.stderr
