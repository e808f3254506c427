"""A release in a process that can be told where to die.

    python -m sealift.testing.release_harness FOLDER --at TIME --kill publish:after

It is `sealift release` but for its world: the clock stands still, chance comes from a seed, and the
process kills itself with SIGKILL where the arguments say: around a durable step (`before` it runs,
`after` it ran and before that is journalled, once it is `journalled`), or before the Nth operation
on the disk within a step (`--kill publish:17`). It prints as JSON which steps
ran (the others were in the journal), and how many operations each took.
"""

import argparse
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Event, Lock, Thread
from typing import BinaryIO, Final, Self

from dbos import DBOS

from sealift.app.places import Checkout, Home
from sealift.app.releasing import ReleaseRequest, release
from sealift.app.wiring import House
from sealift.base.edge.disk import SystemDisk
from sealift.base.edge.port import World
from sealift.base.edge.real import DurableFiles, SystemClock, real_world
from sealift.base.flow.port import Flow, FlowOutcome, StepFunction
from sealift.core.codec import Json, to_json
from sealift.core.errors import SealiftError
from sealift.testing.chance import Chance

BEFORE: Final = "before"
AFTER: Final = "after"
JOURNALLED: Final = "journalled"
MOMENTS: Final = (BEFORE, AFTER, JOURNALLED)
_POLL_S: Final = 0.001


class SteadyClock:
    """A calendar that stands still beside a stopwatch that runs: waiting is real."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._real = SystemClock()

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._at

    def monotonic_s(self) -> float:
        """Return seconds that only go forward."""
        return self._real.monotonic_s()

    def sleep(self, seconds: float) -> None:
        """Wait, really."""
        self._real.sleep(seconds)


class SeededEntropy:
    """Bytes that a seed decides, for several threads. Never for keys that anybody relies on."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._lock = Lock()

    def token_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        with self._lock:
            return self._chance.token_bytes(count)


def steady_world(environment: Mapping[str, str], *, at: datetime, seed: int) -> World:
    """Return the real world but for its clock and its chance."""
    return replace(real_world(environment), clock=SteadyClock(at), entropy=SeededEntropy(seed))


def die() -> None:
    """End this process as a power cut would: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Where to die: around `step` at a moment, or before its disk operation `operation`."""

    step: str
    moment: str = ""
    operation: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `STEP:MOMENT` or `STEP:NUMBER`; raise ValueError otherwise."""
        step, _, when = text.partition(":")
        if when.isdecimal():
            return cls(step=step, operation=int(when))
        if when not in MOMENTS:
            raise ValueError(f"`{text}`: expected STEP:NUMBER or STEP: and one of {MOMENTS}")
        return cls(step=step, moment=when)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What the harness tells: the steps that this process ran, and their operations on the disk."""

    ran: tuple[str, ...]
    operations: Mapping[str, int]
    already: bool


class CountingDisk(SystemDisk):
    """This machine's disk; counts operations by step, and dies before the one that was named."""

    def __init__(self, kill: Kill | None) -> None:
        self.operations: Counter[str] = Counter()
        self._kill = kill
        self._step = ""
        self._lock = Lock()

    def enter(self, step: str) -> None:
        """Count for this step from now on; for none when it is empty."""
        self._step = step

    def _count(self) -> None:
        with self._lock:
            self.operations[self._step] += 1
            kill = self._kill
            if kill and kill.step == self._step and kill.operation == self.operations[kill.step]:
                die()

    def create(self, path: Path, *, mode: int) -> BinaryIO:
        """Create a new file."""
        self._count()
        return super().create(path, mode=mode)

    def sync_files(self, paths: Sequence[Path]) -> None:
        """Make the data of these files durable."""
        self._count()
        super().sync_files(paths)

    def sync_folder(self, folder: Path) -> None:
        """Make the entries of `folder` durable."""
        self._count()
        super().sync_folder(folder)

    def set_mode(self, path: Path, mode: int) -> None:
        """Change the permissions of a file."""
        self._count()
        super().set_mode(path, mode)

    def rename(self, source: Path, target: Path) -> None:
        """Rename in one step."""
        self._count()
        super().rename(source, target)

    def link(self, source: Path, target: Path) -> bool:
        """Make a hard link."""
        self._count()
        return super().link(source, target)

    def copy(self, source: Path, target: Path) -> None:
        """Copy to a new file."""
        self._count()
        super().copy(source, target)

    def symlink(self, target: str, link: Path) -> None:
        """Make a symlink."""
        self._count()
        super().symlink(target, link)

    def make_folder(self, folder: Path) -> None:
        """Make one folder."""
        self._count()
        super().make_folder(folder)

    def unlink(self, path: Path) -> None:
        """Remove a file or symlink."""
        self._count()
        super().unlink(path)

    def remove_tree(self, folder: Path) -> None:
        """Remove a folder and everything below it."""
        self._count()
        super().remove_tree(folder)


class KillingFlow:
    """A flow whose process dies where the story says. `disk` is told which step runs.

    `ran` names the steps that this process ran, in order.
    """

    def __init__(self, flow: Flow, *, kill: Kill | None, disk: CountingDisk) -> None:
        self._flow = flow
        self._kill = kill
        self._disk = disk
        self.ran: list[str] = []

    def run(
        self, *, workflow_id: str, program: Sequence[str], steps: Mapping[str, StepFunction]
    ) -> FlowOutcome:
        """Run the program, unless the process dies before its end."""
        deadly = {name: self._deadly(workflow_id, name, run) for name, run in steps.items()}
        outcome = self._flow.run(workflow_id=workflow_id, program=program, steps=deadly)
        # After the last step nothing else asks for more: wait here for what watches the journal.
        if self._kill and self._kill.moment == JOURNALLED and self._kill.step == program[-1]:
            Event().wait()
        return outcome

    def close(self) -> None:
        """Release the database; idempotent."""
        self._flow.close()

    def _deadly(self, workflow_id: str, name: str, run: StepFunction) -> StepFunction:
        moment = self._kill.moment if self._kill and self._kill.step == name else ""

        def deadly(results: Mapping[str, Json]) -> Json:
            if moment == BEFORE:
                die()
            self.ran.append(name)
            self._disk.enter(name)
            result = run(results)
            self._disk.enter("")
            if moment == AFTER:
                die()
            if moment == JOURNALLED:
                Thread(target=_die_once_journalled, args=(workflow_id, name), daemon=True).start()
            return result

        return deadly


def _die_once_journalled(workflow_id: str, step: str) -> None:
    """Watch the journal from a thread, and die as soon as it holds the step."""
    clock = SystemClock()
    while True:
        journalled = DBOS.list_workflow_steps(workflow_id, load_output=False)
        if any(one["function_name"] == step for one in journalled):
            die()
        clock.sleep(_POLL_S)


class HarnessHouse(House):
    """A house whose flow kills."""

    def __init__(self, *, world: World, folder: Path, kill: Kill | None) -> None:
        self._kill = kill
        self.disk = CountingDisk(kill)
        self.ran: list[str] = []
        super().__init__(
            world=replace(world, files=DurableFiles(self.disk)),
            home=Home.of(world.environment),
            checkout=Checkout(folder=folder),
        )

    def open_flow(self) -> Flow:
        """Open the durable flow."""
        flow = KillingFlow(super().open_flow(), kill=self._kill, disk=self.disk)
        self.ran = flow.ran
        return flow


def main(arguments: Sequence[str] | None = None) -> int:
    """Release; return the exit code that `sealift release` has."""
    parser = argparse.ArgumentParser(prog="release_harness")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--at", type=datetime.fromisoformat, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kill", type=Kill.parse)
    given = parser.parse_args(arguments)
    real = real_world()
    passphrase = Path(real.environment["SEALIFT_PASSPHRASE_FILE"])
    house = HarnessHouse(
        world=steady_world(real.environment, at=given.at, seed=given.seed),
        folder=given.folder.absolute(),
        kill=given.kill,
    )
    request = ReleaseRequest(advisories=None, passphrase=passphrase.read_bytes)
    try:
        released = release(house, request)
    except SealiftError as error:
        sys.stderr.write(f"{error}\n{error.log}\n{error.hint}\n")
        return int(error.exit_code)
    finished = Finished(
        ran=tuple(house.ran),
        operations=dict(house.disk.operations),
        already=released.summary.already,
    )
    sys.stdout.write(to_json(finished).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
