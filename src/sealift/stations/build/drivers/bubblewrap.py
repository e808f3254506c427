"""The port `Sandbox` by bubblewrap: probed once, closed where a wall is missing."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from sealift.base.edge.port import Command, Completed, World
from sealift.core.action import Isolation
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.limits import ACTION_PROCESSES_MAX, GIB, MIB, SANDBOX_PROBE_TIMEOUT_S
from sealift.stations.build.drivers.control_group import ControlGroups
from sealift.stations.build.model import UNPERTURBED, Root, SandboxOutcome, SandboxRun
from sealift.stations.build.probe import NAMESPACES, PROBE_SCRIPT, judge_probe
from sealift.stations.build.sandbox_command import bubblewrap_argv, limit_argv
from sealift.stations.build.seccomp import filter_program

SANDBOX_NAME: Final = "bubblewrap"
_SWITCHES: Final = Path("/proc/sys")
# What keeps an ordinary user from making namespaces: the switch, its closing value, the remedy.
_CLOSED_SWITCHES: Final = (
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Means:
    """What this machine has, found once."""

    bubblewrap: str
    prlimit: str
    taskset: str
    walls: "_Walls"
    groups: ControlGroups
    processes_max: int | None
    isolation: Isolation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walls:
    """What not every machine can do: second best where it cannot, and recorded."""

    nesting_refused: bool
    filtered: bool


class BubblewrapSandbox:
    """Run commands behind bubblewrap. `root` is what the probe sees, usually the host toolchain's.

    A run that outlives its time, or whose parent dies, is ended with all that it started: the PID
    namespace goes with its first process.
    """

    def __init__(self, world: World, *, root: Root) -> None:
        self._world = world
        self._root = root
        self._lock = Lock()
        self._found: _Means | None = None

    def isolation(self) -> Isolation:
        """Return what the probe saw; raise ConfigError where a wall is missing."""
        return self._means().isolation

    def run(
        self,
        run: SandboxRun,
        *,
        on_line: Callable[[bytes], None],
        should_end: Callable[[], bool] | None = None,
    ) -> SandboxOutcome:
        """Run to the end, within time, memory and number of processes."""
        means = self._means()
        listener = _Listener(on_line)
        with (
            means.groups.open(
                memory_bytes=run.memory_bytes, processes_max=ACTION_PROCESSES_MAX
            ) as group,
            _filter_file(wanted=means.walls.filtered) as filter_fd,
        ):
            completed = self._world.processes.run(
                Command(
                    argv=(*group.joining(), *_whole_argv(run, means, filter_fd=filter_fd)),
                    timeout_s=run.timeout_s,
                    output_bytes_max=0,
                    on_line=listener,
                    umask=run.umask,
                    pass_fds=() if filter_fd is None else (filter_fd,),
                    # What cannot fork any more tends to try for ever.
                    should_end=lambda: (
                        "processes" in group.limits_hit()
                        or (should_end is not None and should_end())
                    ),
                )
            )
            limits_hit = group.limits_hit()
        if completed.exit_code != 0 and listener.first.startswith(b"bwrap: "):
            raise _not_started(listener.first.decode(errors="replace"), program=run.command[0])
        return SandboxOutcome(
            exit_code=completed.exit_code,
            timed_out=completed.timed_out,
            duration_ms=completed.duration_ms,
            limits_hit=limits_hit,
        )

    def _means(self) -> _Means:
        with self._lock:
            if self._found is None:
                self._found = self._find_means()
            return self._found

    def _find_means(self) -> _Means:
        world = self._world
        found = world.processes.find("bwrap")
        if found is None:
            raise ConfigError(
                fact="bubblewrap is not installed, and stages run in its sandbox only",
                expected="the program `bwrap`",
                hint="run `apt-get install bubblewrap`",
            )
        facts, walls = self._probe(str(found))
        groups = self._groups()
        # The kernel does not count the processes of root.
        counted = os.geteuid() != 0 and "pids" not in groups.controllers
        prlimit = str(world.processes.find("prlimit") or "")
        version = world.processes.run(Command(argv=(str(found), "--version"))).stdout
        return _Means(
            bubblewrap=str(found),
            prlimit=prlimit,
            taskset=str(world.processes.find("taskset") or ""),
            walls=walls,
            groups=groups,
            processes_max=ACTION_PROCESSES_MAX if counted and prlimit else None,
            isolation=Isolation(
                sandbox=SANDBOX_NAME,
                network=False,
                facts=(
                    ("version", version.decode(errors="replace").strip()),
                    *facts,
                    ("nested-namespaces", "refused" if walls.nesting_refused else "allowed"),
                    ("memory", _memory_fact(groups, prlimit)),
                    ("processes", _processes_fact(groups, counted=counted and bool(prlimit))),
                ),
            ),
        )

    def _groups(self) -> ControlGroups:
        world = self._world
        mark = world.processes.mark(world.process_id)
        numbered = f"{mark.boot} {mark.namespace}" if mark else ""
        return ControlGroups(
            clock=world.clock,
            family=Digest.of(numbered.encode()).short,
            process_id=world.process_id,
        )

    def _probe(self, bubblewrap: str) -> tuple[tuple[tuple[str, str], ...], _Walls]:
        """Run the probe; return its facts, and which of the walls that may be missing are there."""
        outside = {kind: str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in NAMESPACES}
        completed: Completed | None = None
        run = _probe_run(self._root)
        # Bubblewrap before 0.8 cannot refuse nested namespaces, a kernel may know no filters.
        for walls in _WALLS_BY_STRENGTH:
            with _filter_file(wanted=walls.filtered) as filter_fd:
                argv = bubblewrap_argv(
                    run,
                    bubblewrap=bubblewrap,
                    nesting_refused=walls.nesting_refused,
                    filter_fd=filter_fd,
                )
                completed = self._world.processes.run(
                    Command(
                        argv=argv,
                        timeout_s=SANDBOX_PROBE_TIMEOUT_S,
                        # Planted: a sandbox that lets it through has a hole.
                        environment={"SEALIFT_PROBE": "planted"},
                        pass_fds=() if filter_fd is None else (filter_fd,),
                    )
                )
            if completed.exit_code == 0:
                text = completed.stdout.decode(errors="replace")
                facts = judge_probe(
                    text,
                    outside_namespaces=outside,
                    user_id=run.user_id,
                    hostname=run.hostname,
                )
                return facts, walls
        raise _no_sandbox(completed)


_WALLS_BY_STRENGTH: Final = (
    _Walls(nesting_refused=True, filtered=True),
    _Walls(nesting_refused=False, filtered=True),
    _Walls(nesting_refused=True, filtered=False),
    _Walls(nesting_refused=False, filtered=False),
)


@contextmanager
def _filter_file(*, wanted: bool) -> Iterator[int | None]:
    """Yield an open file with the system call filter; bubblewrap reads it to its end, once."""
    if not wanted:
        yield None
        return
    descriptor = os.memfd_create("filter")
    try:
        os.write(descriptor, filter_program())
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _memory_fact(groups: ControlGroups, prlimit: str) -> str:
    if "memory" in groups.controllers:
        return "of all processes, by control group"
    return "data of each process" if prlimit else "not limited"


def _processes_fact(groups: ControlGroups, *, counted: bool) -> str:
    if "pids" in groups.controllers:
        return f"at most {ACTION_PROCESSES_MAX}, by control group"
    return f"at most {ACTION_PROCESSES_MAX} of the user" if counted else "not limited"


class _Listener:
    """Pass lines on, and remember the first: bubblewrap's own words come before any other."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self.first = b""
        self._on_line = on_line

    def __call__(self, line: bytes) -> None:
        self.first = self.first or line
        self._on_line(line)


def _probe_run(root: Root) -> SandboxRun:
    return SandboxRun(
        command=("/bin/sh", "-c", PROBE_SCRIPT),
        environment=(("PATH", "/usr/bin:/bin"),),
        folder="/",
        root=root,
        mounts=(),
        hostname=UNPERTURBED.hostname,
        user_id=UNPERTURBED.user_id,
        umask=UNPERTURBED.umask,
        single_processor=False,
        timeout_s=SANDBOX_PROBE_TIMEOUT_S,
        memory_bytes=GIB,
        file_bytes_max=MIB,
    )


def _whole_argv(run: SandboxRun, means: _Means, *, filter_fd: int | None) -> tuple[str, ...]:
    return (
        *limit_argv(
            run,
            prlimit=means.prlimit,
            taskset=means.taskset,
            processor=min(os.sched_getaffinity(0)),
            processes_max=means.processes_max,
        ),
        *bubblewrap_argv(
            run,
            bubblewrap=means.bubblewrap,
            nesting_refused=means.walls.nesting_refused,
            filter_fd=filter_fd,
        ),
    )


def _not_started(words: str, *, program: str) -> ConfigError:
    if words.startswith("bwrap: execvp "):
        return ConfigError(
            fact=f"program `{program}` is not there inside the sandbox",
            expected="it below /usr/bin of the toolchain",
            hint=f"install `{program}`",
        )
    return ConfigError(
        fact=f"the sandbox did not start: {words}",
        expected="the walls that the probe saw",
        hint="run `sealift doctor`",
    )


def _no_sandbox(completed: Completed | None) -> ConfigError:
    words = completed.stderr.decode(errors="replace").strip() if completed else ""
    for switch, closing, remedy in _CLOSED_SWITCHES:
        path = _SWITCHES / switch
        if path.is_file() and path.read_text(encoding="ascii").strip() == closing:
            return ConfigError(
                fact=f"this machine refuses user namespaces, and stages run in them only: {words}",
                expected=f"`{remedy}`",
                hint=f"run `sysctl -w {remedy}` as root",
            )
    return ConfigError(
        fact=f"bubblewrap cannot make a sandbox here: {words}",
        expected="user, PID and network namespaces",
        hint="in a container, run it with `--security-opt seccomp=unconfined` or on its host",
    )
