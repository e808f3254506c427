"""The build station's values: where things lie inside the sandbox, what runs there, what came out.

Outside paths are text here: this room is pure, drivers turn them into `Path`.
"""

from dataclasses import dataclass
from typing import Final

from sealift.core.action import Isolation
from sealift.core.codec import digest_of
from sealift.core.digest import Digest
from sealift.core.tree import Tree

SITE_FOLDER: Final = "site"
FILES_FOLDER: Final = "files"

HOST_TOOLCHAIN: Final = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """How a second run differs from the first, so that what depends on it shows.

    `changes` names each dimension and its value, for the record; a dimension that this machine
    cannot change is in there as `not perturbed: <why>`. `environment` overrides variables of the
    action. `umask` is for the command, `user_id` for who it runs as. `processors` is how many the
    first run had. With `last_first` the files of inputs are written in reverse order.
    """

    changes: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    hostname: str
    user_id: int
    umask: int
    single_processor: bool
    processors: int = 0
    last_first: bool = False

    @property
    def digest(self) -> Digest:
        """What a cached reproduction is filed under, beside its action's key."""
        return digest_of(self)


UNPERTURBED: Final = Perturbation(
    changes=(),
    environment=(),
    hostname="sealift",
    user_id=1_000,
    umask=0o022,
    single_processor=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """An outside path shown inside, read-only unless `writable`."""

    outside: str
    inside: str
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """What a toolchain shows of its root: read-only mounts, links, and folders shown empty."""

    mounts: tuple[Mount, ...]
    links: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRun:
    """One command to run in isolation: nothing but `root` and `mounts` is visible to it.

    `environment` is complete. `file_bytes_max` bounds each file that it writes.
    """

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    folder: str
    root: Root
    mounts: tuple[Mount, ...]
    hostname: str
    user_id: int
    umask: int
    single_processor: bool
    timeout_s: int
    memory_bytes: int
    file_bytes_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOutcome:
    """How a command ended. `exit_code` is negative for a signal.

    `limits_hit` names what stopped something inside: `memory`, `processes`.
    """

    exit_code: int
    timed_out: bool
    duration_ms: int
    limits_hit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What one run of an action gave, before it enters the cache."""

    tree: Tree
    log: Digest
    isolation: Isolation
