"""The world as it is. Named in `app/wiring.py` and the suites; all others take a `World`."""

import os
import pwd
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from sealift.base.edge.files import DurableFiles
from sealift.base.edge.port import Response, World
from sealift.base.edge.processes import SystemProcesses
from sealift.core.limits import HTTP_TIMEOUT_S

if TYPE_CHECKING:
    from sealift.base.edge.web import UrllibHttp

__all__ = [
    "DurableFiles",
    "SystemClock",
    "SystemEntropy",
    "SystemHttp",
    "SystemProcesses",
    "real_world",
]


class SystemClock:
    """This machine's time."""

    def now(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""
        return datetime.now(tz=UTC)

    def monotonic_s(self) -> float:
        """Return seconds that only go forward."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class SystemEntropy:
    """The kernel's random bytes."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes fit for keys."""
        return os.urandom(count)


class SystemHttp:
    """The port `Http`; loads the TLS and HTTP libraries (40 ms) with the first request only."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._http: UrllibHttp | None = None

    @contextmanager
    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = HTTP_TIMEOUT_S,
    ) -> Iterator[Response]:
        """Open `url`, following a bounded number of redirects."""
        with self._loaded().get(url, headers=headers, timeout_s=timeout_s) as response:
            yield response

    def _loaded(self) -> "UrllibHttp":
        from sealift.base.edge.web import UrllibHttp  # noqa: PLC0415 - 40 ms that most commands save

        with self._lock:
            if self._http is None:
                self._http = UrllibHttp(self._environment)
            return self._http


def real_world(environment: Mapping[str, str] | None = None) -> World:
    """Open the door: this machine, with its environment or the one given."""
    variables = MappingProxyType(dict(os.environ if environment is None else environment))
    system = os.uname()
    return World(
        clock=SystemClock(),
        entropy=SystemEntropy(),
        files=DurableFiles(),
        processes=SystemProcesses(variables),
        http=SystemHttp(variables),
        environment=variables,
        user=_user_name(),
        host=system.nodename,
        process_id=os.getpid(),
        machine=system.machine,
    )


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # A container may run as a number that nobody named.
        return str(os.getuid())
