"""When a channel's pointer moves, and what it then says. Pure.

A pointer's sequence only goes up, so that an old pointer cannot be shown again as a new one; a
prerelease never reaches `stable`; a release never moves a channel back to an older version by
itself, because that is a rollback, which a person asks for.
"""

from typing import Final

from packaging.version import InvalidVersion
from packaging.version import Version as ComparableVersion

from sealift.core.published import ChannelDocument
from sealift.core.release import ChannelPointer
from sealift.core.verdict import Skipped
from sealift.core.version import Version

STABLE: Final = "stable"


def next_pointer(
    previous: ChannelDocument | None,
    *,
    project: str,
    channel: str,
    version: Version,
    changed_at: str,
    reason: str,
) -> ChannelDocument | Skipped:
    """Return the pointer that names `version`, or why the channel stays where it is."""
    if channel == STABLE and version.is_prerelease:
        return Skipped(reason=f"{version} is a prerelease, which never reaches `{STABLE}`")
    if previous is not None and previous.version == version.text:
        return Skipped(reason=f"it names {version} already")
    if previous is not None and is_older(version.text, than=previous.version):
        return Skipped(reason=f"it names {previous.version}, which is newer than {version}")
    return ChannelDocument(
        project=project,
        channel=channel,
        version=version.text,
        sequence=previous.sequence + 1 if previous else 1,
        previous=previous.version if previous else "",
        changed_at=changed_at,
        reason=reason,
    )


def is_older(version: str, *, than: str) -> bool:
    """Tell whether `version` is certainly older; schemes that cannot be compared are not."""
    try:
        return ComparableVersion(version) < ComparableVersion(than)
    except InvalidVersion:
        return False


def pointer_of(document: ChannelDocument) -> ChannelPointer:
    """Say a published pointer as a report holds it."""
    return ChannelPointer(
        channel=document.channel,
        version=document.version,
        sequence=document.sequence,
        previous=document.previous,
        changed_at=document.changed_at,
        reason=document.reason,
    )
