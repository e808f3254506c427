"""The package step of a release: every package of the plan as one artifact."""

from collections.abc import Mapping
from dataclasses import replace

from sealift.base.store.port import BlobStore
from sealift.base.store.trees import load_tree
from sealift.core.action import ActionRecord
from sealift.core.artifact import Artifact, ArtifactKind
from sealift.core.digest import Descriptor
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.execution import Workshop
from sealift.core.progress import Progress, ProgressEvent
from sealift.core.release import (
    BuildReport,
    PackagePlan,
    PackageReport,
    ReleasePlan,
    SourceReport,
    ToolchainFacts,
)
from sealift.core.tree import Tree
from sealift.stations.package.model import Adopt, PackageRequest
from sealift.stations.package.port import Packager
from sealift.stations.package.tools import ToolShelf


class PackageSteps:
    """Package what a plan says, by the packager of each kind. Idempotent by the action cache."""

    def __init__(
        self,
        *,
        packagers: Mapping[ArtifactKind, Packager],
        workshop: Workshop,
        store: BlobStore,
        tools: ToolShelf,
        progress: Progress,
    ) -> None:
        self._packagers = packagers
        self._workshop = workshop
        self._store = store
        self._tools = tools
        self._progress = progress

    def package(self, plan: ReleasePlan, source: SourceReport, build: BuildReport) -> PackageReport:
        """Return the artifacts sorted by name, and the records of tools and package actions.

        Package actions run twice and are compared. Raises ConfigError when a stage's tree does not
        hold what a package needs, or when two packages would have one file name.
        """
        del source
        made = {record.action.stage: record for record in build.records}
        artifacts: dict[str, Artifact] = {}
        records: dict[str, ActionRecord] = {}
        for package in plan.packages:
            artifact = self._one(plan, package, made, records)
            if artifact.name in artifacts:
                raise ConfigError(
                    fact=f"packages `{artifacts[artifact.name].package}` and `{package.name}` "
                    f"both make `{artifact.name}`",
                    expected="each file once",
                    hint="leave one of the two tables out of sealift.toml",
                )
            artifacts[artifact.name] = artifact
        return PackageReport(
            artifacts=tuple(artifacts[name] for name in sorted(artifacts)),
            records=tuple(records.values()),
        )

    def _one(
        self,
        plan: ReleasePlan,
        package: PackagePlan,
        made: Mapping[str, ActionRecord],
        records: dict[str, ActionRecord],
    ) -> Artifact:
        packager = self._packagers[package.kind]
        stage = made[package.stage]
        tools = {name: self._tools.record(name) for name in packager.tools}
        request = PackageRequest(
            project=replace(plan.project, name=package.title or plan.project.name),
            package=package,
            tree=load_tree(self._store, stage.result.tree),
            globs=_globs(plan, package),
            tools=tuple((name, record.result.tree) for name, record in tools.items()),
            toolchain=_toolchain(plan, stage),
            epoch_s=plan.source.epoch_s,
            snapshot=plan.snapshot,
        )
        if request.stage in made:
            raise ConfigError(
                fact=f"stage `{request.stage}` has the name of a package's action",
                expected="another name for the stage",
                hint=f"rename [stages.{request.stage}] in sealift.toml",
            )
        draft = packager.draft(request)
        if isinstance(draft, Adopt):
            self._tell(package, f"{draft.path} of stage {package.stage}")
            platform = stage.action.platform if draft.native else package.platform
            placed = replace(package, platform=platform)
            return _artifact(placed, stage, request.tree, path=draft.path)
        records |= {record.action.stage: record for record in tools.values()}
        record = self._workshop.perform(draft.action, reproduce=True)
        records[record.action.stage] = record
        tree = load_tree(self._store, record.result.tree)
        return _artifact(package, record, tree, path=draft.path)

    def _tell(self, package: PackagePlan, detail: str) -> None:
        self._progress(
            ProgressEvent(
                kind="note", station="package", subject=f"package {package.name}", detail=detail
            )
        )


def _artifact(package: PackagePlan, record: ActionRecord, tree: Tree, *, path: str) -> Artifact:
    for entry in tree.entries:
        if entry.path == path and entry.digest is not None:
            return Artifact(
                name=path.rpartition("/")[2],
                kind=package.kind,
                package=package.name,
                platform=package.platform,
                file=Descriptor(digest=entry.digest, size_bytes=entry.size_bytes),
                stage=package.stage,
                tree=record.result.tree,
                path=path,
                action=record.action.digest,
            )
    raise IntegrityError(
        fact=f"`{path}` is not in the tree {record.result.tree.short}",
        expected="the file that the action made",
        where=f"package `{package.name}`",
    )


def _globs(plan: ReleasePlan, package: PackagePlan) -> tuple[str, ...]:
    """Return the globs that narrow the package; none when it names no output."""
    if not package.output:
        return ()
    for stage in plan.stages:
        if stage.name == package.stage:
            return tuple(glob for name, glob in stage.outputs if name == package.output)
    raise KeyError(package.stage)


def _toolchain(plan: ReleasePlan, stage: ActionRecord) -> ToolchainFacts:
    """Return the toolchain of the stage: what packs is what built."""
    for facts in plan.toolchains:
        if facts.name == stage.action.toolchain:
            return facts
    raise ConfigError(
        fact=f"stage `{stage.action.stage}` has no toolchain that could pack what it made",
        expected="a package from a stage of kind `build`",
        hint="change `from` in the package's table",
    )
