"""`sealift rebuild`: a published release made again from its provenance alone, and a verdict.

Everything starts from what the client verified: the release document, the chain policy and the
statements of the builder. The source comes from a checkout or an archive that the rebuilder has,
downloads by purl and digest, everything else from the action documents in the provenance.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from sealift import __version__
from sealift.app.places import Checkout
from sealift.app.wiring import House, installed_tools
from sealift.base.specs.chain import verify_chain
from sealift.base.specs.evidence import collect_evidence
from sealift.base.specs.purl import Purl
from sealift.base.specs.recipes import Recipe, recipes_of
from sealift.base.specs.slsa import ResourceDescriptor
from sealift.base.specs.statement import Subject
from sealift.base.store.trees import load_tree
from sealift.client.verify import KeptRelease, kept_release, verify
from sealift.core.action import Action
from sealift.core.codec import format_time
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.platform import ANY
from sealift.core.rebuild import RebuildVerdict, RebuiltAction, RebuiltFile, worst
from sealift.core.release import Download, StagePlan, ToolchainFacts, UpstreamArchive
from sealift.core.tree import Tree
from sealift.stations.attest.statements import TOOL_URI_PREFIX
from sealift.stations.build.action_cache import ActionCache
from sealift.stations.build.fetch import Fetcher, fetch_action
from sealift.stations.build.port import Toolchain
from sealift.stations.build.rebuilder import Bench, Rebuilder
from sealift.stations.package.tools import ToolShelf
from sealift.stations.plan.git import Git
from sealift.stations.plan.steps import source_tree
from sealift.stations.plan.upstream import unpack_archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What to rebuild: a project, a version, and the files asked for (none: all of them)."""

    project: str
    version: str
    files: tuple[str, ...]
    path: Path | None = None


def find_reference(house: House, text: str) -> Reference:
    """Read FILE or NAME@VERSION; raise ConfigError for anything else.

    A file is verified on the way: only bytes that a pinned project released can be rebuilt.
    """
    path = Path(text)
    if path.is_file():
        report = verify(house.world, house.home.folder, path)
        return Reference(
            project=report.project,
            version=report.version,
            files=(report.artifact.name,),
            path=path,
        )
    name, at, version = text.partition("@")
    if not (name and at and version):
        raise ConfigError(
            fact=f"`{text}` is neither a file nor NAME@VERSION",
            expected="a file of a release, or a project and its version",
            hint="sealift rebuild jq@1.8.2 --source .",
        )
    return Reference(project=name, version=version, files=())


def rebuild(house: House, reference: Reference, *, source: Path) -> RebuildVerdict:
    """Make the release again from its provenance and `source`, and say how it compares.

    `source` is a checkout that has the commit, or the published source archive. Raises
    IntegrityError when the chain of a file does not hold, ConfigError when `source` is neither.
    """
    kept = kept_release(
        house.world, house.home.folder, name=reference.project, version=reference.version
    )
    release = kept.release
    wanted = [item for item in release.artifacts if item.name in reference.files]
    artifacts = [
        Subject(name=item.name, digest=Digest(item.sha256)) for item in wanted or release.artifacts
    ]
    for artifact in artifacts:
        verify_chain(
            name=artifact.name,
            digest=artifact.digest,
            release=release,
            policy=kept.policy,
            bundles=kept.bundles,
        )
    recipes = recipes_of(collect_evidence(kept.bundles, kept.policy), artifacts)
    with tempfile.TemporaryDirectory(prefix="sealift-rebuild-") as folder:
        inputs = _Inputs(house, kept, source=source, folder=Path(folder))
        rebuilder = Rebuilder(
            store=house.store,
            find_bench=_Benches(house, kept).find,
            make_input=inputs.make,
            progress=house.progress,
        )
        actions = tuple(rebuilder.rebuild(recipe) for recipe in recipes)
        files = _files(rebuilder, recipes, artifacts, reference)
    return _verdict(
        house,
        kept,
        source=inputs.described,
        actions=actions,
        files=files,
        rebuilder=rebuilder,
    )


def _files(
    rebuilder: Rebuilder,
    recipes: tuple[Recipe, ...],
    artifacts: list[Subject],
    reference: Reference,
) -> tuple[RebuiltFile, ...]:
    made_by = {file: recipe for recipe in recipes for file in recipe.files}
    content = reference.path.read_bytes() if reference.path is not None else None
    return tuple(
        rebuilder.file(made_by[artifact], artifact.name, artifact.digest, content)
        for artifact in artifacts
    )


def _verdict(
    house: House,
    kept: KeptRelease,
    *,
    source: str,
    actions: tuple[RebuiltAction, ...],
    files: tuple[RebuiltFile, ...],
    rebuilder: Rebuilder,
) -> RebuildVerdict:
    release = kept.release
    return RebuildVerdict(
        project=release.project,
        version=release.version,
        commit=release.commit,
        attestations=release.attestations,
        source=source,
        outcome=worst(file.outcome for file in files),
        files=files,
        actions=actions,
        toolchains=rebuilder.toolchains,
        rebuilt_at=format_time(house.world.clock.now()),
        platform=str(house.platform),
        tool=f"sealift {__version__}",
    )


class _Benches:
    """Where actions run here: on this machine's own programs, or in a root of the store."""

    def __init__(self, house: House, kept: KeptRelease) -> None:
        self._house = house
        release = kept.release
        folder = house.home.folder / "rebuilds" / release.project / release.version
        self._logs = Checkout(folder=folder).logs

    def find(self, action: Action) -> Bench | None:
        """Return the bench of an action; None for a foreign platform or a root that is not here."""
        house = self._house
        if action.platform not in {ANY, house.platform}:
            return None
        host = house.toolchain.facts()
        toolchain: Toolchain = house.toolchain
        if action.toolchain != host.name:
            if not house.store.has(action.toolchain_fingerprint):
                return None
            # The fingerprint of a pinned root is the digest of its tar: nothing else is needed.
            toolchain = house.pinned_root(
                ToolchainFacts(
                    name=action.toolchain,
                    kind="debian",
                    fingerprint=action.toolchain_fingerprint,
                    description="as the provenance names it",
                )
            )
        return Bench(
            executor=house.executor(toolchain, logs=self._logs),
            fingerprint=toolchain.facts().fingerprint,
        )


class _Inputs:
    """What a release reads and does not make: its source, its downloads, its tools."""

    def __init__(self, house: House, kept: KeptRelease, *, source: Path, folder: Path) -> None:
        self._house = house
        self._commit = kept.release.commit
        self._source = source
        # A cache of this rebuild alone: what others remember proves nothing.
        self._cache = ActionCache(
            folder=folder, tier="snapshot", store=house.store, files=house.world.files
        )
        self.described = ""
        self._source_tree = self._read_source()

    def make(self, recipe: Recipe) -> Tree:
        """Return the tree of a source, a fetch or an adopted tool."""
        if recipe.kind == "source":
            return self._source_tree
        tools = [item for item in recipe.dependencies if item.uri.startswith(TOOL_URI_PREFIX)]
        if tools:
            return self._adopted(tools[0].name)
        return self._fetched(recipe)

    def _read_source(self) -> Tree:
        """Take the commit from a checkout, or unpack an archive; whether it fits is the verdict."""
        house, source = self._house, self._source
        if source.is_dir():
            git = Git(
                processes=house.world.processes,
                environment=house.world.environment,
                folder=source,
            )
            git.head_commit()
            if git.run("cat-file", "-e", f"{self._commit}^{{commit}}").exit_code != 0:
                raise ConfigError(
                    fact=f"the checkout does not have commit {self._commit}",
                    expected="a clone of the project with the release's commit",
                    where=str(source),
                    hint=f"git -C {source} fetch --tags origin",
                )
            self.described = f"commit {self._commit} of a checkout"
            return source_tree(git, self._commit, house.store)
        if not source.is_file():
            raise ConfigError(
                fact=f"`{source}` is neither a folder nor a file",
                expected="a checkout, or the source archive that the provenance names",
                hint="sealift rebuild REF --source CHECKOUT",
            )
        archive = UpstreamArchive(name=source.name, digest=house.store.put_file(source).digest)
        self.described = f"archive {archive.name} ({archive.digest})"
        tree = unpack_archive(house.store, archive)
        house.store.put(tree.canonical())
        return tree

    def _adopted(self, name: str) -> Tree:
        shelf = ToolShelf(
            store=self._house.store, paths=installed_tools(), platform=self._house.platform
        )
        return load_tree(self._house.store, shelf.record(name).result.tree)

    def _fetched(self, recipe: Recipe) -> Tree:
        """Fetch what the provenance pins, and unpack it as the release did."""
        action = recipe.action
        if action is None:
            raise IntegrityError(
                fact="its provenance does not document the action", expected="an action document"
            )
        house = self._house
        downloads = [
            self._download(recipe.stage, item)
            for item in recipe.dependencies
            if item.uri.startswith("pkg:")
        ]
        stage = StagePlan(
            name=action.stage,
            kind=action.kind,
            inputs=(),
            run=(),
            outputs=action.outputs,
            toolchain=action.toolchain,
            platform=action.platform,
            timeout_s=action.timeout_s,
            memory_bytes=action.memory_bytes,
        )
        if fetch_action(stage, downloads).digest != recipe.digest:
            raise ConfigError(
                fact="this version of Sealift unpacks downloads in another way",
                expected=f"one that knows `{action.toolchain}`",
            )
        fetcher = Fetcher(
            downloader=house.index,
            cache=self._cache,
            store=house.store,
            clock=house.world.clock,
            progress=house.progress,
        )
        return load_tree(house.store, fetcher.fetch(stage, downloads).result.tree)

    def _download(self, stage: str, item: ResourceDescriptor) -> Download:
        """Bring a pinned file into the store by its digest alone; provenance names no size."""
        purl = Purl.parse(item.uri)
        if item.sha256 is None:
            raise IntegrityError(fact=f"`{item.name}` is not pinned", expected="a sha256")
        got = self._obtain(purl.name, item.name, item.sha256)
        return Download(
            group=stage,
            name=purl.name,
            version=purl.version,
            filename=item.name,
            digest=item.sha256,
            size_bytes=got.size_bytes,
            purl=item.uri,
        )

    def _obtain(self, project: str, filename: str, digest: Digest) -> Descriptor:
        house = self._house
        if house.store.has(digest):
            size_bytes = house.store.path(digest).stat().st_size
            return Descriptor(digest=digest, size_bytes=size_bytes)
        file = house.index.find_file(project, filename, digest=digest)
        return house.index.download(file, digest=digest)
