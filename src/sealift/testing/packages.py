"""Builders of small but real packages: a Debian package, a wheel, a source distribution.

Deterministic: no clock, no user. Stock tools (dpkg-deb, pip, tar) accept what is made here.
"""

import gzip
import io
import lzma
import tarfile
import zipfile
from typing import Final

_AR_MAGIC: Final = b"!<arch>\n"
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


def control_paragraph(*, package: str, version: str, architecture: str = "amd64") -> bytes:
    """Write the control data of a package that depends on the C library."""
    return (
        f"Package: {package}\n"
        f"Version: {version}\n"
        f"Architecture: {architecture}\n"
        f"Maintainer: {package} maintainers <maintainers@example.org>\n"
        "Section: utils\n"
        "Priority: optional\n"
        "Depends: libc6 (>= 2.34)\n"
        f"Description: the sample program {package}\n"
        " It does nothing, and it does it well.\n"
    ).encode()


def ar_archive(*members: tuple[str, bytes]) -> bytes:
    """Write the archive format of Debian packages."""
    parts = [_AR_MAGIC]
    for name, data in members:
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def tar_archive(*members: tuple[str, bytes]) -> bytes:
    """Write a plain tar of regular files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def debian_package(control: bytes, *, compression: str = "gz") -> bytes:
    """Write a .deb that installs one text file; `compression` is gz, xz or empty."""
    pack = {"gz": lambda data: gzip.compress(data, mtime=0), "xz": lzma.compress, "": bytes}
    suffix = f".{compression}" if compression else ""
    data = tar_archive(("./usr/share/sample/readme", b"a sample\n"))
    return ar_archive(
        ("debian-binary", b"2.0\n"),
        (f"control.tar{suffix}", pack[compression](tar_archive(("./control", control)))),
        ("data.tar.gz", gzip.compress(data, mtime=0)),
    )


def core_metadata(*, name: str, version: str, extra: str = "Requires-Python: >=3.8\n") -> bytes:
    """Write core metadata; `extra` are further header lines."""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extra}".encode()


def wheel(*, name: str, version: str, metadata: bytes) -> bytes:
    """Write a pure wheel with one module."""
    module = f"{name}/__init__.py"
    folder = f"{name}-{version}.dist-info"
    files = {
        module: f'__version__ = "{version}"\n'.encode(),
        f"{folder}/METADATA": metadata,
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{folder}/RECORD"))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in {**files, f"{folder}/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(path, _ZIP_TIME), data)
    return stream.getvalue()


def source_distribution(*, name: str, version: str, metadata: bytes) -> bytes:
    """Write an sdist with its PKG-INFO and one module."""
    top = f"{name}-{version}"
    data = tar_archive(
        (f"{top}/PKG-INFO", metadata), (f"{top}/{name}/__init__.py", b"# a sample\n")
    )
    return gzip.compress(data, mtime=0)
