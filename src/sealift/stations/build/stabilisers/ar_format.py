"""Unix ar archives (`.deb`, `.a`): 60-byte headers, contents padded to even lengths."""

from dataclasses import dataclass
from typing import Final

AR_MAGIC: Final = b"!<arch>\n"
_HEADER_BYTES: Final = 60
_HEADER_END: Final = b"`\n"
_PADDING: Final = b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArMember:
    """A member: `name` is the raw 16 bytes, `owner` time, user and group, `mode` as written."""

    name: bytes
    owner: bytes
    mode: bytes
    content: bytes


def parse_ar(data: bytes) -> tuple[ArMember, ...] | None:
    """Return all members in order; None for anything but a whole, plain archive."""
    if not data.startswith(AR_MAGIC):
        return None
    members: list[ArMember] = []
    position = len(AR_MAGIC)
    while position < len(data):
        header = data[position : position + _HEADER_BYTES]
        digits = header[48:58].rstrip()
        if len(header) != _HEADER_BYTES or not digits.isdigit() or header[58:] != _HEADER_END:
            return None
        begin = position + _HEADER_BYTES
        end = begin + int(digits)
        padding = data[end : end + int(digits) % 2]
        if end > len(data) or padding not in {b"", _PADDING}:
            return None
        members.append(
            ArMember(
                name=header[:16], owner=header[16:40], mode=header[40:48], content=data[begin:end]
            )
        )
        position = end + len(padding)
    # A missing pad byte at the very end would be written: not what we read, so not understood.
    return tuple(members) if write_ar(members) == data else None


def write_ar(members: list[ArMember] | tuple[ArMember, ...]) -> bytes:
    """Write an archive."""
    parts = [AR_MAGIC]
    for member in members:
        size = str(len(member.content)).encode().ljust(10)
        parts += [member.name, member.owner, member.mode, size, _HEADER_END, member.content]
        parts.append(_PADDING * (len(member.content) % 2))
    return b"".join(parts)
