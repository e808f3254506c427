"""A machine that is busy, full or interrupted: nothing is half-published; the way on is said."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sealift.app.places import Checkout, Home
from sealift.app.releasing import ReleaseRequest, release
from sealift.app.wiring import House
from sealift.base.edge.real import real_world
from sealift.core.errors import UnavailableError
from sealift.core.progress import ProgressEvent
from sealift.testing.projects import OPENING_WORDS, Maintainer, tide_manifest
from sealift.testing.simulation import SimFiles

SEALIFT = Path(sys.executable).with_name("sealift")
WAITING_S = 60
SLOW = tide_manifest(('run = "./build.sh"', 'run = "echo begun; sleep 120; ./build.sh"'))


def environment_of(maintainer: Maintainer) -> dict[str, str]:
    path = f"{SEALIFT.parent}{os.pathsep}{os.environ['PATH']}"
    return {**maintainer.environment, "PATH": path}


@contextmanager
def release_that_waits(maintainer: Maintainer) -> Iterator[subprocess.Popen[bytes]]:
    """Start a release whose first stage takes long; yield it when that stage has begun."""
    maintainer.keep(SLOW)
    maintainer.tag("v1.0.0")
    said = maintainer.home.parent / "stderr"
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [SEALIFT, "release"],
            cwd=maintainer.folder,
            env=environment_of(maintainer),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        try:
            end = time.monotonic() + WAITING_S
            while b"build compile" not in said.read_bytes():
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < end, said.read_text()
                time.sleep(0.05)
            yield process
        finally:
            process.kill()
            process.communicate()


def test_a_second_release_is_told_who_holds_the_lock_and_ctrl_c_ends_the_first_cleanly(
    maintainer: Maintainer,
) -> None:
    with release_that_waits(maintainer) as first:
        refusal = maintainer.refused("release", exit_code=5)
        assert refusal.fact.startswith("`release` is locked by ")
        assert f", process {first.pid}, since " in refusal.fact
        assert refusal.hint.endswith(f": kill {first.pid}")
        assert maintainer.refused("release", "--snapshot", exit_code=5, once=True).fact.startswith(
            "`release` is locked by "
        )

        first.send_signal(signal.SIGINT)
        stdout, _ = first.communicate(timeout=WAITING_S)
    assert (first.returncode, stdout) == (130, b"")
    said = (maintainer.home.parent / "stderr").read_text()
    assert "interrupted; what was done is kept" in said
    assert said.endswith("\nhint: run `sealift release` again to go on where it stopped\n")
    assert "Traceback" not in said
    assert maintainer.generations() == ()

    # The lock went with its holder: the next one is stopped by something else.
    maintainer.passphrase.unlink()
    assert "passphrase" in maintainer.refused("release", exit_code=2, once=True).fact


SMALL_DISK = """
mkdir -p "$SEALIFT_HOME"
mount -t tmpfs -o size=$1 tmpfs "$SEALIFT_HOME"
cp -r "$2" "$SEALIFT_HOME/keys"
sealift release --json > ../first.stdout 2> ../first.stderr
echo $? > ../first.code
find "$SEALIFT_HOME/site" -name '*.tar.gz' > ../first.shown
mount -o remount,size=64m "$SEALIFT_HOME"
sealift release --json > ../second.stdout 2> ../second.stderr
echo $? > ../second.code
"""


@pytest.mark.parametrize(
    ("size", "run", "where"),
    [
        pytest.param("200k", "./build.sh", "", id="while it publishes"),
        pytest.param(
            "2m",
            "head -c 8000000 /dev/zero > $SEALIFT_OUT/big; rm $SEALIFT_OUT/big; ./build.sh",
            "stage `compile`",
            id="while a stage runs",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_full_disk_publishes_nothing_and_the_same_command_goes_on_when_there_is_room(
    maintainer: Maintainer, size: str, run: str, where: str
) -> None:
    maintainer.keep(tide_manifest(('run = "./build.sh"', f'run = "{run}"')))
    maintainer.tag("v1.0.0")
    talk = maintainer.home.parent
    subprocess.run(
        [
            # A disk of our own: root in a name space, whoever runs the tests.
            *("unshare", "--user", "--map-root-user", "--mount"),
            *("sh", "-euc", f"set +e; {SMALL_DISK}", "sh", size, maintainer.workshop.keys),
        ],
        cwd=maintainer.folder,
        env=environment_of(maintainer) | {"SEALIFT_HOME": str(talk / "disk")},
        stdin=subprocess.DEVNULL,
        check=True,
    )
    said = (talk / "first.stderr").read_text()
    assert (talk / "first.code").read_text() == "5\n", said
    error = json.loads((talk / "first.stdout").read_text())["error"]
    assert (error["code"], error["where"]) == ("unavailable", where)
    assert "the disk is full" in said or "no space is left" in said
    assert "hint: free some space" in said
    assert "Traceback" not in said
    assert (talk / "first.shown").read_text() == ""
    assert (talk / "second.code").read_text() == "0\n", (talk / "second.stderr").read_text()
    assert json.loads((talk / "second.stdout").read_text())["already"] is False


class FullAt:
    """A progress listener that fills the disk when a station speaks, a few writes later."""

    def __init__(self, files: SimFiles, *, subject: str, writes: int) -> None:
        self._files = files
        self._subject = subject
        self._writes = writes

    def __call__(self, event: ProgressEvent) -> None:
        if event.subject == self._subject and event.kind == "finished":
            self._files.disk.full_at = self._files.disk.writes + self._writes


@pytest.mark.parametrize(
    ("subject", "writes"),
    [
        pytest.param("source", 5, marks=pytest.mark.slow),
        pytest.param("statements", 2, marks=pytest.mark.slow),
        ("sbom.not-empty", 60),
    ],
)
def test_a_disk_that_fills_up_at_any_station_leaves_no_half_published_release(
    maintainer: Maintainer, subject: str, writes: int
) -> None:
    maintainer.keep(tide_manifest())
    maintainer.tag("v1.0.0")
    files = SimFiles(maintainer.home.parent)
    house = House(
        world=replace(real_world(environment_of(maintainer)), files=files),
        home=Home(folder=maintainer.home),
        checkout=Checkout(folder=maintainer.folder),
        progress=FullAt(files, subject=subject, writes=writes),
    )
    request = ReleaseRequest(advisories=None, passphrase=OPENING_WORDS.encode)
    with pytest.raises(UnavailableError, match="no space is left"):
        release(house, request)
    assert files.disk.full_at is not None
    assert maintainer.published() == {}

    files.disk.full_at = None
    ran = maintainer.run("release", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.data()["already"] is False
    assert maintainer.run("site", "status", "--json").data()["released"] == ["1.0.0"]
