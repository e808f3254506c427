"""Zip archives, read strictly: what is not fully understood is no archive here.

Refused are zip64, encryption, several disks, bytes between or before members, and local headers
that disagree with the central directory (APPNOTE 6.3.10).
"""

import struct
from dataclasses import dataclass
from typing import Final

ZIP_MAGIC: Final = b"PK\x03\x04"
FLAG_ENCRYPTED: Final = 0x1
FLAG_DESCRIPTOR: Final = 0x8

_LOCAL: Final = struct.Struct("<4sHHHIIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHIIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_CENTRAL_MAGIC: Final = b"PK\x01\x02"
_END_MAGIC: Final = b"PK\x05\x06"
_DESCRIPTOR_MAGIC: Final = b"PK\x07\x08"
_COMMENT_BYTES_MAX: Final = 0xFFFF
_ZIP64: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipMember:
    """One member. `packed` are the bytes as stored, `time` the DOS time and date as one number."""

    name: bytes
    packed: bytes
    method: int
    crc: int
    size: int
    flags: int
    time: int
    made_by: int
    needed: int
    internal: int
    external: int
    extra_local: bytes
    extra_central: bytes
    comment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipArchive:
    """Members in the order of their bytes, and the archive's comment."""

    members: tuple[ZipMember, ...]
    comment: bytes


def parse_zip(data: bytes) -> ZipArchive | None:
    """Read an archive; None where it is not plain from its first byte to its last."""
    try:
        return _parse(data)
    except (struct.error, _NotPlainError):
        return None


def write_zip(archive: ZipArchive) -> bytes:
    """Write an archive without data descriptors, central directory in the order of members."""
    bodies: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for member in archive.members:
        flags = member.flags & ~FLAG_DESCRIPTOR
        shared = (flags, member.method, member.time, member.crc, len(member.packed), member.size)
        lengths = (len(member.name), len(member.extra_local))
        body = b"".join(
            (
                _LOCAL.pack(ZIP_MAGIC, member.needed, *shared, *lengths),
                *(member.name, member.extra_local, member.packed),
            )
        )
        directory.append(
            _CENTRAL.pack(
                _CENTRAL_MAGIC,
                *(member.made_by, member.needed, *shared),
                *(len(member.name), len(member.extra_central), len(member.comment)),
                *(0, member.internal, member.external, offset),
            )
            + member.name
            + member.extra_central
            + member.comment
        )
        bodies.append(body)
        offset += len(body)
    central = b"".join(directory)
    count = len(archive.members)
    end = _END.pack(_END_MAGIC, 0, 0, count, count, len(central), offset, len(archive.comment))
    return b"".join((*bodies, central, end, archive.comment))


class _NotPlainError(Exception):
    """Something that we do not understand whole."""


def _demand(truth: object) -> None:
    if not truth:
        raise _NotPlainError


def _parse(data: bytes) -> ZipArchive:
    end = data.rfind(_END_MAGIC, max(0, len(data) - _COMMENT_BYTES_MAX - _END.size))
    _demand(end >= 0)
    _, disk, first_disk, here, count, size, start, comment_length = _END.unpack_from(data, end)
    _demand((disk, first_disk) == (0, 0) and here == count)
    _demand(start + size == end and end + _END.size + comment_length == len(data))
    found: list[tuple[int, ZipMember]] = []
    position = start
    for _ in range(count):
        offset, member, position = _read_member(data, position, data_end=start)
        found.append((offset, member))
    _demand(position == end)
    found.sort(key=lambda pair: pair[0])
    covered = 0
    for offset, member in found:
        _demand(offset == covered)
        covered = _member_end(data, offset, member)
    _demand(covered == start)
    return ZipArchive(members=tuple(member for _, member in found), comment=data[end + _END.size :])


def _read_member(data: bytes, position: int, *, data_end: int) -> tuple[int, ZipMember, int]:
    """Return a member's offset, the member, and where the next central header begins."""
    central = _CENTRAL.unpack_from(data, position)
    magic, made_by, needed, flags, method, time, crc, packed_size, size = central[:9]
    name_length, extra_length, comment_length, disk, internal, external, offset = central[9:]
    _demand(magic == _CENTRAL_MAGIC and disk == 0 and not flags & FLAG_ENCRYPTED)
    _demand(_ZIP64 not in {packed_size, size, offset})
    begin = position + _CENTRAL.size
    name = data[begin : begin + name_length]
    extra_end = begin + name_length + extra_length
    local = _LOCAL.unpack_from(data, offset)
    _demand(local[0] == ZIP_MAGIC and local[2:5] == (flags, method, time))
    known = (crc, packed_size, size)
    _demand(local[5:8] == known or (flags & FLAG_DESCRIPTOR and local[5:8] == (0, 0, 0)))
    local_name = offset + _LOCAL.size
    body = local_name + local[8] + local[9]
    _demand(data[local_name : local_name + local[8]] == name and body + packed_size <= data_end)
    member = ZipMember(
        name=name,
        packed=data[body : body + packed_size],
        method=method,
        crc=crc,
        size=size,
        flags=flags,
        time=time,
        made_by=made_by,
        needed=needed,
        internal=internal,
        external=external,
        extra_local=data[local_name + local[8] : body],
        extra_central=data[begin + name_length : extra_end],
        comment=data[extra_end : extra_end + comment_length],
    )
    return offset, member, extra_end + comment_length


def _member_end(data: bytes, offset: int, member: ZipMember) -> int:
    """Return where a member ends, its data descriptor included."""
    end = offset + _LOCAL.size + len(member.name) + len(member.extra_local) + len(member.packed)
    if not member.flags & FLAG_DESCRIPTOR:
        return end
    sums = struct.pack("<III", member.crc, len(member.packed), member.size)
    for descriptor in (_DESCRIPTOR_MAGIC + sums, sums):
        if data.startswith(descriptor, end):
            return end + len(descriptor)
    return end
