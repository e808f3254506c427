"""A stage resolved: everything that can change its outputs, and nothing else.

The sha256 of an action's canonical JSON is its cache key (DESIGN.md, law 2).
"""

from dataclasses import dataclass
from typing import Final, Literal

from sealift.core.codec import digest_of
from sealift.core.digest import Digest
from sealift.core.platform import Platform

ACTION_FORMAT: Final = "sealift-action-v1"

ActionKind = Literal["source", "fetch", "select", "build", "test", "package"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInput:
    """One tree that the action sees, under `/build/<name>` (the source: the working folder)."""

    name: str
    tree: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What an executor runs. All fields enter the cache key.

    `command` is an argv; a stage's script is `("/bin/sh", "-eu", "-c", script)`. `environment` is
    complete: nothing else is visible. `outputs` are named globs relative to the output folder.
    `parameters` are facts that decide the result without being visible inside, such as the pinned
    digests of a fetch. `reads` are further host paths bound read-only, which the toolchain's
    fingerprint covers.
    """

    format: str = ACTION_FORMAT
    kind: ActionKind
    stage: str
    command: tuple[str, ...]
    inputs: tuple[ActionInput, ...]
    outputs: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    toolchain: str
    toolchain_fingerprint: Digest
    platform: Platform
    parameters: tuple[tuple[str, str], ...] = ()
    reads: tuple[str, ...] = ()
    network: bool = False
    timeout_s: int
    memory_bytes: int

    @property
    def digest(self) -> Digest:
        """The cache key."""
        return digest_of(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What isolation an action really had, as probed; goes into the provenance."""

    sandbox: str
    network: bool
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What running an action gave. `tree` is the digest of the tree of all matched outputs."""

    action: Digest
    tree: Digest
    log: Digest
    isolation: Isolation


Reproduced = Literal["identical", "equivalent", "different", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A second run in a perturbed environment, and how it compared.

    `stabilisers` names, with their versions, what made the runs equal when they are `equivalent`.
    `reason` says the first cause when they are `different`.
    """

    outcome: Reproduced
    perturbations: tuple[tuple[str, str], ...]
    tree: Digest | None
    first_difference: str = ""
    reason: str = ""
    stabilisers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    """An action, its result and its reproduction, as the journal keeps them.

    `cached` and `duration_ms` are for the terminal only and never reach signed bytes: they differ
    between a run and its resumption.
    """

    action: Action
    result: ActionResult
    reproduction: Reproduction | None = None
    cached: bool = False
    duration_ms: int = 0
