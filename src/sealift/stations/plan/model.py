"""What `sealift.toml` and `sealift.lock` say, as frozen values, and what detection finds."""

from dataclasses import dataclass
from typing import Final, Literal

from sealift.core.artifact import ArtifactKind
from sealift.core.codec import to_json
from sealift.core.digest import Digest
from sealift.core.limits import ACTION_MEMORY_BYTES
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

HOST: Final = "host"
"""The toolchain of a stage that names none: this machine's own programs."""

StageKind = Literal["build", "test", "fetch"]
RootKind = Literal["host", "debian", "oci"]


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
    names and globs relative to the stage's folder, in the order of the manifest. `environment` is
    sorted; `folder` lies below the source; `only` narrows inputs to what globs match.
    """

    name: str
    kind: StageKind
    inputs: tuple[str, ...]
    run: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    timeout_s: int
    toolchain: str = HOST
    environment: tuple[tuple[str, str], ...] = ()
    memory_bytes: int = ACTION_MEMORY_BYTES
    folder: str = ""
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()

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
class ToolchainSpec:
    """A table `[toolchains.NAME]`: which root, and the distribution's packages to put into it.

    `origin` is the suite of a Debian root, or the folder of an OCI layout, whose image is `image`.
    """

    name: str
    kind: RootKind
    origin: str = ""
    image: Digest | None = None
    packages: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """What the manifest calls the root, and the lock repeats."""
        if self.kind == "host":
            return HOST
        pinned = f"@{self.image}" if self.image else ""
        return f"{self.kind}:{self.origin}{pinned}"


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
    toolchains: tuple[ToolchainSpec, ...] = ()

    @property
    def pinned_toolchains(self) -> tuple[ToolchainSpec, ...]:
        """The toolchains whose roots `sealift lock` pins."""
        return tuple(one for one in self.toolchains if one.kind != HOST)

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
class LockedToolchain:
    """The root of a toolchain as a tar in the store, and what was asked for when it was made.

    `installed` are the distribution's packages in it as `NAME:ARCHITECTURE=VERSION`, sorted.
    """

    name: str
    root: str
    packages: tuple[str, ...]
    digest: Digest
    size_bytes: int
    installed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A whole `sealift.lock`.

    `python` (`3.11`) says for what the wheels were chosen and is empty when nothing is downloaded;
    `platform` (`linux/amd64`) holds for the roots as well, and is empty when there is neither.
    """

    python: str
    platform: str
    stages: tuple[LockedStage, ...]
    downloads: tuple[Download, ...]
    upstream: UpstreamArchive | None
    toolchains: tuple[LockedToolchain, ...] = ()


DetectedKind = Literal[
    "python", "rust", "go", "autotools", "cmake", "meson", "node", "make", "monorepo"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What the files of a project say about how it is built.

    `build_requires` and `test_requires` are requirements for the package index. `has_tests` tells
    whether there is a test suite to run; `tests_folder` names it. `importable` are the paths at the
    top of the source that hold the package itself, so that tests can run without them, against the
    built wheel. `configure_options` are for autotools, `generate` says that its `configure` has to
    be made first. `targets` are what the project itself offers: npm scripts, make targets, packages
    of Go or Rust with a program, a suite of CMake or Meson. `parts` are what a monorepo holds, each
    in its own `folder`, which is empty at the top.
    """

    kind: DetectedKind
    project: ProjectSpec
    build_requires: tuple[str, ...] = ()
    test_requires: tuple[str, ...] = ()
    tests_folder: str = ""
    importable: tuple[str, ...] = ()
    configure_options: tuple[str, ...] = ()
    generate: bool = False
    targets: tuple[str, ...] = ()
    folder: str = ""
    parts: tuple["Detected", ...] = ()

    @property
    def has_tests(self) -> bool:
        """Whether the source holds a test suite."""
        return bool(self.tests_folder)
