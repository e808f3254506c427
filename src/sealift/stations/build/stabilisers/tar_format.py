"""Tar archives of files, folders and links, as values; anything else is not understood here."""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MAGIC_OFFSET: Final = 257
_MAGIC: Final = b"ustar"
_KINDS: Final = frozenset(
    {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE}
)
# What the header itself says again: tarfile writes these from the member's own fields.
_HEADER_KEYWORDS: Final = frozenset({"path", "linkpath", "size", "uid", "gid", "uname", "gname"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TarMember:
    """One member; `keywords` are extended attributes of the pax format."""

    name: str
    kind: bytes
    content: bytes
    target: str
    mode: int
    mtime_s: float
    owner: tuple[int, int, str, str]
    keywords: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TarArchive:
    """Members in order; `keywords` are those of the whole archive, such as git's commit."""

    members: tuple[TarMember, ...]
    keywords: tuple[tuple[str, str], ...]


def is_tar(data: bytes) -> bool:
    """Tell whether the first header is a tar's (POSIX or GNU)."""
    return data[_MAGIC_OFFSET : _MAGIC_OFFSET + len(_MAGIC)] == _MAGIC


def parse_tar(data: bytes) -> TarArchive | None:
    """Read a whole archive; None for devices, sparse files, cut archives and bytes behind.

    None as well where writing it and reading that gives anything else: names that no header holds.
    """
    try:
        archive = _read(data)
        # UnicodeEncodeError, for keywords that are no text, is a ValueError.
        understood = archive is not None and _read(write_tar(archive)) == archive
    except (tarfile.TarError, ValueError, OverflowError):
        return None
    return archive if understood else None


def _read(data: bytes) -> TarArchive | None:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        members: list[TarMember] = []
        for item in archive:
            if item.type not in _KINDS or item.issparse():
                return None
            content = archive.extractfile(item) if item.isreg() else None
            body = content.read() if content is not None else b""
            if item.isreg() and len(body) != item.size:
                return None
            members.append(_member(item, body))
        # An unreadable header ends the loop as the end does; then more than zeros follows.
        whole = not data[archive.offset :].strip(b"\0")
        keywords = _sorted(archive.pax_headers)
    return TarArchive(members=tuple(members), keywords=keywords) if whole else None


def write_tar(archive: TarArchive) -> bytes:
    """Write an archive in the pax format."""
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w:", format=tarfile.PAX_FORMAT, pax_headers=dict(archive.keywords)
    ) as target:
        for member in archive.members:
            item = tarfile.TarInfo(member.name)
            item.type = member.kind
            item.linkname = member.target
            item.mode = member.mode
            item.mtime = member.mtime_s
            item.uid, item.gid, item.uname, item.gname = member.owner
            item.size = len(member.content)
            item.pax_headers = dict(member.keywords)
            target.addfile(item, io.BytesIO(member.content))
    return out.getvalue()


def _member(item: tarfile.TarInfo, content: bytes) -> TarMember:
    return TarMember(
        name=item.name,
        kind=tarfile.REGTYPE if item.isreg() else item.type,
        content=content,
        target=item.linkname,
        mode=item.mode,
        mtime_s=item.mtime,
        owner=(item.uid, item.gid, item.uname, item.gname),
        keywords=_sorted(
            {
                key: value
                for key, value in item.pax_headers.items()
                if key not in _HEADER_KEYWORDS and key != "mtime"
            }
        ),
    )


def _sorted(keywords: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(keywords.items()))
