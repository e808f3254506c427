"""Run actions on this machine: inputs copied in, the command in the sandbox, outputs collected."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from sealift.base.edge.disk import disk_errors
from sealift.base.edge.port import Command, World
from sealift.base.store.port import BlobStore
from sealift.base.store.trees import ingest_folder, load_tree, materialise
from sealift.core.action import Action
from sealift.core.errors import ConfigError, DriverError, IntegrityError
from sealift.core.glob import Glob
from sealift.core.limits import TREE_BYTES_MAX
from sealift.core.platform import ANY, Platform
from sealift.core.sandbox import (
    BUILD_FOLDER,
    SOURCE_FOLDER,
    SOURCE_INPUT,
    TEMPORARY_FOLDER,
    WORK_FOLDER,
)
from sealift.core.tree import Tree
from sealift.stations.build.failures import stage_failure
from sealift.stations.build.log import ActionLog, log_path, open_log
from sealift.stations.build.model import (
    UNPERTURBED,
    Execution,
    Mount,
    Perturbation,
    SandboxRun,
)
from sealift.stations.build.outputs import refuse_excess
from sealift.stations.build.perturbation import layout_is_random, perturbation
from sealift.stations.build.port import Sandbox, Toolchain
from sealift.stations.build.sandbox_command import account_files
from sealift.stations.build.work_watch import WorkLimits, WorkWatch, is_low

_EPOCH: Final = (0, 0)
_LIMITS: Final = WorkLimits()
# What a stage can do to its outputs so that nobody else can read them, names too long included.
_UNFIT: Final = frozenset({errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP})
_PROBED_FILES: Final = 12
_CLOCK_LIBRARIES: Final = "lib/*/faketime/libfaketimeMT.so.1"


class LocalExecutor:
    """The port `Executor` over a sandbox and a toolchain of this machine.

    `scratch` is a folder for work that may be lost, on a disk with room; `logs` gets one log a run.
    `limits` are what one run may use of that disk.
    """

    def __init__(
        self,
        *,
        world: World,
        store: BlobStore,
        sandbox: Sandbox,
        toolchain: Toolchain,
        scratch: Path,
        logs: Path,
        limits: WorkLimits = _LIMITS,
    ) -> None:
        self._world = world
        self._store = store
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._scratch = scratch
        self._logs = logs
        self._limits = limits
        self._perturbation: Perturbation | None = None

    def perturbation(self) -> Perturbation:
        """Return the strongest perturbation that this machine allows; the same every time."""
        if self._perturbation is None:
            self._perturbation = perturbation(
                clock_library=self._clock_library(),
                locales=self._locales(),
                processors=len(os.sched_getaffinity(0)),
                can_pin=self._world.processes.find("taskset") is not None,
                order_follows_creation=self._order_follows_creation(),
                layout_is_random=layout_is_random(),
            )
        return self._perturbation

    def execute(self, action: Action, *, perturbation: Perturbation = UNPERTURBED) -> Execution:
        """Run `action` and return its tree, with every blob of it in the store."""
        self._check(action)
        isolation = self._sandbox.isolation()
        path = log_path(self._logs, action, again=perturbation != UNPERTURBED)
        with (
            self._work_folder() as folder,
            disk_errors(folder),
            open_log(self._world.files, path) as log,
        ):
            self._lay_out(action, folder, perturbation)
            watch = WorkWatch(
                folder,
                stage=action.stage,
                limits=self._limits,
                clock=self._world.clock,
                log_bytes=lambda: log.taken_bytes,
            )
            outcome = self._sandbox.run(
                self._sandbox_run(action, folder, perturbation), on_line=log, should_end=watch
            )
            if watch.excess is not None:
                raise replace(watch.excess, log="\n".join(log.tail), hint=_hint(watch, path))
            if outcome.exit_code != 0 or outcome.timed_out:
                raise stage_failure(
                    stage=action.stage,
                    exit_code=outcome.exit_code,
                    timed_out_after_s=action.timeout_s if outcome.timed_out else None,
                    disk_is_low=is_low(folder),
                    tail=log.tail,
                    log_path=_shown(path),
                    limits_hit=outcome.limits_hit,
                    memory_bytes=action.memory_bytes,
                )
            tree = self._collect(action, folder / "build" / "out", log)
        recorded = replace(isolation, facts=(*isolation.facts, ("disk", str(self._limits))))
        return Execution(tree=tree, log=self._store.put_file(path).digest, isolation=recorded)

    def _check(self, action: Action) -> None:
        facts = self._toolchain.facts()
        if (action.toolchain, action.toolchain_fingerprint) != (facts.name, facts.fingerprint):
            raise ConfigError(
                fact=f"toolchain `{action.toolchain}` is no longer what the plan says: "
                f"{action.toolchain_fingerprint.short}, now {facts.fingerprint.short}",
                expected="the packages that were installed when the release was planned",
                where=f"stage `{action.stage}`",
                hint="run `sealift release` again; it plans anew with what is installed now",
            )
        here = Platform.of_machine(self._world.machine)
        if action.platform not in {ANY, here}:
            raise ConfigError(
                fact=f"platform `{action.platform}` cannot be built on `{here}`",
                expected=f"`{here}` or `any`",
                where=f"stage `{action.stage}`",
            )
        if action.network:
            raise ConfigError(
                fact="the stage asks for the network",
                expected="a stage without; only `fetch` stages have it, for pinned files",
                where=f"stage `{action.stage}`",
            )

    @contextmanager
    def _work_folder(self) -> Iterator[Path]:
        """Yield a fresh folder, named by this process so that leftovers of dead ones are known."""
        self._world.files.make_folder(self._scratch)
        token = self._world.entropy.token_bytes(6).hex()
        folder = self._scratch / f"{self._world.process_id}-{token}"
        with disk_errors(folder):
            folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            self._world.files.remove(folder)

    def _lay_out(self, action: Action, folder: Path, perturbation: Perturbation) -> None:
        build = folder / "build"
        for name in ("build", "build/inputs", "build/out", "build/home", "build/work", "tmp"):
            (folder / name).mkdir(mode=0o755)
        (folder / "etc").mkdir()
        for each in action.inputs:
            source = each.name == SOURCE_INPUT
            target = build / "source" if source else build / "inputs" / each.name
            tree = load_tree(self._store, each.tree)
            materialise(self._store, tree, target, last_first=perturbation.last_first)
        accounts = account_files(user_id=perturbation.user_id, hostname=perturbation.hostname)
        for name, text in accounts:
            (folder / "etc" / name).write_text(text, encoding="ascii")
        for path in (build / "inputs", build / "out", build / "home", build / "work", build):
            os.utime(path, _EPOCH)

    def _sandbox_run(self, action: Action, folder: Path, perturbation: Perturbation) -> SandboxRun:
        changed = dict(action.environment) | dict(perturbation.environment)
        has_source = any(each.name == SOURCE_INPUT for each in action.inputs)
        generated = sorted(path.name for path in (folder / "etc").iterdir())
        return SandboxRun(
            command=action.command,
            environment=tuple(sorted(changed.items())),
            folder=SOURCE_FOLDER if has_source else WORK_FOLDER,
            root=self._toolchain.root(),
            mounts=(
                *(
                    Mount(outside=str(folder / "etc" / name), inside=f"/etc/{name}")
                    for name in generated
                ),
                *(Mount(outside=path, inside=path) for path in action.reads),
                Mount(outside=str(folder / "tmp"), inside=TEMPORARY_FOLDER, writable=True),
                Mount(outside=str(folder / "build"), inside=BUILD_FOLDER, writable=True),
            ),
            hostname=perturbation.hostname,
            user_id=perturbation.user_id,
            umask=perturbation.umask,
            single_processor=perturbation.single_processor,
            timeout_s=action.timeout_s,
            memory_bytes=action.memory_bytes,
            file_bytes_max=TREE_BYTES_MAX,
        )

    def _collect(self, action: Action, out: Path, log: ActionLog) -> Tree:
        """Return the tree of what the declared globs match; the rest is thrown away."""
        where = f"stage `{action.stage}`"
        globs = {name: Glob.parse(text) for name, text in action.outputs}
        # A link in its place would make us read, with our rights, where it points to.
        if out.is_symlink() or not out.is_dir():
            raise DriverError(
                fact="the command replaced the output folder",
                expected="$SEALIFT_OUT to stay the folder that it was",
                where=where,
                hint=f"write below $SEALIFT_OUT in [stages.{action.stage}] `run`",
            )

        def select(path: str) -> bool:
            return any(glob.matches(path) for glob in globs.values())

        try:
            refuse_excess(out, select=select)
            tree = ingest_folder(self._store, out, select=select)
        except (IntegrityError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _UNFIT:
                raise
            raise DriverError(
                fact=f"an output cannot be kept: {_reason(error)}",
                expected="readable files, and links that stay in the output folder",
                where=where,
                hint=f"narrow the globs of `outputs` in [stages.{action.stage}], or what it writes",
            ) from error
        for name, glob in globs.items():
            if not any(glob.matches(entry.path) for entry in tree.entries):
                raise DriverError(
                    fact=f"output `{name}` (`{glob.text}`) matched nothing",
                    expected="at least one such file in $SEALIFT_OUT",
                    where=where,
                    log="\n".join(log.tail),
                    hint=f"check `outputs.{name}` in [stages.{action.stage}]",
                )
        return tree

    def _order_follows_creation(self) -> bool:
        """Tell whether a folder of work lists files by when they were made, or turned around.

        Some file systems list them by hashes of their names, whatever we do.
        """
        names = [f"file-{number}" for number in range(_PROBED_FILES)]
        with self._work_folder() as folder:
            seen = []
            for place, ordered in ((folder / "a", names), (folder / "b", names[::-1])):
                place.mkdir()
                for name in ordered:
                    (place / name).touch()
                with os.scandir(place) as entries:
                    seen.append([entry.name for entry in entries])
        return seen[0] != seen[1]

    def _clock_library(self) -> str:
        for mount in self._toolchain.root().mounts:
            if mount.inside == "/usr":
                found = sorted(Path(mount.outside).glob(_CLOCK_LIBRARIES))
                return f"/usr/{found[0].relative_to(mount.outside)}" if found else ""
        return ""

    def _locales(self) -> frozenset[str]:
        program = self._world.processes.find("locale")
        if program is None:
            return frozenset()
        completed = self._world.processes.run(Command(argv=(str(program), "-a")))
        return frozenset(completed.stdout.decode(errors="replace").split())


def remove_leftovers(world: World, scratch: Path) -> None:
    """Remove work folders of processes that are gone: a killed run cannot clean up after itself."""
    if not scratch.is_dir():
        return
    for folder in sorted(scratch.iterdir()):
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            world.files.remove(folder)


def _hint(watch: WorkWatch, log: Path) -> str:
    own = watch.excess.hint if watch.excess else ""
    return own or f"run `less {_shown(log)}` for the whole log"


def _reason(error: IntegrityError | OSError) -> str:
    return error.fact if isinstance(error, IntegrityError) else f"{error.strerror}"


def _shown(path: Path) -> str:
    """Return the path as people would write it where they are: the project may be elsewhere."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
