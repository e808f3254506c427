"""Where each effective value of a plan comes from: a line of the manifest or the lock, or a rule.

What is written in the manifest holds. What it leaves out is a default. Without a manifest all that
one would say is detection's. What the lock says is never a choice: it pins what the manifest asks
for. Nothing else has a say: no variable, no command-line option, no file of the machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from sealift.core.release import ReleasePlan
from sealift.stations.plan.model import (
    HOST,
    LOCK_NAME,
    MANIFEST_NAME,
    VERSION_FROM_TAG,
    Lock,
    Manifest,
    StageSpec,
)
from sealift.stations.plan.positions import KeyPath, locate_all

Origin = Literal["manifest", "detection", "default", "lock", "tag", "commit", "machine"]

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One effective value. `place` is `FILE:LINE:COLUMN` where it is written, else the rule."""

    key: str
    value: str
    origin: Origin
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a plan was made of: the manifest and the lock with their bytes.

    Both may not be on disk: `detected` and `lock_written` tell.
    """

    manifest: Manifest
    manifest_data: bytes
    detected: bool
    lock: Lock | None
    lock_data: bytes
    lock_written: bool
    plan: ReleasePlan


def explain(made_of: Explained) -> tuple[Setting, ...]:
    """Return every setting in the order of the manifest's reference; a pure function."""
    return tuple(_Explainer(made_of).settings())


class _Explainer:
    def __init__(self, made_of: Explained) -> None:
        self._made_of = made_of
        self._manifest = made_of.manifest
        self._written = locate_all(made_of.manifest_data)
        self._locked = locate_all(made_of.lock_data)

    def settings(self) -> Iterator[Setting]:
        yield from self._project()
        yield from self._toolchains()
        for stage in self._manifest.stages:
            yield from self._stage(stage)
        for package in self._manifest.packages:
            path: KeyPath = ("packages", package.name)
            yield self._set((*path, "kind"), package.kind, "the table's name")
            yield self._set((*path, "from"), package.stage)
            yield self._set((*path, "output"), package.output or "all outputs", "all outputs")
        yield self._set(("gate", "policy"), self._manifest.policy)
        for condition in self._manifest.conditions:
            yield self._set(("gate", "conditions", condition.name), condition.expression)
        yield self._set(("publish", "site", "url"), self._manifest.url or "none")
        channels = ", ".join(self._manifest.channels) or "none"
        yield self._set(("channels",), channels, "a release moves `stable`")
        yield from self._lock()

    def _project(self) -> Iterator[Setting]:
        project, plan = self._manifest.project, self._made_of.plan
        yield self._set(("project", "name"), project.name)
        if project.version == VERSION_FROM_TAG:
            yield Setting(
                key="project.version",
                value=plan.project.version,
                origin="tag" if plan.source.tag else "commit",
                place=plan.source.tag or plan.source.commit[:12],
            )
        else:
            yield self._set(("project", "version"), project.version)
        for name in ("licence", "description", "homepage", "maintainer"):
            yield self._set(("project", name), getattr(project, name) or "none")
        yield Setting(
            key="source.epoch",
            value=str(plan.source.epoch_s),
            origin="commit",
            place=plan.source.commit[:12],
        )

    def _toolchains(self) -> Iterator[Setting]:
        for facts in self._made_of.plan.toolchains:
            if facts.kind == HOST:
                yield Setting(
                    key="toolchains.host.fingerprint",
                    value=str(facts.fingerprint),
                    origin="machine",
                    place=facts.description,
                )
        for toolchain in self._manifest.toolchains:
            path: KeyPath = ("toolchains", toolchain.name)
            yield self._set((*path, "root"), toolchain.root)
            packages = " ".join(toolchain.packages) or "none"
            yield self._set((*path, "packages"), packages)

    def _stage(self, stage: StageSpec) -> Iterator[Setting]:
        path: KeyPath = ("stages", stage.name)
        narrowed = dict(stage.only)
        yield self._set((*path, "kind"), stage.kind)
        for number, name in enumerate(stage.inputs):
            globs = narrowed.get(name)
            only = f" only {' '.join(globs)}" if globs else ""
            yield self._set((*path, "inputs", number), f"{name}{only}")
        if stage.kind == "fetch":
            return
        lines = len(stage.run)
        more = f" (+{lines - 1} lines)" if lines > 1 else ""
        yield self._set((*path, "run"), f"{stage.run[0]}{more}")
        for name, glob in stage.outputs:
            yield self._set((*path, "outputs", name), glob)
        yield self._set((*path, "toolchain"), stage.toolchain)
        for name, value in stage.environment:
            yield self._set((*path, "environment", name), value)
        yield self._set((*path, "folder"), stage.folder or "the source, or an empty folder")
        yield self._set((*path, "timeout"), f"{stage.timeout_s} seconds")
        yield self._set((*path, "memory"), f"{stage.memory_bytes // _MIB} MiB")
        platform = self._made_of.plan.stages[0].platform
        yield Setting(
            key=_dotted((*path, "platform")),
            value=str(platform),
            origin="machine",
            place="this machine builds for itself",
        )

    def _lock(self) -> Iterator[Setting]:
        lock = self._made_of.lock
        if lock is None:
            return
        for number, toolchain in enumerate(lock.toolchains):
            yield self._pinned(
                ("toolchain", number, "sha256"),
                f"toolchains.{toolchain.name}.digest",
                str(toolchain.digest),
            )
        for number, download in enumerate(lock.downloads):
            yield self._pinned(
                ("download", number, "sha256"),
                f"stages.{download.group}.files.{download.filename}",
                str(download.digest),
            )
        if lock.upstream is not None:
            key = f"upstream.{lock.upstream.name}"
            yield self._pinned(("upstream", "sha256"), key, str(lock.upstream.digest))

    def _set(self, path: KeyPath, value: str, default: str = "") -> Setting:
        """Return a setting with the line where it is written; without one it is a default."""
        origin: Origin = "default"
        place = default or "docs/reference/manifest.md"
        if path in self._written:
            line, column = self._written[path]
            origin = "detection" if self._made_of.detected else "manifest"
            place = (
                "what `sealift init` would write"
                if self._made_of.detected
                else f"{MANIFEST_NAME}:{line}:{column}"
            )
        return Setting(key=_dotted(path), value=value, origin=origin, place=place)

    def _pinned(self, path: KeyPath, key: str, value: str) -> Setting:
        line, column = self._locked.get(path, (1, 1))
        written = f"{LOCK_NAME}:{line}:{column}"
        place = written if self._made_of.lock_written else "what `sealift lock` would write"
        return Setting(key=key, value=value, origin="lock", place=place)


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)
