"""What `sealift rebuild` finds: every action and every file of a release, made again and compared.

`unknown` is said wherever something was missing or not the same (a toolchain, an input, a
document), unless the bytes are identical anyway: bytes decide.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sealift.core.action import Reproduced
from sealift.core.digest import Digest

REBUILD_FORMAT: Final = "sealift-rebuild-v1"

_WORST_FIRST: Final[tuple[Reproduced, ...]] = ("different", "unknown", "equivalent", "identical")


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuiltAction:
    """One action, run again. `published` and `rebuilt` are the trees that it left."""

    stage: str
    kind: str
    action: Digest
    published: Digest
    rebuilt: Digest | None
    outcome: Reproduced
    reason: str = ""
    stabilisers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuiltFile:
    """One file that users download, made again."""

    name: str
    published: Digest
    rebuilt: Digest | None
    outcome: Reproduced
    reason: str = ""
    stabilisers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuiltToolchain:
    """A toolchain that the release was built with, and what stood in for it; None for nothing."""

    name: str
    published: Digest
    here: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildVerdict:
    """The verdict on a release, as it is written and signed.

    `attestations` is the digest of the statements that it was rebuilt from, `source` says where
    the source was taken from, `outcome` is the worst of the files'. `rebuilt_at` is RFC 3339.
    """

    format: str = REBUILD_FORMAT
    project: str
    version: str
    commit: str
    attestations: Digest
    source: str
    outcome: Reproduced
    files: tuple[RebuiltFile, ...]
    actions: tuple[RebuiltAction, ...]
    toolchains: tuple[RebuiltToolchain, ...]
    rebuilt_at: str
    platform: str
    tool: str


def worst(outcomes: Iterable[Reproduced]) -> Reproduced:
    """Return the worst outcome: different, unknown, equivalent, identical; unknown for none."""
    found = set(outcomes)
    return next((outcome for outcome in _WORST_FIRST if outcome in found), "unknown")
