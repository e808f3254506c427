"""Read the control paragraph of a Debian package, strictly (deb(5), deb-control(5)).

Only what our index needs is read: the `ar` members up to `control.tar`, and in it `./control`.
Compression with gzip, xz or none; zstd is refused with a hint, since Debian 12 has no need of it.
"""

import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from sealift.core.errors import IntegrityError
from sealift.core.limits import PACKAGE_METADATA_BYTES_MAX

_MAGIC: Final = b"!<arch>\n"
_HEADER_BYTES: Final = 60
_HEADER_END: Final = b"`\n"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_FIELD: Final = re.compile(r"(?P<name>[!-,.-9;-~][!-9;-~]*):(?P<value>.*)\Z")
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+\Z")
_DEMANDED: Final = ("Package", "Version", "Architecture", "Maintainer", "Description")
# What the index itself says about a package: control data must not say it first.
_RESERVED: Final = frozenset({"filename", "size", "md5sum", "sha1", "sha256", "sha512"})


def read_control(stream: BinaryIO, *, where: str) -> bytes:
    """Return the control paragraph of the package in `stream`, checked.

    Raises IntegrityError naming `where` for anything that is no plain Debian package.
    """
    try:
        members = _members(stream)
        name, data = next(members, ("", b""))
        if name != "debian-binary" or not data.startswith(b"2."):
            raise _bad(where, "it does not start with `debian-binary` 2.x")
        name, data = next(members, ("", b""))
        control = _control_of_tar(_unpack(name, data), where)
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError) as error:
        raise _bad(where, str(error) or type(error).__name__) from error
    parse_control(control, where=where)
    return control


def parse_control(data: bytes, *, where: str) -> tuple[tuple[str, str], ...]:
    """Split a control paragraph into fields in their order; values keep their continuation lines.

    Raises IntegrityError for a second paragraph, a field given twice, a field that only an index
    may state, or a missing mandatory field.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _bad(where, "its control data is not UTF-8") from error
    fields: list[tuple[str, str]] = []
    for line in text.rstrip("\n").split("\n"):
        if not line.strip() or (not line.isprintable() and "\t" not in line):
            raise _bad(where, f"its control data has the line {line[:80]!r}")
        if line[0] in " \t":
            if not fields:
                raise _bad(where, "its control data starts with a continuation line")
            name, value = fields.pop()
            fields.append((name, f"{value}\n{line}"))
            continue
        match = _FIELD.match(line)
        if not match:
            raise _bad(where, f"its control data has the line {line[:80]!r}")
        fields.append((match["name"], match["value"].strip()))
    _check_fields(tuple(fields), where)
    return tuple(fields)


def _check_fields(fields: tuple[tuple[str, str], ...], where: str) -> None:
    names = [name.lower() for name, _ in fields]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise _bad(where, f"its control data states `{double[0]}` twice")
    reserved = sorted(_RESERVED.intersection(names))
    if reserved:
        raise _bad(where, f"its control data states `{reserved[0]}`, which only an index may")
    for wanted in _DEMANDED:
        if wanted.lower() not in names:
            raise _bad(where, f"its control data has no `{wanted}`")
    package = dict(zip(names, (value for _, value in fields), strict=True))["package"]
    if not _NAME.match(package):
        raise _bad(where, f"`{package[:80]}` is no package name")


def _members(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield the name and bytes of each `ar` member until one is larger than control data may be."""
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no ar archive")
    while header := stream.read(_HEADER_BYTES):
        if len(header) != _HEADER_BYTES or not header.endswith(_HEADER_END):
            raise ValueError("an ar header is damaged")
        size_text = header[48:58].strip()
        if not size_text.isdigit():
            raise ValueError("an ar header states no size")
        size_bytes = int(size_text)
        if size_bytes > PACKAGE_METADATA_BYTES_MAX:
            raise ValueError(f"control data of {size_bytes} bytes is too large")
        data = stream.read(size_bytes)
        if len(data) != size_bytes:
            raise ValueError("it is truncated")
        stream.read(size_bytes % 2)
        yield header[:16].decode("ascii").strip().rstrip("/"), data


def _unpack(name: str, data: bytes) -> bytes:
    """Decompress `control.tar*`, bounded."""
    match name:
        case "control.tar":
            return data
        case "control.tar.gz":
            decompressor = zlib.decompressobj(_GZIP_WINDOW)
            unpacked = decompressor.decompress(data, PACKAGE_METADATA_BYTES_MAX)
            ended = decompressor.eof
        case "control.tar.xz":
            xz = lzma.LZMADecompressor(memlimit=16 * PACKAGE_METADATA_BYTES_MAX)
            unpacked = xz.decompress(data, PACKAGE_METADATA_BYTES_MAX)
            ended = xz.eof
        case _:
            raise ValueError(f"its second member is `{name}`, not control.tar[.gz|.xz]")
    if not ended:
        raise ValueError("its control data is truncated or too large")
    return unpacked


def _control_of_tar(data: bytes, where: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        found = [
            member for member in archive.getmembers() if member.name.removeprefix("./") == "control"
        ]
        if len(found) != 1 or not found[0].isreg():
            raise _bad(where, "it has no single regular file `control`")
        reader = archive.extractfile(found[0])
        return reader.read() if reader is not None else b""


def _bad(where: str, reason: str) -> IntegrityError:
    return IntegrityError(
        fact=f"`{where}` is no Debian package that can be published: {reason}",
        hint=f"run `dpkg-deb --info {where}`",
    )
