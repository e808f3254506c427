"""`zip-metadata@1`: order, times, attributes and time or owner fields of zip members are fixed.

For zip, wheel, jar and egg. A member's mode shrinks to one bit (executable), as in trees; what it
is (file, folder, symlink), its name, comments and packed bytes stay. Archives that hold a name
twice keep their order: there the last one counts.
"""

import stat
import struct
from dataclasses import replace
from typing import Final

from sealift.stations.build.stabilisers.stabiliser import Stabiliser
from sealift.stations.build.stabilisers.zip_format import (
    ZIP_MAGIC,
    ZipArchive,
    ZipMember,
    parse_zip,
    write_zip,
)

# 1980-01-01 00:00:00, the first moment that DOS knows.
_FIRST_MOMENT: Final = 0x00210000
_UNIX_2_0: Final = 3 << 8 | 20
_NEEDED: Final = 20
_UTF8_NAME: Final = 0x800
_MODE_SHIFT: Final = 16
_DOS_FOLDER: Final = 0x10
_SET_ID: Final = stat.S_ISUID | stat.S_ISGID
# Extended time, two generations of Unix owners, NTFS times, the mark of the first jar member.
_DROPPED_FIELDS: Final = frozenset({0x5455, 0x5855, 0x7855, 0x7875, 0x000A, 0xCAFE})


def _stabilise(data: bytes) -> bytes:
    archive = parse_zip(data)
    if archive is None:
        return data
    members = [_plain(member) for member in archive.members]
    if len({member.name for member in members}) == len(members):
        members.sort(key=lambda member: member.name)
    return write_zip(ZipArchive(members=tuple(members), comment=archive.comment))


def _plain(member: ZipMember) -> ZipMember:
    return replace(
        member,
        flags=member.flags & _UTF8_NAME,
        time=_FIRST_MOMENT,
        made_by=_UNIX_2_0,
        needed=_NEEDED,
        internal=0,
        external=_attributes(member),
        extra_local=_kept_fields(member.extra_local),
        extra_central=_kept_fields(member.extra_central),
    )


def _attributes(member: ZipMember) -> int:
    mode = member.external >> _MODE_SHIFT
    is_folder = member.name.endswith(b"/")
    kind = stat.S_IFMT(mode) or (stat.S_IFDIR if is_folder else stat.S_IFREG)
    access = 0o755 if is_folder or mode & stat.S_IXUSR else 0o644
    return (kind | mode & _SET_ID | access) << _MODE_SHIFT | (_DOS_FOLDER if is_folder else 0)


def _kept_fields(extra: bytes) -> bytes:
    kept: list[bytes] = []
    position = 0
    while position + 4 <= len(extra):
        identifier, length = struct.unpack_from("<HH", extra, position)
        field = extra[position : position + 4 + length]
        if identifier not in _DROPPED_FIELDS:
            kept.append(field)
        position += len(field) if len(field) == 4 + length else 4 + length
    return b"".join(kept) + extra[position:]


ZIP_METADATA: Final = Stabiliser(
    name="zip-metadata@1",
    fits=lambda _, data: data.startswith(ZIP_MAGIC),
    stabilise=_stabilise,
)
