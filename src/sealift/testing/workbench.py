"""A build station on a folder: the real sandbox, store and cache of this machine, with no project.

bench = Workbench(tmp_path)
record = bench.perform(bench.shell("date > $SEALIFT_OUT/when"), reproduce=True)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sealift.base.edge.real import real_world
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.action import (
    Action,
    ActionInput,
    ActionKind,
    ActionRecord,
    ActionResult,
    Isolation,
)
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import SealiftError
from sealift.core.limits import GIB
from sealift.core.platform import ANY, Platform
from sealift.core.progress import ProgressEvent
from sealift.core.release import (
    Download,
    PackagePlan,
    ProjectFacts,
    ReleasePlan,
    SourceReference,
    SourceReport,
    StagePlan,
    TagSignature,
)
from sealift.core.sandbox import sandbox_environment
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.build.action_cache import ActionCache, TrustTier
from sealift.stations.build.drivers.bubblewrap import BubblewrapSandbox
from sealift.stations.build.drivers.host_toolchain import HostToolchain
from sealift.stations.build.executor import LocalExecutor
from sealift.stations.build.model import Execution, Perturbation
from sealift.stations.build.workshop import LocalWorkshop

EPOCH_S: Final = 1_700_000_000
PERTURBED: Final = Perturbation(
    changes=(("clock", "later"),),
    environment=(),
    hostname="elsewhere",
    user_id=4_242,
    umask=0o077,
    single_processor=True,
)


@dataclass(slots=True)
class Heard:
    """A listener that remembers what it was told."""

    events: list[ProgressEvent] = field(default_factory=list)

    def __call__(self, event: ProgressEvent) -> None:
        """Remember one event."""
        self.events.append(event)

    def said(self) -> list[str]:
        """Return kind and subject of every event, in order."""
        return [f"{event.kind} {event.subject}" for event in self.events]


@dataclass(slots=True)
class ScriptedExecutor:
    """An executor without a sandbox: it returns scripted trees or errors, one a run, in order."""

    answers: list[Mapping[str, bytes] | SealiftError]
    store: LocalBlobStore
    runs: list[tuple[Digest, bool]] = field(default_factory=list)

    def perturbation(self) -> Perturbation:
        """Return a fixed perturbation."""
        return PERTURBED

    def execute(self, action: Action, *, perturbation: Perturbation) -> Execution:
        """Give the next answer, and note whether it was the perturbed run that asked."""
        self.runs.append((action.digest, perturbation == PERTURBED))
        answer = self.answers.pop(0)
        if isinstance(answer, SealiftError):
            raise answer
        return Execution(
            tree=keep_tree(self.store, answer),
            log=self.store.put(b"scripted\n").digest,
            isolation=Isolation(sandbox="none", network=False, facts=()),
        )


class Workbench:
    """Everything that runs actions, below `folder`."""

    def __init__(self, folder: Path, *, tier: TrustTier = "release") -> None:
        self.folder = folder
        self.world = real_world()
        self.store = LocalBlobStore(folder / "store", self.world.files)
        self.toolchain = HostToolchain(machine=self.world.machine)
        self.sandbox = BubblewrapSandbox(self.world, root=self.toolchain.root())
        self.heard = Heard()
        self.logs = folder / ".sealift" / "logs"
        self.scratch = folder / "scratch"
        self.executor = LocalExecutor(
            world=self.world,
            store=self.store,
            sandbox=self.sandbox,
            toolchain=self.toolchain,
            scratch=self.scratch,
            logs=self.logs,
        )
        self.cache = ActionCache(
            folder=folder / "cache", tier=tier, store=self.store, files=self.world.files
        )
        self.workshop = LocalWorkshop(
            executor=self.executor,
            cache=self.cache,
            store=self.store,
            clock=self.world.clock,
            progress=self.heard,
        )

    @property
    def platform(self) -> Platform:
        """The platform of this machine."""
        return Platform.of_machine(self.world.machine)

    def tree(self, files: Mapping[str, bytes]) -> Tree:
        """Store files, executable where they begin with `#!`, as a tree."""
        return keep_tree(self.store, files)

    def shell(
        self,
        script: str,
        *,
        name: str = "stage",
        kind: ActionKind = "build",
        inputs: Mapping[str, Tree] | None = None,
        outputs: Mapping[str, str] | None = None,
        timeout_s: int = 60,
        memory_bytes: int = 4 * GIB,
        platform: Platform = ANY,
    ) -> Action:
        """Build the action of a script; without `outputs` it may leave any file or none."""
        facts = self.toolchain.facts()
        return Action(
            kind=kind,
            stage=name,
            command=("/bin/sh", "-eu", "-c", script),
            inputs=tuple(
                ActionInput(name=each, tree=tree.digest) for each, tree in (inputs or {}).items()
            ),
            outputs=tuple((outputs or {}).items()),
            environment=sandbox_environment(epoch_s=EPOCH_S),
            toolchain=facts.name,
            toolchain_fingerprint=facts.fingerprint,
            platform=platform,
            timeout_s=timeout_s,
            memory_bytes=memory_bytes,
        )

    def plan(
        self,
        *stages: StagePlan,
        packages: tuple[PackagePlan, ...] = (),
        downloads: tuple[Download, ...] = (),
        project: ProjectFacts | None = None,
        snapshot: bool = False,
    ) -> ReleasePlan:
        """Build a plan of these stages on this machine's toolchain."""
        return ReleasePlan(
            project=project or project_facts(),
            source=SourceReference(commit="5" * 40, tag="v1.2.0", epoch_s=EPOCH_S),
            upstream=None,
            manifest=Descriptor(digest=Digest.of(b""), size_bytes=0),
            manifest_origin="committed",
            lock=None,
            downloads=downloads,
            toolchains=(self.toolchain.facts(),),
            stages=stages,
            packages=packages,
            policy="starter",
            conditions=(),
            url="",
            channels=(),
            snapshot=snapshot,
        )

    def source(self, files: Mapping[str, bytes]) -> SourceReport:
        """Store files as the source of a release."""
        tree = self.tree(files)
        action = self.shell("git archive", name="source", kind="source")
        result = ActionResult(
            action=action.digest,
            tree=tree.digest,
            log=self.store.put(b"").digest,
            isolation=Isolation(sandbox="none", network=False, facts=()),
        )
        return SourceReport(
            action=ActionRecord(action=action, result=result),
            tree=tree.digest,
            tag_signature=TagSignature(outcome="pass", method="ssh", signer="ada", reason=""),
            upstream_outcome="unknown",
            upstream_reason="none recorded",
        )

    def perform(self, action: Action, *, reproduce: bool = False) -> ActionRecord:
        """Run an action through the cache."""
        return self.workshop.perform(action, reproduce=reproduce)

    def output(self, script: str, *, inputs: Mapping[str, Tree] | None = None) -> str:
        """Run a script and return what it printed."""
        record = self.perform(self.shell(script, inputs=inputs))
        return self.store.read(record.result.log, size_bytes_max=GIB).decode()


def stage_plan(
    name: str,
    *run: str,
    kind: ActionKind = "build",
    inputs: tuple[str, ...] = ("source",),
    outputs: tuple[tuple[str, str], ...] = (),
    platform: Platform = ANY,
) -> StagePlan:
    """Build a stage of the `host` toolchain with small limits."""
    return StagePlan(
        name=name,
        kind=kind,
        inputs=inputs,
        run=run,
        outputs=outputs,
        toolchain="host",
        platform=platform,
        timeout_s=60,
        memory_bytes=4 * GIB,
    )


def project_facts(
    *, name: str = "lamp", version: str = "1.2.0", description: str = "A lamp"
) -> ProjectFacts:
    """Build what packages say about the project."""
    return ProjectFacts(
        name=name,
        version=version,
        licence="MIT",
        description=description,
        homepage="https://lamp.example",
        maintainer="Ada <ada@lamp.example>",
    )


def keep_tree(store: LocalBlobStore, files: Mapping[str, bytes]) -> Tree:
    """Store files and their tree; what begins with `#!` or is an ELF file is executable."""
    with store.transaction():
        blobs = {path: store.put(data) for path, data in files.items()}
        tree = Tree.of(
            TreeEntry(
                path=path,
                digest=blob.digest,
                size_bytes=blob.size_bytes,
                executable=files[path].startswith((b"#!", b"\x7fELF")),
            )
            for path, blob in blobs.items()
        )
        store.put(tree.canonical())
    return tree
