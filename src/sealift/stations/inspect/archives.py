"""Take the one small file out of a package that says what it needs.

A wheel's METADATA, a source distribution's PKG-INFO, an npm tarball's package.json, a Debian
package's control file. Everything is read in memory with limits; nothing is unpacked to disk, so no
path in an archive matters.
"""

import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Final

from sealift.core.errors import IntegrityError
from sealift.core.limits import PACKAGE_METADATA_BYTES_MAX

_AR_MAGIC: Final = b"!<arch>\n"
_AR_HEADER_BYTES: Final = 60
_AR_SIZE: Final = slice(48, 58)
_WHEEL_METADATA: Final = re.compile(r"[^/]+\.dist-info/METADATA\Z")
_SDIST_METADATA: Final = re.compile(r"[^/]+/PKG-INFO\Z")
_NPM_METADATA: Final = re.compile(r"package/package\.json\Z")
_CONTROL: Final = re.compile(r"(\./)?control\Z")
_CONTROL_MODES: Final = ("control.tar.gz", "control.tar.xz", "control.tar")
_BROKEN: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


def wheel_metadata(stream: IO[bytes], *, where: str) -> bytes:
    """Return the METADATA of a wheel; raise IntegrityError when there is none or more than one."""

    def read() -> bytes:
        with zipfile.ZipFile(stream) as archive:
            names = [name for name in archive.namelist() if _WHEEL_METADATA.match(name)]
            with archive.open(_single(names, "METADATA", where)) as member:
                return _bounded(member, where)

    return _guarded(read, where)


def sdist_metadata(stream: IO[bytes], *, where: str) -> bytes:
    """Return the top PKG-INFO of a source distribution; raise IntegrityError when not one."""
    return _guarded(lambda: _tar_member(stream, _SDIST_METADATA, "PKG-INFO", where), where)


def npm_metadata(stream: IO[bytes], *, where: str) -> bytes:
    """Return the package.json of an npm tarball; raise IntegrityError when not one."""
    return _guarded(lambda: _tar_member(stream, _NPM_METADATA, "package.json", where), where)


def debian_control(stream: IO[bytes], *, where: str) -> bytes:
    """Return the control file of a Debian package (deb(5)); raise IntegrityError when not one."""

    def read() -> bytes:
        for name, data in _ar_members(stream, where):
            if name in _CONTROL_MODES:
                return _tar_member(io.BytesIO(data), _CONTROL, "control", where)
        raise _unreadable(where, "no control archive that can be read")

    return _guarded(read, where)


def control_fields(data: bytes, *, where: str) -> dict[str, str]:
    """Split a control file into its fields, continuation lines joined; names in lower case."""
    fields: dict[str, str] = {}
    name = ""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _unreadable(where, "a control file that is not UTF-8") from error
    for line in text.splitlines():
        if line[:1] in {" ", "\t"} and name:
            fields[name] += "\n" + line.strip()
            continue
        name, colon, value = line.partition(":")
        name = name.lower()
        if line and (not colon or name in fields):
            raise _unreadable(where, f"the control line {line[:60]!r}")
        if line:
            fields[name] = value.strip()
    return fields


def _ar_members(stream: IO[bytes], where: str) -> Iterator[tuple[str, bytes]]:
    """Yield the members before `data.tar`: what comes after can be huge and says nothing."""
    if stream.read(len(_AR_MAGIC)) != _AR_MAGIC:
        raise _unreadable(where, "no `ar` archive")
    while header := stream.read(_AR_HEADER_BYTES):
        name = header[:16].decode("ascii").rstrip().rstrip("/")
        if len(header) != _AR_HEADER_BYTES or not header.endswith(b"`\n"):
            raise _unreadable(where, "a broken `ar` header")
        if name.startswith("data.tar"):
            return
        size_bytes = int(header[_AR_SIZE].decode("ascii"))
        if not 0 <= size_bytes <= PACKAGE_METADATA_BYTES_MAX:
            raise _unreadable(where, f"member `{name}` of {size_bytes} bytes")
        data = stream.read(size_bytes + size_bytes % 2)[:size_bytes]
        if len(data) != size_bytes:
            raise _unreadable(where, "a cut `ar` archive")
        yield name, data


def _tar_member(stream: IO[bytes], pattern: re.Pattern[str], what: str, where: str) -> bytes:
    found: list[bytes] = []
    with tarfile.open(fileobj=stream, mode="r:*") as archive:
        for member in archive:
            if member.isfile() and pattern.match(member.name):
                content = archive.extractfile(member)
                if content is not None:
                    found.append(_bounded(content, where))
    return found[int(_single([str(index) for index in range(len(found))], what, where))]


def _single(names: list[str], what: str, where: str) -> str:
    if len(names) != 1:
        raise IntegrityError(
            fact=f"the archive holds {len(names)} files {what}", expected="exactly one", where=where
        )
    return names[0]


def _bounded(stream: IO[bytes], where: str) -> bytes:
    data = stream.read(PACKAGE_METADATA_BYTES_MAX + 1)
    if len(data) > PACKAGE_METADATA_BYTES_MAX:
        raise IntegrityError(
            fact="its metadata is too large",
            expected=f"at most {PACKAGE_METADATA_BYTES_MAX} bytes",
            where=where,
        )
    return data


def _guarded(read: Callable[[], bytes], where: str) -> bytes:
    try:
        return read()
    except _BROKEN as error:
        raise _unreadable(where, f"an archive that cannot be read ({error})") from error


def _unreadable(where: str, what: str) -> IntegrityError:
    return IntegrityError(fact=f"found {what}", expected="a package of its kind", where=where)
