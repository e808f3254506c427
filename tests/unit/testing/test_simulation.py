from datetime import timedelta
from pathlib import Path

import pytest

from sealift.base.edge.port import Command, World
from sealift.core.errors import ConfigError, UnavailableError
from sealift.testing.simulation import (
    SIM_START,
    SimClock,
    SimEntropy,
    SimHttp,
    SimPage,
    SimProcesses,
    completed,
    sim_world,
)


def test_clock_moves_only_when_told() -> None:
    clock = SimClock()
    assert clock.now() == clock.now() == SIM_START
    clock.sleep(60)
    clock.advance(1.5)
    assert clock.now() - SIM_START == timedelta(seconds=61.5)
    assert clock.monotonic_s() == 61.5


def test_entropy_is_the_same_for_a_seed_and_another_for_the_next() -> None:
    first, again, other = SimEntropy(1), SimEntropy(1), SimEntropy(2)
    drawn = [first.token_bytes(16), first.token_bytes(40)]
    assert drawn == [again.token_bytes(16), again.token_bytes(40)]
    assert drawn[0] != drawn[1][:16]
    assert other.token_bytes(16) != drawn[0]


def test_longest_matching_script_answers() -> None:
    processes = SimProcesses(
        [
            (("git",), completed(exit_code=1)),
            (("git", "rev-parse"), completed(b"abc\n")),
            (("cat",), lambda command: completed(command.input)),
        ]
    )
    lines: list[bytes] = []
    assert processes.run(Command(argv=("git", "status"))).exit_code == 1
    done = processes.run(Command(argv=("git", "rev-parse", "HEAD"), on_line=lines.append))
    assert (done.stdout, lines) == (b"abc\n", [b"abc"])
    assert processes.run(Command(argv=("cat",), input=b"echo")).stdout == b"echo"
    assert [command.argv[0] for command in processes.commands] == ["git", "git", "cat"]
    assert processes.find("git") is not None
    assert processes.find("bwrap") is None
    with pytest.raises(ConfigError, match="not installed"):
        processes.run(Command(argv=("bwrap",)))
    processes.stop_all()
    with pytest.raises(UnavailableError, match="interrupted"):
        processes.run(Command(argv=("cat",)))


def _get(http: SimHttp, url: str) -> tuple[int, bytes]:
    with http.get(url) as response:
        return response.status, b"".join(response.chunks)


def test_web_answers_cuts_and_corrupts_as_told() -> None:
    body = bytes(3000)
    http = SimHttp(
        {
            "http://index/whole": SimPage(body=body),
            "http://index/flipped": SimPage(body=body, flipped=2999),
            "http://index/cut": SimPage(body=body, cut_after=1500),
        }
    )
    assert _get(http, "http://index/whole") == (200, body)
    assert _get(http, "http://index/flipped")[1] == body[:-1] + b"\x01"
    assert _get(http, "http://index/nowhere")[0] == 404
    with http.get("http://index/cut") as response:
        assert len(next(response.chunks)) == 1024
        assert len(next(response.chunks)) == 476
        with pytest.raises(UnavailableError):
            next(response.chunks)
    http.unreachable.add("index")
    with pytest.raises(UnavailableError):
        _get(http, "http://index/whole")
    assert len(http.requests) == 5


def test_simulated_world_is_a_world(tmp_path: Path) -> None:
    world: World = sim_world(7, tmp_path)
    assert world.processes.mark(world.process_id) is not None
    world.files.write_durably(tmp_path / "file", b"bytes")
    assert (tmp_path / "file").read_bytes() == b"bytes"
