"""Read the signed documents of the tree strictly, and judge what a channel may say.

The documents' bytes are authentic already (they are TUF targets); here they must also mean one
thing: unknown fields, another format and another project are refused.
"""

from typing import TypeVar

from sealift.base.specs.strictjson import parse_json
from sealift.client.trust import SeenPointer
from sealift.core.codec import from_plain, to_json
from sealift.core.errors import ConfigError, IntegrityError, PolicyDenied
from sealift.core.limits import PUBLISHED_DOCUMENT_BYTES_MAX
from sealift.core.published import (
    CHANNEL_FORMAT,
    POLICY_FORMAT,
    RELEASE_FORMAT,
    ChainPolicy,
    ChannelDocument,
    ReleaseDocument,
)
from sealift.core.version import Version

STABLE = "stable"

D = TypeVar("D", ChainPolicy, ChannelDocument, ReleaseDocument)


def parse_policy(data: bytes, *, project: str) -> ChainPolicy:
    """Read `policy.json`; raise IntegrityError if it is not this project's."""
    policy = _parse(ChainPolicy, data, POLICY_FORMAT, project)
    if policy.floor not in policy.released or len(set(policy.released)) != len(policy.released):
        raise IntegrityError(
            fact=f"policy of {project} has the floor `{policy.floor[:80]}`",
            expected="one of the versions that it lists once each",
        )
    return policy


def parse_release(data: bytes, *, project: str, version: str) -> ReleaseDocument:
    """Read `release.json`; raise IntegrityError if it is not of this project and version."""
    release = _parse(ReleaseDocument, data, RELEASE_FORMAT, project)
    if release.version != version:
        raise IntegrityError(
            fact=f"release document is of version `{release.version[:80]}`", expected=version
        )
    return release


def parse_channel(data: bytes, *, project: str, channel: str) -> ChannelDocument:
    """Read a channel's pointer; raise IntegrityError if it is another channel's."""
    document = _parse(ChannelDocument, data, CHANNEL_FORMAT, project)
    if document.channel != channel:
        raise IntegrityError(
            fact=f"pointer is of channel `{document.channel[:80]}`", expected=f"`{channel}`"
        )
    return document


def judge_pointer(
    document: ChannelDocument, *, policy: ChainPolicy, seen: SeenPointer | None
) -> SeenPointer:
    """Return the pointer if an online key may say it; raise IntegrityError otherwise.

    It may choose among released versions at or above the floor, only forwards in its sequence, and
    no pre-release on `stable` (DESIGN.md, section 9).
    """
    where = f"channel {document.channel}"
    if document.version not in policy.released:
        raise IntegrityError(
            where=where,
            fact=f"points at {document.version[:80]}, which was never released",
            expected=f"one of {_last(policy.released)}",
        )
    if _is_below_floor(document.version, policy):
        raise IntegrityError(
            where=where,
            fact=f"points at {document.version}, below the floor",
            expected=f"{policy.floor} or later",
        )
    if document.channel == STABLE and Version(document.version).is_prerelease:
        raise IntegrityError(
            where=where,
            fact=f"points at the pre-release {document.version}",
            expected="a release: pre-releases never reach stable",
        )
    pointer = SeenPointer(sequence=document.sequence, version=document.version)
    if seen is None:
        return pointer
    if pointer.sequence < seen.sequence:
        raise IntegrityError(
            where=where,
            fact=f"has sequence {pointer.sequence}",
            expected=f"{seen.sequence} or more, which this machine has seen",
        )
    if pointer.sequence == seen.sequence and pointer != seen:
        raise IntegrityError(
            where=where,
            fact=f"says {pointer.version} under sequence {pointer.sequence}",
            expected=f"{seen.version}, as it said before under the same sequence",
        )
    return pointer


def judge_version(version: str, *, policy: ChainPolicy) -> None:
    """Return if a user may ask for this version; ConfigError if unknown, PolicyDenied if too old.

    The floor binds here too: who signed it says that what lies below is not to be run.
    """
    if version not in policy.released:
        raise ConfigError(
            fact=f"{policy.project} has no release {version[:80]}",
            expected=f"one of {_last(policy.released)}",
        )
    if _is_below_floor(version, policy):
        raise PolicyDenied(
            fact=f"{policy.project} {version} is below the floor that its maintainers signed",
            expected=f"{policy.floor} or later",
            hint=f"run `sealift get {policy.project}`",
        )


def _is_below_floor(version: str, policy: ChainPolicy) -> bool:
    # By position: the order of release is signed, the order of version strings is a matter of taste
    return policy.released.index(version) < policy.released.index(policy.floor)


def _parse(kind: type[D], data: bytes, expected: str, project: str) -> D:
    plain = parse_json(data, size_bytes_max=PUBLISHED_DOCUMENT_BYTES_MAX)
    document = from_plain(kind, plain)
    if document.format != expected:
        raise IntegrityError(
            fact=f"document has the format `{document.format[:80]}`",
            expected=expected,
            hint="update Sealift",
        )
    # A field that we do not know could be a condition that we would not keep.
    if to_json(document) != to_json(plain):
        raise IntegrityError(
            fact=f"{kind.__name__} has fields that this version does not know, or lacks some",
            expected=expected,
            hint="update Sealift",
        )
    if document.project != project:
        raise IntegrityError(
            fact=f"{kind.__name__} is of project `{document.project[:80]}`",
            expected=f"`{project}`",
        )
    return document


def _last(versions: tuple[str, ...], count: int = 8) -> str:
    more = "…, " if len(versions) > count else ""
    return more + ", ".join(versions[-count:])
