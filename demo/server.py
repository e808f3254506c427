"""`sealift serve` in a process of its own, for as long as a block lasts."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.screen import DemoFailed

START_TIMEOUT_S = 20


class Server:
    """The published trees over loopback HTTP, with an access log."""

    def __init__(self, sealift: Path, sites: Path, port: int, access_log: Path) -> None:
        self._command = [
            str(sealift),
            "serve",
            "--sites",
            str(sites),
            "--port",
            str(free_port(port)),
            "--access-log",
            str(access_log),
        ]
        self.url = f"http://127.0.0.1:{self._command[5]}"
        self._log = access_log.with_suffix(".server.log")
        sites.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=dict(os.environ),
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                urllib.request.urlopen(self.url, timeout=1).close()  # noqa: S310 - loopback
            except urllib.error.HTTPError as answer:
                answer.close()
                return self
            except OSError:
                time.sleep(0.1)
            else:
                return self
        self._process.kill()
        raise DemoFailed(f"`sealift serve` did not start: {self._log.read_text()[-2000:]}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=START_TIMEOUT_S)


def free_port(preferred: int) -> int:
    """Return the preferred port if it is free (a stable address keeps commits stable), else any."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise DemoFailed("no free port on loopback")
