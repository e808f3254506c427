"""The documents of the published tree that our client reads: one writer, one reader, one place.

Each is a TUF target, so its bytes are authentic before they are parsed. docs/formats.md shows each
one; golden files pin them.
"""

from dataclasses import dataclass
from typing import Final

from sealift.core.digest import Digest
from sealift.core.signing import KeyRole
from sealift.core.verdict import NotAssessed, Outcome, Verdict

RELEASE_FORMAT: Final = "sealift-release-v1"
CHANNEL_FORMAT: Final = "sealift-channel-v1"
POLICY_FORMAT: Final = "sealift-chain-policy-v1"

POLICY_TARGET: Final = "policy.json"
CHANNELS_ROLE: Final = "channels"


def release_target(version: str, name: str) -> str:
    """Return the TUF target path of a file of a release."""
    return f"releases/{version}/{name}"


def channel_target(channel: str) -> str:
    """Return the TUF target path of a channel's pointer, delegated to the `channels` role."""
    return f"channels/{channel}.json"


RELEASE_DOCUMENT_NAME: Final = "release.json"
ATTESTATIONS_NAME: Final = "attestations.jsonl"
CHECKSUMS_NAME: Final = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedArtifact:
    """A file that users may download, as `release.json` lists it."""

    name: str
    kind: str
    platform: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDocument:
    """`releases/VERSION/release.json`, signed by the release managers' key through TUF.

    `source_tree` is the digest of the source's tree; `attestations` the digest of
    `attestations.jsonl`, one Sigstore bundle a line.
    """

    format: str = RELEASE_FORMAT
    project: str
    version: str
    licence: str
    released_at: str
    commit: str
    tag: str
    source_tree: Digest
    plan: Digest
    artifacts: tuple[PublishedArtifact, ...]
    attestations: Digest
    gate_policy: str
    gate_outcome: Outcome
    verdicts: tuple[Verdict, ...]
    not_assessed: tuple[NotAssessed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDocument:
    """`channels/NAME.json`, signed by the online channels key through its TUF delegation.

    `sequence` only goes up. `previous` is the version that the channel named before, or empty.
    """

    format: str = CHANNEL_FORMAT
    project: str
    channel: str
    version: str
    sequence: int
    previous: str
    changed_at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key that the chain policy names for a role."""

    role: KeyRole
    key_id: str
    scheme: str
    pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPolicy:
    """`policy.json`: what a chain must show, so that clients need no configuration.

    `floor` is the oldest version that a channel may name. `released` lists all versions in the
    order of their release; a channel pointer to anything else is refused.
    """

    format: str = POLICY_FORMAT
    project: str
    floor: str
    released: tuple[str, ...]
    keys: tuple[TrustedKey, ...]
    builders: tuple[str, ...]
    predicates: tuple[str, ...]
