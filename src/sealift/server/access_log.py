"""Who fetched what: one JSON line a request, on disk before the next request is answered.

`method`, `path` (decoded), `status`, `bytes` (of the body that was sent) and `user_agent`, and `at`
(RFC 3339, UTC) when a clock is given. The demo proves with it where installed bytes came from.
"""

import json
from http import HTTPStatus
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
        answer = _Answer(bodyless=scope.get("method") == "HEAD")

        async def counted(message: Message) -> None:
            if answer.ends_with(message):
                # Before the last byte leaves: with it the client holds the whole answer.
                self._write(scope, answer)
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            if scope["type"] == "http" and not answer.written:
                self._write(scope, answer)

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write(self, scope: Scope, answer: "_Answer") -> None:
        answer.written = True
        if self._stream is None:
            return
        agents = [value for name, value in scope["headers"] if name == b"user-agent"]
        line = {
            "method": scope["method"],
            "path": scope["path"],
            "status": answer.status,
            "bytes": answer.sent_bytes,
            "user_agent": agents[0].decode("latin-1") if agents else "",
        }
        if self._clock is not None:
            line["at"] = format_time(self._clock.now())
        self._stream.write(json.dumps(line).encode() + b"\n")


class _Answer:
    """How far one answer has gone. `status` 0: nothing was sent."""

    def __init__(self, *, bodyless: bool) -> None:
        self.status = 0
        self.sent_bytes = 0
        self.written = False
        self._bodyless = bodyless
        self._promised_bytes: int | None = None

    def ends_with(self, message: Message) -> bool:
        """Count `message`; tell whether the client has its whole answer with it, once."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            lengths = [value for name, value in message["headers"] if name == b"content-length"]
            self._promised_bytes = int(lengths[0]) if lengths else None
            ended = self._bodyless or self.status == HTTPStatus.NOT_MODIFIED
        elif message["type"] == "http.response.body":
            self.sent_bytes += len(message.get("body", b""))
            ended = not message.get("more_body", False)
        else:
            return False
        if self._promised_bytes is not None and self.sent_bytes >= self._promised_bytes:
            ended = True
        return ended and not self.written
