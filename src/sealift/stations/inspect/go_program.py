"""Which Go release and which modules a program was linked from, as its linker wrote them down.

Reads the inline form of Go 1.18 and later (the package `debug/buildinfo` describes it). A program
that holds none is no Go program; what only looks like one is passed over.
"""

from dataclasses import dataclass
from typing import IO, Final

from sealift.core.limits import COPY_CHUNK_BYTES

_MAGIC: Final = b"\xff Go buildinf:"
_ALIGNMENT: Final = 16
_HEADER_BYTES: Final = 32
_FLAGS: Final = 15
_INLINE: Final = 2
_SENTINEL_BYTES: Final = 16
_STRING_BYTES_MAX: Final = 1024 * 1024
_VARINT_BYTES_MAX: Final = 5
_FIELDS: Final = 3
STANDARD_LIBRARY: Final = "stdlib"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoModule:
    """A module in a program; the standard library is `stdlib`, versions are as Go writes them."""

    path: str
    version: str


def go_modules(stream: IO[bytes]) -> tuple[GoModule, ...]:
    """Return the standard library and every dependency; nothing for a program that is not Go's.

    The main module is left out: it is the project itself.
    """
    for offset in _places(stream):
        found = _strings(stream, offset)
        if found is not None and found[0].startswith("go"):
            release, modules = found
            library = GoModule(
                path=STANDARD_LIBRARY, version=release.removeprefix("go").partition(" ")[0]
            )
            return (library, *_dependencies(modules))
    return ()


def _places(stream: IO[bytes]) -> list[int]:
    """Return where the magic stands on its boundary."""
    places: list[int] = []
    offset, kept = 0, b""
    stream.seek(0)
    while chunk := stream.read(COPY_CHUNK_BYTES):
        data = kept + chunk
        at = data.find(_MAGIC)
        while at >= 0:
            if (offset + at) % _ALIGNMENT == 0:
                places.append(offset + at)
            at = data.find(_MAGIC, at + 1)
        # What is cut in two by the end of a chunk is found with the next one, and only then.
        kept = data[-(len(_MAGIC) - 1) :]
        offset += len(data) - len(kept)
    return places


def _strings(stream: IO[bytes], offset: int) -> tuple[str, str] | None:
    """Return the release and the module information, None where they cannot be read."""
    stream.seek(offset)
    header = stream.read(_HEADER_BYTES)
    if len(header) != _HEADER_BYTES or not header[_FLAGS] & _INLINE:
        return None
    release, modules = _string(stream), _string(stream)
    if release is None or modules is None:
        return None
    inside = modules[_SENTINEL_BYTES:-_SENTINEL_BYTES]
    return release.decode("utf-8", "replace"), inside.decode("utf-8", "replace")


def _string(stream: IO[bytes]) -> bytes | None:
    """Read a string behind its length, a base-128 number with the low bits first."""
    length = 0
    for shift in range(0, 7 * _VARINT_BYTES_MAX, 7):
        byte = stream.read(1)
        if not byte:
            return None
        length |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:  # noqa: PLR2004 - the bit that says: more follows
            break
    if length > _STRING_BYTES_MAX:
        return None
    data = stream.read(length)
    return data if len(data) == length else None


def _dependencies(text: str) -> list[GoModule]:
    found: list[GoModule] = []
    for line in text.splitlines():
        word, *fields = line.split("\t")
        fields += [""] * (_FIELDS - len(fields))
        module = GoModule(path=fields[0], version=fields[1])
        if word == "dep" and module.path:
            found.append(module)
        elif word == "=>" and module.path and found:
            # What was linked stands in for what was asked for.
            found[-1] = module
    return found
