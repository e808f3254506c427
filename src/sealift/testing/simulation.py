"""The world simulated: each port of `base/edge` as a class that a seed replays.

world = sim_world(7, tmp_path)
world.files.disk.crash_at = 12
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sealift.base.edge.files import DurableFiles
from sealift.base.edge.port import Command, Completed, ProcessMark, Response, World
from sealift.core.errors import ConfigError, UnavailableError
from sealift.core.limits import HTTP_TIMEOUT_S
from sealift.testing.chance import Chance
from sealift.testing.disk import SimDisk

SIM_START: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_CHUNK_BYTES: Final = 1024


class SimClock:
    """A clock that moves only when told, or when somebody sleeps."""

    def __init__(self, at: datetime = SIM_START) -> None:
        self._at = at
        self._passed_s = 0.0

    def now(self) -> datetime:
        """Return the simulated time."""
        return self._at + timedelta(seconds=self._passed_s)

    def monotonic_s(self) -> float:
        """Return the seconds that passed since the start."""
        return self._passed_s

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self._passed_s += seconds

    def advance(self, seconds: float) -> None:
        """Let time pass, as a story tells it."""
        self._passed_s += seconds


class SimEntropy:
    """Bytes that a seed decides. Never for keys that anybody relies on."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = Chance(seed)

    def token_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        return self._chance.token_bytes(count)


class SimFiles(DurableFiles):
    """The real algorithms for durable writes over a disk that crashes. See `disk`."""

    def __init__(self, root: Path, *, seed: int = 0) -> None:
        chance = Chance(seed)
        self.disk = SimDisk(root, seed=seed)
        super().__init__(self.disk, token=lambda count: chance.token_bytes(count).hex())

    def recover(self) -> None:
        """Reboot after a crash: lose what was not synced, then work again."""
        self.disk.recover()


SimAnswer = Completed | Callable[[Command], Completed]


def completed(stdout: bytes = b"", *, stderr: bytes = b"", exit_code: int = 0) -> Completed:
    """Build the end of a process."""
    return Completed(
        exit_code=exit_code,
        stdout=stdout,
        stderr=stderr,
        timed_out=False,
        truncated=False,
        duration_ms=0,
    )


class SimProcesses:
    """Scripted programs: the answer whose argv prefix is the longest match is given.

    `commands` lists what was run; `marks` are the processes that live.
    """

    def __init__(self, answers: Sequence[tuple[tuple[str, ...], SimAnswer]] = ()) -> None:
        self.answers = list(answers)
        self.commands: list[Command] = []
        self.marks: dict[int, ProcessMark] = {}
        self._stopped = False

    def find(self, name: str) -> Path | None:
        """Return a path for each program that has an answer."""
        known = {Path(prefix[0]).name for prefix, _ in self.answers if prefix}
        return Path("/usr/bin", name) if name in known else None

    def run(self, command: Command) -> Completed:
        """Give the scripted answer; ConfigError when there is none."""
        if self._stopped:
            raise UnavailableError(fact=f"`{command.argv[0]}` was interrupted")
        self.commands.append(command)
        matching = [
            (len(prefix), answer)
            for prefix, answer in self.answers
            if command.argv[: len(prefix)] == prefix
        ]
        if not matching:
            raise ConfigError(
                fact=f"program `{command.argv[0]}` is not installed", expected="a scripted answer"
            )
        answer = max(matching, key=lambda pair: pair[0])[1]
        result = answer if isinstance(answer, Completed) else answer(command)
        if command.on_line is not None:
            for line in result.stdout.splitlines():
                command.on_line(line)
        return result

    def mark(self, process_id: int) -> ProcessMark | None:
        """Return the mark that the story gave this process."""
        return self.marks.get(process_id)

    def stop_all(self) -> None:
        """Refuse every later run."""
        self._stopped = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SimPage:
    """What a server answers. `cut_after` bytes the connection breaks; byte `flipped` is wrong."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    flipped: int | None = None


class SimHttp:
    """A web in a dictionary. An address that it lacks answers 404; `requests` lists what was got.

    Hosts in `unreachable` cannot be reached at all.
    """

    def __init__(self, pages: Mapping[str, SimPage] | None = None) -> None:
        self.pages: dict[str, SimPage] = dict(pages or {})
        self.unreachable: set[str] = set()
        self.requests: list[str] = []

    @contextmanager
    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = HTTP_TIMEOUT_S,
    ) -> Iterator[Response]:
        """Answer from the dictionary."""
        del headers, timeout_s
        self.requests.append(url)
        if any(f"//{host}/" in url for host in self.unreachable):
            raise UnavailableError(fact=f"cannot fetch `{url}`: no route to host")
        page = self.pages.get(url, SimPage(status=404, body=b"not found"))
        announced = {"content-length": str(len(page.body)), **page.headers}
        yield Response(status=page.status, url=url, headers=announced, chunks=_chunks(url, page))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimWorld(World):
    """A `World` whose ports are simulators, typed as such for the tests that steer them."""

    clock: SimClock
    entropy: SimEntropy
    files: SimFiles
    processes: SimProcesses
    http: SimHttp


def sim_world(seed: int, root: Path) -> SimWorld:
    """Build a simulated world whose disk is the folder `root`."""
    world = SimWorld(
        clock=SimClock(),
        entropy=SimEntropy(seed),
        files=SimFiles(root, seed=seed),
        processes=SimProcesses(),
        http=SimHttp(),
        environment={"PATH": "/usr/bin:/bin"},
        user="maintainer",
        host="workshop",
        process_id=4242,
        machine="x86_64",
    )
    world.processes.marks[world.process_id] = ProcessMark(boot="1", namespace="1", started="1")
    return world


def _chunks(url: str, page: SimPage) -> Iterator[bytes]:
    body = bytearray(page.body)
    if page.flipped is not None:
        body[page.flipped] ^= 1
    end = len(body) if page.cut_after is None else page.cut_after
    for start in range(0, end, _CHUNK_BYTES):
        yield bytes(body[start : min(start + _CHUNK_BYTES, end)])
    if page.cut_after is not None:
        raise UnavailableError(fact=f"`{url}` ended after {end} bytes")
