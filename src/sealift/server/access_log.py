"""Who fetched what: one JSON line a request, on disk before the next request is answered.

`method`, `path` (decoded), `status`, `bytes` (of the body that was sent) and `user_agent`, and `at`
(RFC 3339, UTC) when a clock is given. The demo proves with it where installed bytes came from.
"""

import json
from pathlib import Path
from typing import BinaryIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sealift.base.edge.port import Clock
from sealift.core.codec import format_time


class AccessLog:
    """ASGI middleware that writes the log. Close it at the end."""

    def __init__(self, app: ASGIApp, *, path: Path | None, clock: Clock | None) -> None:
        self._app = app
        self._clock = clock
        self._stream: BinaryIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a line is there before the client can act on its answer's end.
            self._stream = path.open("ab", buffering=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note how it was answered."""
        status = 0
        sent_bytes = 0

        async def counted(message: Message) -> None:
            nonlocal status, sent_bytes
            last = False
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                sent_bytes += len(message.get("body", b""))
                last = not message.get("more_body", False)
            if last:
                self._write(scope, status, sent_bytes)
                status = -1
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            if status >= 0 and scope["type"] == "http":
                self._write(scope, status, sent_bytes)

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write(self, scope: Scope, status: int, sent_bytes: int) -> None:
        if self._stream is None:
            return
        agents = [value for name, value in scope["headers"] if name == b"user-agent"]
        line = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "bytes": sent_bytes,
            "user_agent": agents[0].decode("latin-1") if agents else "",
        }
        if self._clock is not None:
            line["at"] = format_time(self._clock.now())
        self._stream.write(json.dumps(line).encode() + b"\n")
