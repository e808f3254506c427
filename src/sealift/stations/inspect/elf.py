"""Which shared libraries an ELF file asks for, read from its dynamic section.

Both classes and byte orders. Whatever lies outside of the file is refused. Specification: System V
ABI, chapters 4 and 5.
"""

import struct
from dataclasses import dataclass
from typing import IO, Final

from sealift.core.errors import IntegrityError

MAGIC: Final = b"\x7fELF"
_LOAD: Final = 1
_DYNAMIC: Final = 2
_TAG_END: Final = 0
_TAG_NEEDED: Final = 1
_TAG_STRINGS: Final = 5
_PROGRAM_HEADERS_MAX: Final = 1_024
_DYNAMIC_BYTES_MAX: Final = 1024 * 1024
_NAME_BYTES_MAX: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size_bytes: int


def needed_libraries(stream: IO[bytes], *, where: str) -> tuple[str, ...]:
    """Return the names of DT_NEEDED in the file's order; empty for a static file.

    Raises IntegrityError for a file that only starts like ELF.
    """
    try:
        return _needed(stream)
    except (struct.error, ValueError, OverflowError, OSError) as error:
        raise IntegrityError(
            fact=f"a broken ELF file ({error})", expected="an ELF file", where=where
        ) from error


def _needed(stream: IO[bytes]) -> tuple[str, ...]:
    identity = _read(stream, 0, 16)
    if identity[:4] != MAGIC or identity[4] not in {1, 2} or identity[5] not in {1, 2}:
        raise ValueError("no ELF identity")
    wide = identity[4] == 2  # noqa: PLR2004 - ELFCLASS64
    order = "<" if identity[5] == 1 else ">"
    segments = _segments(stream, order, wide=wide)
    dynamic = next((one for one in segments if one.kind == _DYNAMIC), None)
    if dynamic is None:
        return ()
    if dynamic.size_bytes > _DYNAMIC_BYTES_MAX:
        raise ValueError("its dynamic section is too large")
    form = struct.Struct(order + ("qQ" if wide else "iI"))
    table = _read(stream, dynamic.offset, dynamic.size_bytes)
    strings = 0
    needed: list[int] = []
    for tag, value in form.iter_unpack(table[: len(table) // form.size * form.size]):
        if tag == _TAG_END:
            break
        if tag == _TAG_NEEDED:
            needed.append(value)
        elif tag == _TAG_STRINGS:
            strings = value
    if not needed:
        return ()
    start = _file_offset(segments, strings)
    return tuple(_name(stream, start + offset) for offset in needed)


def _segments(stream: IO[bytes], order: str, *, wide: bool) -> list[_Segment]:
    # e_phoff, e_phentsize and e_phnum of the header.
    if wide:
        (table,) = struct.unpack(order + "Q", _read(stream, 32, 8))
        entry_bytes, count = struct.unpack(order + "HH", _read(stream, 54, 4))
    else:
        (table,) = struct.unpack(order + "I", _read(stream, 28, 4))
        entry_bytes, count = struct.unpack(order + "HH", _read(stream, 42, 4))
    if count > _PROGRAM_HEADERS_MAX:
        raise ValueError("too many program headers")
    segments: list[_Segment] = []
    for index in range(count):
        row = _read(stream, table + index * entry_bytes, 40)
        if wide:
            kind, _, offset, address, _, size_bytes = struct.unpack(order + "IIQQQQ", row)
        else:
            kind, offset, address, _, size_bytes = struct.unpack(order + "IIIII", row[:20])
        segments.append(_Segment(kind=kind, offset=offset, address=address, size_bytes=size_bytes))
    return segments


def _file_offset(segments: list[_Segment], address: int) -> int:
    for one in segments:
        if one.kind == _LOAD and one.address <= address < one.address + one.size_bytes:
            return one.offset + address - one.address
    raise ValueError("its names lie in no segment")


def _name(stream: IO[bytes], offset: int) -> str:
    stream.seek(offset)
    name, end, _ = stream.read(_NAME_BYTES_MAX).partition(b"\0")
    if not end or not name:
        raise ValueError("a library without a name")
    return name.decode("ascii")


def _read(stream: IO[bytes], offset: int, size_bytes: int) -> bytes:
    stream.seek(offset)
    data = stream.read(size_bytes)
    if len(data) != size_bytes:
        raise ValueError(f"cut at byte {offset}")
    return data
