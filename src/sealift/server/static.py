"""`sealift serve`: the published trees over HTTP, as any web server would serve them.

`/PROJECT/…` answers from the generation that PROJECT's `current` names. GET and HEAD, one byte
range, entity tags, and cache headers that tell what never changes from what must be asked for
again. Clients trust keys, not this server: it holds none (DESIGN.md, law 7).
"""

import hashlib
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Final

import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from sealift.base.edge.port import Clock
from sealift.core.errors import UnavailableError
from sealift.core.limits import KIB
from sealift.server.access_log import AccessLog
from sealift.server.tree_files import Moved, ServedFile, find_file

_CHUNK_BYTES: Final = 256 * KIB
_RANGE: Final = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})\Z")
_STOP_GRACE_S: Final = 5
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """A part of a file, both ends included."""

    first: int
    last: int


def parse_range(header: str, *, size_bytes: int) -> ByteRange | None:
    """Return the one range that `header` asks for, None to send everything.

    Several ranges and malformed headers are ignored, as RFC 9110 section 14.2 allows. Raises
    ValueError when the range lies outside of the file (status 416).
    """
    match = _RANGE.match(header.replace(" ", ""))
    if not match or (not match["first"] and not match["last"]):
        return None
    if not match["first"]:
        count = min(int(match["last"]), size_bytes)
        if count == 0:
            raise ValueError("an empty range")
        return ByteRange(first=size_bytes - count, last=size_bytes - 1)
    first = int(match["first"])
    last = min(int(match["last"]), size_bytes - 1) if match["last"] else size_bytes - 1
    if match["last"] and int(match["last"]) < first:
        return None
    if first >= size_bytes:
        raise ValueError("a range behind the end")
    return ByteRange(first=first, last=last)


def make_app(sites: Path) -> Starlette:
    """Return the ASGI application that serves the trees below `sites`."""

    async def answer(request: Request) -> Response:
        accept = ",".join(request.headers.getlist("accept"))
        found = await to_thread.run_sync(
            lambda: find_file(sites, request.scope["path"], accept=accept)
        )
        if found is None:
            return PlainTextResponse("not found\n", status_code=404)
        if isinstance(found, Moved):
            return Response(status_code=308, headers={"location": found.location})
        return await _respond(found, request)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "HEAD"])])


async def _respond(found: ServedFile, request: Request) -> Response:
    """Answer with the file, a part of it, or that the client has it already. Closes the file."""
    small: bytes | None = None
    if found.size_bytes <= _CHUNK_BYTES:
        with found.stream:
            small = await to_thread.run_sync(found.stream.read, found.size_bytes)
    headers = _headers(found, small)
    if _matches(request.headers.get("if-none-match", ""), headers["etag"]):
        found.stream.close()
        return Response(status_code=304, headers=headers)
    wanted: ByteRange | None = None
    same = request.headers.get("if-range", headers["etag"]) == headers["etag"]
    if request.method == "GET" and same:
        try:
            wanted = parse_range(request.headers.get("range", ""), size_bytes=found.size_bytes)
        except ValueError:
            found.stream.close()
            headers["content-range"] = f"bytes */{found.size_bytes}"
            return Response(status_code=416, headers=headers)
    status = 200
    first, count = 0, found.size_bytes
    if wanted is not None:
        status = 206
        first, count = wanted.first, wanted.last - wanted.first + 1
        headers["content-range"] = f"bytes {wanted.first}-{wanted.last}/{found.size_bytes}"
    headers["content-length"] = str(count)
    if request.method == "HEAD":
        found.stream.close()
        return Response(status_code=status, headers=headers)
    if small is not None:
        return Response(small[first : first + count], status_code=status, headers=headers)
    return StreamingResponse(_chunks(found, first, count), status_code=status, headers=headers)


async def _chunks(found: ServedFile, first: int, count: int) -> AsyncIterator[bytes]:
    with found.stream as stream:
        stream.seek(first)
        while count > 0:
            chunk = await to_thread.run_sync(stream.read, min(count, _CHUNK_BYTES))
            if not chunk:
                # The promised length cannot be kept: a cut connection is the honest answer.
                raise UnavailableError(fact="a served file became shorter")
            count -= len(chunk)
            yield chunk


def _headers(found: ServedFile, content: bytes | None) -> dict[str, str]:
    tag = found.digest
    if not tag and content is not None:
        tag = hashlib.sha256(content).hexdigest()[:32]
    headers = {
        "content-type": found.content_type,
        "cache-control": found.cache_control,
        "accept-ranges": "bytes",
        "etag": f'"{tag or _stat_tag(found)}"',
        "x-content-type-options": "nosniff",
    }
    if found.varies:
        headers["vary"] = found.varies
    return headers


def _stat_tag(found: ServedFile) -> str:
    """Name a large file by what its place on disk says, without reading all of it."""
    status = os.fstat(found.stream.fileno())
    return f"{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ino:x}"


def _matches(header: str, tag: str) -> bool:
    # RFC 9110, 13.1.2: weak comparison, `*` matches whatever is there.
    tags = {one.strip().removeprefix("W/") for one in header.split(",")}
    return tag in tags or "*" in tags


class StaticServer:
    """The server as an object: `run` blocks until `stop` or a signal, then closes cleanly."""

    def __init__(
        self,
        sites: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        access_log: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._log = AccessLog(make_app(sites), path=access_log, clock=clock)
        self._server = _QuietServer(
            uvicorn.Config(
                self._log,
                http="h11",
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_STOP_GRACE_S,
            )
        )

    def run(self, ready: Callable[[int], None]) -> None:
        """Serve; call `ready` with the port once connections are answered."""
        self._server.ready = lambda: ready(self.port)
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self._log.close()

    def stop(self) -> None:
        """Ask the server to end; safe from another thread, idempotent."""
        self._server.should_exit = True


class _QuietServer(uvicorn.Server):
    """Tells when it is ready, and takes a signal as a wish to end, not as a way to die."""

    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if not self.should_exit:
            self.ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if current_thread() is not main_thread():
            yield
            return
        before = {one: signal.signal(one, self._end) for one in _SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        del frame
        # A second Ctrl-C does not wait for open downloads.
        self.force_exit = self.should_exit and number == signal.SIGINT
        self.should_exit = True


def serve(
    sites: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    access_log: Path | None = None,
    ready: Callable[[int], None],
    clock: Clock | None = None,
) -> None:
    """Serve the trees below `sites` until SIGINT or SIGTERM; port 0 takes a free one.

    Raises UnavailableError when the address is taken.
    """
    StaticServer(sites, host=host, port=port, access_log=access_log, clock=clock).run(ready)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise UnavailableError(
            fact=f"cannot listen on {host}:{port}: {error.strerror or error}",
            expected="a free port",
            hint="sealift serve --port 0",
        ) from error
    return listening
