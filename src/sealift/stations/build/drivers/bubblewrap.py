"""The port `Sandbox` by bubblewrap: probed once, closed where a wall is missing."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from sealift.base.edge.port import Command, Completed, World
from sealift.core.action import Isolation
from sealift.core.errors import ConfigError
from sealift.core.limits import GIB, MIB, SANDBOX_PROBE_TIMEOUT_S
from sealift.stations.build.model import UNPERTURBED, Root, SandboxOutcome, SandboxRun
from sealift.stations.build.probe import NAMESPACES, PROBE_SCRIPT, judge_probe
from sealift.stations.build.sandbox_command import bubblewrap_argv, limit_argv

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
    nesting_refused: bool
    isolation: Isolation


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

    def run(self, run: SandboxRun, *, on_line: Callable[[bytes], None]) -> SandboxOutcome:
        """Run to the end, within time and memory."""
        means = self._means()
        listener = _Listener(on_line)
        completed = self._world.processes.run(
            Command(
                argv=_whole_argv(run, means),
                timeout_s=run.timeout_s,
                output_bytes_max=0,
                on_line=listener,
                umask=run.umask,
            )
        )
        if completed.exit_code != 0 and listener.first.startswith(b"bwrap: "):
            raise _not_started(listener.first.decode(errors="replace"), program=run.command[0])
        return SandboxOutcome(
            exit_code=completed.exit_code,
            timed_out=completed.timed_out,
            duration_ms=completed.duration_ms,
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
        facts, nesting_refused = self._probe(str(found))
        prlimit = str(world.processes.find("prlimit") or "")
        version = world.processes.run(Command(argv=(str(found), "--version"))).stdout
        return _Means(
            bubblewrap=str(found),
            prlimit=prlimit,
            taskset=str(world.processes.find("taskset") or ""),
            nesting_refused=nesting_refused,
            isolation=Isolation(
                sandbox=SANDBOX_NAME,
                network=False,
                facts=(
                    ("version", version.decode(errors="replace").strip()),
                    *facts,
                    ("nested-namespaces", "refused" if nesting_refused else "allowed"),
                    ("memory", "data of each process" if prlimit else "not limited"),
                    ("processes", "not limited"),
                ),
            ),
        )

    def _probe(self, bubblewrap: str) -> tuple[tuple[tuple[str, str], ...], bool]:
        """Run the probe; return its facts, and whether nested namespaces are refused."""
        outside = {kind: str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in NAMESPACES}
        completed: Completed | None = None
        # Bubblewrap before 0.8 cannot refuse nested namespaces: second best, and recorded.
        for nesting_refused in (True, False):
            run = _probe_run(self._root)
            argv = bubblewrap_argv(run, bubblewrap=bubblewrap, nesting_refused=nesting_refused)
            completed = self._world.processes.run(
                Command(
                    argv=argv,
                    timeout_s=SANDBOX_PROBE_TIMEOUT_S,
                    # Planted: a sandbox that lets it through has a hole.
                    environment={"SEALIFT_PROBE": "planted"},
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
                return facts, nesting_refused
        raise _no_sandbox(completed)


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


def _whole_argv(run: SandboxRun, means: _Means) -> tuple[str, ...]:
    processor = min(os.sched_getaffinity(0))
    return (
        *limit_argv(run, prlimit=means.prlimit, taskset=means.taskset, processor=processor),
        *bubblewrap_argv(run, bubblewrap=means.bubblewrap, nesting_refused=means.nesting_refused),
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
