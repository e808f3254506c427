"""Interrupt the command line while a stage runs: Ctrl-C, and `kill -9`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealift.base.edge.real import real_world
from sealift.base.flow.database import open_state
from sealift.base.flow.lease import Holder, Leases
from sealift.testing.release_ground import MANIFEST, VERSION, Ground, make_ground

WAIT_S = 30.0
# Longer than it takes to be found asleep; told apart from other sleepers by this process's number.
NAP = f"1.5{os.getpid()}"


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """Make a project whose test stage takes its time."""
    manifest = MANIFEST.replace("run = ['test ", f"run = ['sleep {NAP}', 'test ")
    assert manifest != MANIFEST
    return make_ground(tmp_path / "ground", at=datetime.now(tz=UTC), manifest=manifest)


def command(ground: Ground) -> list[str]:
    # A shell that put the test runner in the background lets its children ignore Ctrl-C.
    to_default = ("/usr/bin/env", "--default-signal=INT")
    folder = str(ground.checkout)
    return [*to_default, sys.executable, "-m", "sealift.cli.main", "release", "-C", folder]


@contextmanager
def releasing(ground: Ground) -> Iterator["subprocess.Popen[str]"]:
    """Start a release as the foreground group of a terminal; give it once a stage is asleep."""
    with subprocess.Popen(
        command(ground),
        env=dict(ground.environment),
        cwd=ground.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait_for(lambda: asleep() and process.poll() is None)
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(holds: Callable[[], object]) -> None:
    until_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.02)


def processes() -> Iterator[tuple[int, list[str], str]]:
    """Yield number, arguments and folder of every process that we may look at."""
    for place in Path("/proc").iterdir():
        if not place.name.isdecimal():
            continue
        with suppress(OSError):
            words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
            yield int(place.name), words, str((place / "cwd").readlink())


def asleep() -> list[int]:
    """Return the sleepers of our stage."""
    return [number for number, words, _ in processes() if words[:2] == ["sleep", NAP]]


def left_behind(ground: Ground) -> list[list[str]]:
    """Return every process that works for this ground: builders, sandboxes, signers."""
    ours = str(ground.folder)
    return [
        words
        for _, words, folder in processes()
        if folder.startswith(ours) or any(ours in word for word in words) or NAP in words
    ]


def work_folders(ground: Ground) -> list[str]:
    return [path.name for path in (ground.home / "scratch").glob("*/*")]


def holder(ground: Ground) -> Holder | None:
    world = real_world()
    engine = open_state(ground.checkout / ".sealift" / "state.db")
    try:
        return Leases(engine, world.clock, world.processes).holder("release")
    finally:
        engine.dispose()


def expect_finished(ground: Ground) -> None:
    """Give the same command again, and see it through."""
    again = subprocess.run(
        command(ground),
        env=dict(ground.environment),
        cwd=ground.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert again.returncode == 0, again.stderr
    assert f"lamp {VERSION} released" in again.stdout
    assert (ground.site / "current").readlink().as_posix() == "generations/2"
    assert left_behind(ground) == []
    assert work_folders(ground) == []


def test_ctrl_c_ends_everything_and_says_how_to_go_on(ground: Ground) -> None:
    with releasing(ground) as process:
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, stderr
    assert "interrupted; what was done is kept" in stderr
    assert "hint: run `sealift release` again to go on where it stopped" in stderr
    assert "Traceback" not in stderr
    assert left_behind(ground) == []
    assert work_folders(ground) == []
    assert holder(ground) is None
    assert not ground.site.exists()
    expect_finished(ground)


@pytest.mark.slow
def test_second_ctrl_c_while_the_first_is_heard_leaves_nothing_behind(ground: Ground) -> None:
    with releasing(ground) as process:
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode in {130, -signal.SIGINT}, stderr
    wait_for(lambda: not left_behind(ground))
    expect_finished(ground)


@pytest.mark.slow
def test_sandbox_and_signer_end_with_a_release_that_is_killed(ground: Ground) -> None:
    with releasing(ground) as process:
        process.kill()
        process.communicate(timeout=WAIT_S)
        wait_for(lambda: not left_behind(ground))
    assert process.returncode == -signal.SIGKILL
    # A killed process cannot clean up; the next one does.
    assert len(work_folders(ground)) == 1
    expect_finished(ground)
