"""What `sealift.toml` and `sealift.lock` say, as frozen values, and what detection finds."""

from dataclasses import dataclass
from typing import Final, Literal

from sealift.core.artifact import ArtifactKind
from sealift.core.codec import to_json
from sealift.core.digest import Digest
from sealift.core.release import Condition, Download, UpstreamArchive

MANIFEST_NAME: Final = "sealift.toml"
LOCK_NAME: Final = "sealift.lock"
IGNORE_NAME: Final = ".gitignore"
LOCK_FORMAT: Final = "sealift-lock-v1"

VERSION_FROM_TAG: Final = "git-tag"
NO_ASSERTION: Final = "NOASSERTION"
"""SPDX's word for a licence that nobody could tell."""
SOURCE: Final = "source"
INDEX_PREFIX: Final = "pypi:"
STABLE: Final = "stable"
STARTER: Final = "starter"

StageKind = Literal["build", "test", "fetch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSpec:
    """The table `[project]`. `version` is `git-tag` or a literal version."""

    name: str
    version: str
    licence: str
    description: str = ""
    homepage: str = ""
    maintainer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """A table `[stages.NAME]`.

    `inputs` are `source` and names of stages; for a fetch stage `pypi:REQUIREMENT`. `outputs` are
    names and globs relative to the stage's folder, in the order of the manifest.
    """

    name: str
    kind: StageKind
    inputs: tuple[str, ...]
    run: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    timeout_s: int

    @property
    def requirements(self) -> tuple[str, ...]:
        """What a fetch stage asks the package index for, without the prefix."""
        if self.kind != "fetch":
            return ()
        return tuple(name.removeprefix(INDEX_PREFIX) for name in self.inputs)

    @property
    def needed_stages(self) -> tuple[str, ...]:
        """The stages that must run before this one, in the order of `inputs`."""
        if self.kind == "fetch":
            return ()
        return tuple(name for name in self.inputs if name != SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSpec:
    """A table `[packages.NAME]`.

    An empty `output` means all outputs of the stage, an empty `title` the project's name.
    """

    name: str
    kind: ArtifactKind
    stage: str
    output: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A whole manifest, stages and packages in the order in which they were written."""

    project: ProjectSpec
    stages: tuple[StageSpec, ...]
    packages: tuple[PackageSpec, ...]
    policy: str
    conditions: tuple[Condition, ...]
    url: str
    channels: tuple[str, ...]

    @property
    def fetch_stages(self) -> tuple[StageSpec, ...]:
        """The stages whose inputs `sealift lock` pins."""
        return tuple(stage for stage in self.stages if stage.kind == "fetch")


def inputs_digest(stage: StageSpec) -> Digest:
    """Return the digest of what a fetch stage asks for; the order of its inputs is no matter."""
    return Digest.of(to_json(sorted(stage.inputs)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedStage:
    """A fetch stage as it was when the lock was made, so that a later change is noticed."""

    name: str
    inputs: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A whole `sealift.lock`.

    `python` (`3.11`) and `platform` (`linux/amd64`) say for what the wheels were chosen; both are
    empty when nothing is downloaded.
    """

    python: str
    platform: str
    stages: tuple[LockedStage, ...]
    downloads: tuple[Download, ...]
    upstream: UpstreamArchive | None


DetectedKind = Literal["python", "autotools"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What the files of a project say about how it is built.

    `build_requires` and `test_requires` are requirements for the package index. `has_tests` tells
    whether there is a test suite to run; `tests_folder` names it. `importable` are the paths at the
    top of the source that hold the package itself, so that tests can run without them, against the
    built wheel. `configure_options` are for autotools.
    """

    kind: DetectedKind
    project: ProjectSpec
    build_requires: tuple[str, ...] = ()
    test_requires: tuple[str, ...] = ()
    tests_folder: str = ""
    importable: tuple[str, ...] = ()
    configure_options: tuple[str, ...] = ()

    @property
    def has_tests(self) -> bool:
        """Whether the source holds a test suite."""
        return bool(self.tests_folder)
