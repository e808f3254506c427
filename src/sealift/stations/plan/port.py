"""What the plan station asks of the world: files to look at, an index, a resolver."""

from dataclasses import dataclass
from typing import Protocol

from sealift.core.digest import Descriptor, Digest
from sealift.stations.plan.model import ToolchainSpec


class SourceListing(Protocol):
    """The files of a project, on disk or in a commit, for detection."""

    @property
    def name(self) -> str:
        """The folder's name, a last resort for the project's."""

    def paths(self) -> tuple[str, ...]:
        """Return the relative paths of all files, sorted."""

    def read(self, path: str, *, size_bytes_max: int) -> bytes:
        """Return at most the first `size_bytes_max` bytes of a file; nothing when it is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """One file as a package index offers it. `digest` is None where the index states none."""

    project: str
    filename: str
    url: str
    digest: Digest | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRoot:
    """A root as a tar in the store, and the distribution's packages in it where they are known."""

    tar: Descriptor
    installed: tuple[str, ...]


class RootMaker(Protocol):
    """Make the root of a toolchain: the same request, at the same time, gives the same bytes."""

    def make(self, toolchain: ToolchainSpec) -> MadeRoot:
        """Return the root as a normalised tar in the store (docs/formats.md, "Toolchain roots").

        Raises ConfigError when a program is missing or the root cannot be had here, IntegrityError
        when what is there is not what the digest says, UnavailableError when a mirror is.
        """


class PackageIndex(Protocol):
    """Find and get files of a package index by name, never by address."""

    def find_file(self, project: str, filename: str, *, digest: Digest | None = None) -> IndexFile:
        """Return where a file is served, preferring a place that states `digest`.

        Raises IntegrityError when it is served, but only with other digests; UnavailableError when
        no place serves it or none can be asked.
        """

    def download(self, file: IndexFile, *, digest: Digest | None) -> Descriptor:
        """Stream the file into the store and return its descriptor; idempotent.

        Raises IntegrityError, and stores nothing, when its sha256 is not `digest` (None: not the
        one that the index states).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedFile:
    """One file that a set of requirements comes down to.

    `requested` is true when a requirement named it, false when another file did.
    """

    name: str
    version: str
    filename: str
    digest: Digest | None
    requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What requirements come down to for one Python (`3.11`), sorted by file name."""

    python: str
    files: tuple[ResolvedFile, ...]


class RequirementResolver(Protocol):
    """Choose files for requirements, without running any project's code."""

    def resolve(self, requirements: tuple[str, ...], *, constraints: tuple[str, ...]) -> Resolution:
        """Return wheels that satisfy `requirements` and all that these need.

        `constraints` limit versions and ask for nothing. Raises ConfigError when nothing satisfies
        them, UnavailableError when the index cannot be asked.
        """
