"""What the client reports, as frozen values."""

from dataclasses import dataclass
from typing import Literal

from sealift.base.specs.chain import Link
from sealift.core.digest import Digest
from sealift.core.published import PublishedArtifact

TrustOrigin = Literal["demanded", "first-use", "pinned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetReport:
    """What `get` did.

    `trust` says why the root is trusted: `demanded` by a fingerprint that the user gave, `pinned`
    by an earlier contact, or taken on `first-use`, which the user should compare. `sequence` is
    the channel's, None when a version was asked for. `already` is true when the verified file lay
    there before.
    """

    project: str
    version: str
    channel: str
    sequence: int | None
    artifact: PublishedArtifact
    path: str
    address: str
    root: Digest
    trust: TrustOrigin
    already: bool
    links: tuple[Link, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `verify` found: which release the file belongs to, and every link that holds."""

    project: str
    version: str
    artifact: PublishedArtifact
    path: str
    digest: Digest
    root: Digest
    links: tuple[Link, ...]
    notes: tuple[str, ...]
