"""Turn what is known of inputs into CycloneDX components. Pure.

References are unique by construction: a package URL, or a place in the source.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sealift.base.specs.cyclonedx import Component, ComponentKind, Scope
from sealift.base.specs.purl import Purl
from sealift.core.artifact import Artifact, ArtifactKind
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.release import Download, ReleasePlan, StagePlan, UpstreamArchive
from sealift.stations.inspect.go_program import GoModule
from sealift.stations.inspect.port import SystemPackage
from sealift.stations.inspect.python_metadata import PythonMetadata, PythonRequirement
from sealift.stations.inspect.vendored import VendoredProject

_KINDS: Final[Mapping[ArtifactKind, ComponentKind]] = {
    "wheel": "library",
    "sdist": "library",
    "npm": "library",
    "tar": "application",
    "deb": "application",
}
_DEPENDENCY: Final = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]+)(?::[a-z0-9-]+)?\s*(?:\((?P<range>[^)]*)\))?\s*\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianDependency:
    """One clause of Depends: its first alternative, which is what a fresh system installs."""

    name: str
    range: str
    alternatives: int


def stage_closure(stages: tuple[StagePlan, ...], stage: str) -> tuple[StagePlan, ...]:
    """Return `stage` and every stage that it takes in, however far, in the plan's order."""
    by_name = {one.name: one for one in stages}
    reached: set[str] = set()
    pending = [stage]
    while pending:
        name = pending.pop()
        if name in by_name and name not in reached:
            reached.add(name)
            pending.extend(by_name[name].inputs)
    return tuple(one for one in stages if one.name in reached)


def artifact_component(plan: ReleasePlan, artifact: Artifact, source_tree: Digest) -> Component:
    """Describe the artifact itself, the subject of its bill."""
    titles = {package.name: package.title for package in plan.packages}
    # A repository that holds several packages names each in its own table.
    project = replace(plan.project, name=titles.get(artifact.package) or plan.project.name)
    if artifact.kind in {"wheel", "sdist"}:
        qualifiers = {"file_name": artifact.name}
        purl = Purl.of("pypi", project.name, project.version, qualifiers=qualifiers)
    elif artifact.kind == "deb":
        architecture = {"arch": artifact.platform.debian_architecture}
        purl = Purl.of("deb", project.name, project.version, qualifiers=architecture)
    else:
        purl = Purl.of("generic", project.name, project.version)
    toolchains = tuple(
        (f"sealift:toolchain:{one.name}", f"{one.description} {one.fingerprint}")
        for one in plan.toolchains
    )
    return Component(
        reference=f"artifact:{artifact.name}",
        kind=_KINDS[artifact.kind],
        name=project.name,
        version=project.version,
        purl=purl,
        sha256=artifact.file.digest,
        licence=project.licence,
        properties=(
            ("sealift:file", artifact.name),
            ("sealift:kind", artifact.kind),
            ("sealift:platform", str(artifact.platform)),
            ("sealift:source-tree", str(source_tree)),
            *toolchains,
        ),
    )


def download_component(download: Download, metadata: PythonMetadata | None) -> Component:
    """Describe a file that the lock pins; a build tool until something needs it to run."""
    purl = Purl.parse(download.purl)
    properties = [("sealift:file", download.filename), ("sealift:stage", download.group)]
    if metadata is not None:
        properties += [("sealift:unreadable-requirement", text) for text in metadata.unreadable]
    return Component(
        reference=str(purl),
        kind="library",
        name=download.name,
        version=download.version,
        purl=purl,
        sha256=download.digest,
        licence=download.licence or (metadata.licence if metadata is not None else ""),
        scope="excluded",
        properties=tuple(properties),
    )


def requirement_component(requirement: PythonRequirement, pinned: Component | None) -> Component:
    """Describe what an installed artifact will ask for.

    With `pinned`, the version that this release was built or tested with stands for it; without,
    the component has no version and only its range. A marker makes it optional: it depends on the
    user's machine.
    """
    scope: Scope = "optional" if requirement.marker else "required"
    facts = (("sealift:requirement", requirement.specifier), ("sealift:marker", requirement.marker))
    properties = tuple(fact for fact in facts if fact[1])
    if pinned is not None:
        return replace(pinned, scope=scope, properties=(*pinned.properties, *properties))
    purl = Purl.of("pypi", requirement.name)
    return Component(
        reference=str(purl),
        kind="library",
        name=requirement.name,
        purl=purl,
        scope=scope,
        properties=properties,
    )


def system_component(
    package: SystemPackage, *, distribution: str, architecture: str, properties: dict[str, str]
) -> Component:
    """Describe a package of the distribution that the artifact needs to run."""
    purl = Purl.of(
        "deb",
        package.name,
        package.version,
        namespace=distribution,
        qualifiers={"arch": architecture},
    )
    return Component(
        reference=str(purl),
        kind="library",
        name=package.name,
        version=package.version,
        purl=purl,
        properties=tuple((f"sealift:{key}", value) for key, value in properties.items() if value),
    )


def go_component(module: GoModule) -> Component:
    """Describe a Go module that is linked into a program."""
    namespace, _, name = module.path.rpartition("/")
    purl = Purl.of("golang", name, module.version, namespace=namespace)
    return Component(
        reference=str(purl), kind="library", name=module.path, version=module.version, purl=purl
    )


def npm_component(name: str, wanted: str, *, scope: Scope) -> Component:
    """Describe an npm package that an artifact will ask for: a range, and no version."""
    namespace, _, plain = name.rpartition("/")
    purl = Purl.of("npm", plain, namespace=namespace)
    return Component(
        reference=str(purl),
        kind="library",
        name=name,
        purl=purl,
        scope=scope,
        properties=(("sealift:requirement", wanted),),
    )


def node_component(wanted: str) -> Component:
    """Describe what every npm package runs on; `wanted` is its range of versions, or nothing."""
    properties = (("sealift:requirement", wanted),) if wanted else ()
    return Component(reference="engine:node", kind="platform", name="node", properties=properties)


def vendored_component(project: VendoredProject, tree: Digest) -> Component:
    """Describe sources that the project carries along."""
    return Component(
        reference=f"source:{project.folder}",
        kind="library",
        name=project.name,
        version=project.version,
        purl=Purl.of("generic", project.name, project.version),
        licence=project.licence,
        properties=(
            ("sealift:described-by", project.description),
            ("sealift:source-tree", str(tree)),
        ),
    )


def source_component(plan: ReleasePlan, tree: Digest) -> Component:
    """Describe the commit itself: what every file that comes from it is made of."""
    return Component(
        reference="source",
        kind="file",
        name=f"{plan.project.name} source",
        version=plan.project.version,
        licence=plan.project.licence,
        properties=(
            ("sealift:role", "source commit"),
            ("sealift:commit", plan.source.commit),
            ("sealift:tree", str(tree)),
        ),
    )


def upstream_component(plan: ReleasePlan, upstream: UpstreamArchive) -> Component:
    """Describe the source archive that the commit was made from."""
    purl = Purl.of(
        "generic",
        plan.project.name,
        plan.project.version,
        qualifiers={"checksum": str(upstream.digest), "file_name": upstream.name},
    )
    return Component(
        reference=f"upstream:{upstream.name}",
        kind="file",
        name=upstream.name,
        version=plan.project.version,
        purl=purl,
        sha256=upstream.digest,
        licence=plan.project.licence,
        scope="excluded",
        properties=(("sealift:role", "upstream source archive"),),
    )


def debian_dependencies(field: str) -> tuple[DebianDependency, ...]:
    """Read a Depends field; raise IntegrityError for a clause of another form (policy 7.1)."""
    dependencies: list[DebianDependency] = []
    for clause in (one.strip() for one in field.replace("\n", " ").split(",")):
        if not clause:
            continue
        alternatives = clause.split("|")
        match = _DEPENDENCY.match(alternatives[0].strip())
        if not match:
            raise IntegrityError(
                fact=f"Depends has the clause {clause[:80]!r}", expected="NAME (RELATION VERSION)"
            )
        dependencies.append(
            DebianDependency(
                name=match["name"],
                range=(match["range"] or "").strip(),
                alternatives=len(alternatives),
            )
        )
    return tuple(dependencies)


class Gathering:
    """Components by reference while a bill grows; the stronger scope of two wins."""

    _STRENGTH: Final[Mapping[Scope, int]] = {"excluded": 0, "optional": 1, "required": 2}

    def __init__(self) -> None:
        self._components: dict[str, Component] = {}

    def add(self, component: Component) -> str:
        """Take a component in, or strengthen the one that is there; return its reference."""
        known = self._components.get(component.reference)
        if known is None:
            self._components[component.reference] = component
            return component.reference
        stronger = max(known, component, key=lambda one: self._STRENGTH[one.scope])
        self._components[component.reference] = replace(
            stronger,
            depends_on=tuple(sorted({*known.depends_on, *component.depends_on})),
            properties=tuple(sorted({*known.properties, *component.properties})),
        )
        return component.reference

    def link(self, reference: str, depends_on: Iterable[str]) -> None:
        """Add relationships of a component that is there."""
        component = self._components[reference]
        self._components[reference] = replace(
            component, depends_on=tuple(sorted({*component.depends_on, *depends_on}))
        )

    def components(self) -> tuple[Component, ...]:
        """Return everything, sorted by reference."""
        return tuple(self._components[key] for key in sorted(self._components))
