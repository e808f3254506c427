"""Read the core metadata out of wheels and source distributions (PEP 427, PEP 625, PEP 658)."""

import tarfile
import zipfile
import zlib
from typing import BinaryIO

from packaging.metadata import parse_email

from sealift.core.errors import IntegrityError
from sealift.core.limits import DOWNLOAD_BYTES_MAX, PACKAGE_METADATA_BYTES_MAX

_DEPTH_OF_METADATA = 2


def read_wheel_metadata(stream: BinaryIO, *, where: str) -> bytes:
    """Return `NAME.dist-info/METADATA` byte for byte; IntegrityError when it is no wheel."""
    try:
        with zipfile.ZipFile(stream) as archive:
            found = [
                info
                for info in archive.infolist()
                if info.filename.endswith(".dist-info/METADATA") and info.filename.count("/") == 1
            ]
            if len(found) != 1:
                raise _bad(where, f"it has {len(found)} METADATA files in `.dist-info`")
            with archive.open(found[0]) as member:
                return _bounded(member.read(PACKAGE_METADATA_BYTES_MAX + 1), where)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        raise _bad(where, str(error) or type(error).__name__) from error


def read_sdist_metadata(stream: BinaryIO, *, where: str) -> bytes:
    """Return `NAME-VERSION/PKG-INFO` byte for byte; IntegrityError when it is no sdist."""
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for member in archive:
                if member.offset > DOWNLOAD_BYTES_MAX:
                    break
                parts = member.name.split("/")
                if len(parts) != _DEPTH_OF_METADATA or parts[1] != "PKG-INFO":
                    continue
                reader = archive.extractfile(member) if member.isreg() else None
                if reader is not None:
                    return _bounded(reader.read(PACKAGE_METADATA_BYTES_MAX + 1), where)
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OSError) as error:
        raise _bad(where, str(error) or type(error).__name__) from error
    raise _bad(where, "it has no PKG-INFO in its top folder")


def requires_python(metadata: bytes) -> str:
    """Return the `Requires-Python` that core metadata states, or an empty text."""
    raw, _ = parse_email(metadata)
    return raw.get("requires_python", "")


def has_requirements(metadata: bytes) -> bool:
    """Tell whether core metadata asks for other distributions."""
    raw, _ = parse_email(metadata)
    return bool(raw.get("requires_dist"))


def _bounded(data: bytes, where: str) -> bytes:
    if len(data) > PACKAGE_METADATA_BYTES_MAX:
        raise _bad(where, f"its metadata is larger than {PACKAGE_METADATA_BYTES_MAX} bytes")
    return data


def _bad(where: str, reason: str) -> IntegrityError:
    return IntegrityError(
        fact=f"`{where}` is no Python distribution that can be published: {reason}",
        hint=f"run `python3 -m zipfile -l {where}` or `tar tf {where}`",
    )
