"""Kill a process that runs a workflow, with SIGKILL, and run it again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_STEPS = ("open", "build", "publish")

# Each step writes a line when it begins; a step named in argv kills its own process there. "open"
# returns chance, as a release's time is: later runs must see the same.
_PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
from sealift.base.edge.real import real_world
from sealift.base.flow.drivers.dbos_flow import DbosFlow

folder, kill_in = Path(sys.argv[1]), sys.argv[2]

def step(name):
    def run(results):
        with (folder / "ran").open("a") as ran:
            ran.write(name + chr(10))
        if name == kill_in:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "open":
            return os.urandom(8).hex()
        return {"name": name, "opened": results["open"]}
    return run

flow = DbosFlow(folder / "flow.db", real_world())
names = ("open", "build", "publish")
outcome = flow.run(workflow_id="release", program=names, steps={n: step(n) for n in names})
flow.close()
print(json.dumps([dict(outcome.results), outcome.resumed]))
"""


def _start(folder: Path, *, kill_in: str = "") -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder), kill_in],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _finish(folder: Path, *, kill_in: str = "") -> tuple[int, bytes]:
    process = _start(folder, kill_in=kill_in)
    stdout, stderr = process.communicate(timeout=60)
    assert stderr == b""
    return process.returncode, stdout


def _ran(folder: Path) -> list[str]:
    path = folder / "ran"
    return path.read_text().split() if path.exists() else []


def test_workflow_that_was_killed_in_a_step_goes_on_with_that_step(tmp_path: Path) -> None:
    assert _finish(tmp_path, kill_in="build")[0] == -signal.SIGKILL
    assert _ran(tmp_path) == ["open", "build"]
    code, output = _finish(tmp_path)
    assert code == 0
    results, resumed = json.loads(output)
    assert resumed
    assert _ran(tmp_path) == ["open", "build", "build", "publish"]
    assert results["build"] == {"name": "build", "opened": results["open"]}
    assert results["publish"] == {"name": "publish", "opened": results["open"]}


@pytest.mark.slow
def test_workflow_survives_a_kill_in_every_step_in_turn(tmp_path: Path) -> None:
    for step in _STEPS:
        assert _finish(tmp_path, kill_in=step)[0] == -signal.SIGKILL
    code, output = _finish(tmp_path)
    assert code == 0
    results, _ = json.loads(output)
    assert results["publish"]["opened"] == results["open"]
    assert _ran(tmp_path) == ["open", "open", "build", "build", "publish", "publish"]
    assert _finish(tmp_path) == (0, output)
    assert len(_ran(tmp_path)) == 6


@pytest.mark.slow
def test_workflow_survives_kills_at_any_moment(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEALIFT_SEED", "1"))
    for attempt in range(12):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        delay_s = 0.9 + ((seed * 31 + attempt * 7) % 12) / 20
        process = _start(folder)
        time.sleep(delay_s)
        process.kill()
        process.communicate()
        code, output = _finish(folder)
        assert code == 0, f"SEALIFT_SEED={seed}, killed after {delay_s} s"
        results, _ = json.loads(output)
        assert results["publish"]["opened"] == results["open"]
        # At least once each, in order, and none again once a later one has begun.
        ran = _ran(folder)
        assert [name for name in _STEPS if name in ran] == list(_STEPS)
        assert ran == sorted(ran, key=_STEPS.index)
        assert all(ran.count(name) <= 2 for name in _STEPS)
