"""The bill of materials from our own records: lock, stage inputs, packages and sources.

An artifact's bill holds what its stages took in (locked downloads, excluded at run time), what it
needs to run (Requires-Dist; Depends; the libraries its programs load), what its source carries
along, and the upstream archive. Nothing is guessed from file names of other people's trees.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from packaging.utils import canonicalize_name

from sealift import __version__
from sealift.base.specs.cyclonedx import Bill, Component, Scope
from sealift.base.store.port import BlobStore
from sealift.base.store.trees import load_tree
from sealift.core.action import ActionRecord
from sealift.core.artifact import Artifact
from sealift.core.errors import IntegrityError
from sealift.core.glob import Glob
from sealift.core.limits import BUILD_DESCRIPTION_BYTES_MAX, PACKAGE_METADATA_BYTES_MAX
from sealift.core.release import StagePlan
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.inspect.archives import (
    control_fields,
    debian_control,
    npm_metadata,
    sdist_metadata,
    wheel_metadata,
)
from sealift.stations.inspect.components import (
    Gathering,
    artifact_component,
    debian_dependencies,
    download_component,
    go_component,
    node_component,
    npm_component,
    requirement_component,
    source_component,
    stage_closure,
    system_component,
    upstream_component,
    vendored_component,
)
from sealift.stations.inspect.elf import MAGIC, needed_libraries
from sealift.stations.inspect.go_program import go_modules
from sealift.stations.inspect.npm_metadata import npm_needs
from sealift.stations.inspect.port import Release, SystemPackages
from sealift.stations.inspect.python_metadata import PythonMetadata, parse_metadata
from sealift.stations.inspect.vendored import describe, vendored_folders

_METADATA_SUFFIX = ".dist-info/METADATA"
_NO_ROOTS: Final[Mapping[str, SystemPackages]] = {}


class RecordedSbom:
    """Compose bills from the release's own records. A driver of `SbomMaker`.

    `system` tells what this machine has installed; `roots`, by name, what pinned toolchains have.
    """

    def __init__(
        self,
        *,
        store: BlobStore,
        system: SystemPackages,
        roots: Mapping[str, SystemPackages] = _NO_ROOTS,
    ) -> None:
        self._store = store
        self._system = system
        self._roots = roots

    def compose(self, release: Release, artifact: Artifact) -> Bill:
        """List the artifact's components; see `SbomMaker`."""
        stages = stage_closure(release.plan.stages, artifact.stage)
        toolchains = {stage.name: stage.toolchain for stage in release.plan.stages}
        # What an artifact links with lies in the root that it was built in.
        system = self._roots.get(toolchains.get(artifact.stage, ""), self._system)
        gathering = _Composer(self._store, system, release, artifact)
        direct = {
            *gathering.build_tools(stages),
            *gathering.runtime(),
            *gathering.sources(stages),
        }
        subject = artifact_component(release.plan, artifact, release.source.tree)
        return Bill(
            timestamp=release.opening.released_at,
            subject=replace(subject, depends_on=tuple(sorted(direct))),
            commit=release.plan.source.commit,
            components=gathering.found.components(),
            tool_version=__version__,
        )


class _Composer:
    """One bill in the making. Each method adds components and returns the direct references."""

    def __init__(
        self, store: BlobStore, system: SystemPackages, release: Release, artifact: Artifact
    ) -> None:
        self.found = Gathering()
        self._store = store
        self._system = system
        self._release = release
        self._artifact = artifact
        self._records = {record.action.stage: record for record in release.build.records}
        self._metadata = dict(self._unpacked_metadata())
        self._downloads = {
            (one.group, one.filename): download_component(
                one, self._metadata.get((canonicalize_name(one.name), one.version))
            )
            for one in release.plan.downloads
        }
        built_with = {stage.name for stage in stage_closure(release.plan.stages, artifact.stage)}
        # What the tests ran with stands for a requirement before what only the build used.
        ordered = sorted(release.plan.downloads, key=lambda one: one.group not in built_with)
        self._pinned: dict[str, Component] = {
            canonicalize_name(one.name): self._downloads[one.group, one.filename] for one in ordered
        }

    def build_tools(self, stages: tuple[StagePlan, ...]) -> Iterator[str]:
        """Add every locked download of the fetch stages that the artifact's stages took in."""
        groups = {stage.name for stage in stages if stage.kind == "fetch"}
        for group in sorted(groups):
            taken = [one for one in self._release.plan.downloads if one.group == group]
            by_name: dict[str, str] = {
                canonicalize_name(one.name): self.found.add(self._downloads[group, one.filename])
                for one in taken
            }
            for one in taken:
                metadata = self._metadata.get((canonicalize_name(one.name), one.version))
                names = {need.name for need in metadata.requirements} if metadata else set[str]()
                self.found.link(
                    self._downloads[group, one.filename].reference,
                    (by_name[name] for name in names if name in by_name),
                )
                if one.requested:
                    yield self._downloads[group, one.filename].reference

    def runtime(self) -> Iterator[str]:
        """Add what the artifact asks for when it is installed or run."""
        kind = self._artifact.kind
        if kind == "deb":
            yield from self._debian()
            yield from self._go_modules()
        elif kind == "tar":
            yield from self._libraries()
            yield from self._go_modules()
        elif kind == "npm":
            yield from self._npm()
        else:
            with self._store.open(self._artifact.file.digest) as stream:
                read = wheel_metadata if kind == "wheel" else sdist_metadata
                data = read(stream, where=self._artifact.name)
            yield from self._python(parse_metadata(data, where=self._artifact.name))

    def sources(self, stages: tuple[StagePlan, ...]) -> Iterator[str]:
        """Add the source, vendored projects in it, and the upstream archive."""
        if not any("source" in stage.inputs for stage in stages):
            return
        yield self.found.add(source_component(self._release.plan, self._release.source.tree))
        tree = load_tree(self._store, self._release.source.tree)
        entries = {entry.path: entry for entry in tree.entries if entry.kind == "file"}
        for folder, description, licence in vendored_folders(entries):
            texts = {path: self._text(entries[path]) for path in (description, licence) if path}
            project = describe(folder, description, texts)
            inside = _subtree(tree, folder).digest
            yield self.found.add(vendored_component(project, inside))
        if self._release.plan.upstream is not None:
            yield self.found.add(
                upstream_component(self._release.plan, self._release.plan.upstream)
            )

    def _python(self, metadata: PythonMetadata, *, optional: bool = False) -> Iterator[str]:
        """Add requirements, and those of pinned requirements, each once."""
        for requirement in metadata.requirements:
            pinned = self._pinned.get(requirement.name)
            component = requirement_component(requirement, pinned)
            if optional and component.scope == "required":
                component = replace(component, scope="optional")
            known = {one.reference: one for one in self.found.components()}
            seen = known.get(component.reference)
            yield self.found.add(component)
            if pinned is None or (seen is not None and seen.scope in {"required", component.scope}):
                continue
            inner = self._metadata.get((requirement.name, pinned.version))
            if inner is not None:
                below = tuple(self._python(inner, optional=component.scope == "optional"))
                self.found.link(component.reference, below)

    def _debian(self) -> Iterator[str]:
        name = self._artifact.name
        with self._store.open(self._artifact.file.digest) as stream:
            fields = control_fields(debian_control(stream, where=name), where=name)
        for field in ("pre-depends", "depends"):
            for one in debian_dependencies(fields.get(field, "")):
                alternatives = str(one.alternatives) if one.alternatives > 1 else ""
                yield self._system_package(
                    one.name, {"requirement": one.range, "alternatives": alternatives}
                )

    def _libraries(self) -> Iterator[str]:
        """Add the packages whose shared libraries the artifact's programs load."""
        entries = [entry for entry in self._stage_entries() if entry.kind == "file"]
        own = {entry.path.rpartition("/")[2] for entry in self._stage_entries()}
        sonames: set[str] = set()
        for entry in entries:
            if entry.digest is None:
                continue
            with self._store.open(entry.digest) as stream:
                if stream.read(len(MAGIC)) == MAGIC:
                    sonames.update(needed_libraries(stream, where=entry.path))
        for soname in sorted(sonames - own):
            owner = self._system.library_owner(soname)
            if owner is not None:
                yield self._system_package(owner.name, {"library": soname})
                continue
            # Nobody owns it, yet the program loads it: a component with a name and no version.
            yield self.found.add(
                Component(reference=f"library:{soname}", kind="library", name=soname)
            )

    def _go_modules(self) -> Iterator[str]:
        """Add the modules that are linked into the artifact's Go programs."""
        for entry in self._stage_entries():
            if entry.kind != "file" or entry.digest is None or not entry.executable:
                continue
            with self._store.open(entry.digest) as stream:
                if stream.read(len(MAGIC)) == MAGIC:
                    for module in go_modules(stream):
                        yield self.found.add(go_component(module))

    def _npm(self) -> Iterator[str]:
        """Add Node itself, and the packages that npm would install beside the artifact."""
        name = self._artifact.name
        with self._store.open(self._artifact.file.digest) as stream:
            needs = npm_needs(npm_metadata(stream, where=name), where=name)
        yield self.found.add(node_component(needs.node))
        for package in needs.packages:
            scope: Scope = "optional" if package.optional else "required"
            yield self.found.add(npm_component(package.name, package.range, scope=scope))

    def _system_package(self, name: str, properties: dict[str, str]) -> str:
        return self.found.add(
            system_component(
                self._system.package(name),
                distribution=self._system.distribution,
                architecture=self._artifact.platform.debian_architecture,
                properties=properties,
            )
        )

    def _stage_entries(self) -> tuple[TreeEntry, ...]:
        """Return the entries of the stage's outputs that the package was made from."""
        tree = load_tree(self._store, self._record(self._artifact.stage).result.tree)
        plan = self._release.plan
        package = next((one for one in plan.packages if one.name == self._artifact.package), None)
        stage = next((one for one in plan.stages if one.name == self._artifact.stage), None)
        if package is None or stage is None or not package.output:
            return tree.entries
        glob = Glob.parse(dict(stage.outputs)[package.output])
        return tuple(entry for entry in tree.entries if glob.matches(entry.path))

    def _unpacked_metadata(self) -> Iterator[tuple[tuple[str, str], PythonMetadata]]:
        """Yield the metadata of every unpacked wheel of every fetch stage, by name and version."""
        for record in self._release.build.records:
            if record.action.kind != "fetch":
                continue
            for entry in load_tree(self._store, record.result.tree).entries:
                if entry.path.startswith("site/") and entry.path.endswith(_METADATA_SUFFIX):
                    metadata = parse_metadata(
                        self._bytes(entry, PACKAGE_METADATA_BYTES_MAX), where=entry.path
                    )
                    yield (metadata.name, metadata.version), metadata

    def _record(self, stage: str) -> ActionRecord:
        if stage not in self._records:
            raise IntegrityError(
                fact=f"stage `{stage}` has no result", expected="the stage of an artifact"
            )
        return self._records[stage]

    def _text(self, entry: TreeEntry) -> str:
        return self._bytes(entry, BUILD_DESCRIPTION_BYTES_MAX).decode(errors="replace")

    def _bytes(self, entry: TreeEntry, size_bytes_max: int) -> bytes:
        if entry.digest is None:
            raise IntegrityError(fact=f"`{entry.path}` has no digest", expected="a file")
        return self._store.read(entry.digest, size_bytes_max=size_bytes_max)


def _subtree(tree: Tree, folder: str) -> Tree:
    """Return the files below `folder` as a tree of their own, so that its digest names them.

    Links are left out: one may lead out of the folder.
    """
    prefix = f"{folder}/"
    return Tree.of(
        replace(entry, path=entry.path.removeprefix(prefix))
        for entry in tree.entries
        if entry.path.startswith(prefix) and entry.kind == "file"
    )
