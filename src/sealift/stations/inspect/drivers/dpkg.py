"""What a Debian-like toolchain has installed, read from dpkg's own records.

`status` gives versions, `info/*.shlibs` says which package provides a shared library (Debian
policy, 8.6.4.2). On a machine without dpkg everything is unknown, and said so.
"""

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final

from sealift.stations.inspect.port import SystemPackage

_ADMIN_FOLDER: Final = Path("/var/lib/dpkg")
_OS_RELEASE: Final = Path("/etc/os-release")
_SHLIBS_FIELDS: Final = 3
_ID: Final = re.compile(r'^ID="?([a-z0-9._-]+)"?$', re.MULTILINE)


class DpkgPackages:
    """Read dpkg's database once, when it is first asked. A driver of `SystemPackages`."""

    def __init__(
        self, *, admin_folder: Path = _ADMIN_FOLDER, os_release: Path = _OS_RELEASE
    ) -> None:
        self._admin_folder = admin_folder
        self._os_release = os_release

    @cached_property
    def distribution(self) -> str:
        """The id of os-release(5)."""
        match = _ID.search(_text(self._os_release))
        return match[1] if match else ""

    def package(self, name: str) -> SystemPackage:
        """Look a package up by name; see `SystemPackages`."""
        return SystemPackage(name=name, version=self._versions.get(name, ""))

    def library_owner(self, soname: str) -> SystemPackage | None:
        """Look a shared library up by its soname; see `SystemPackages`."""
        owner = self._owners.get(soname)
        return self.package(owner) if owner is not None else None

    @cached_property
    def _versions(self) -> dict[str, str]:
        versions: dict[str, str] = {}
        for stanza in _text(self._admin_folder / "status").split("\n\n"):
            fields = dict(
                line.split(": ", 1)
                for line in stanza.splitlines()
                if ": " in line and not line.startswith(" ")
            )
            if fields.get("Status", "").endswith(" installed") and "Version" in fields:
                versions[fields.get("Package", "")] = fields["Version"]
        return versions

    @cached_property
    def _owners(self) -> dict[str, str]:
        owners: dict[str, str] = {}
        for path in sorted((self._admin_folder / "info").glob("*.shlibs")):
            package = path.name.removesuffix(".shlibs").partition(":")[0]
            for line in _text(path).splitlines():
                parts = line.partition("#")[0].split()
                if parts and parts[0].endswith(":"):
                    parts = parts[1:]  # a clause for udebs or another package type
                if len(parts) >= _SHLIBS_FIELDS:
                    owners.setdefault(f"{parts[0]}.so.{parts[1]}", package)
                    owners.setdefault(f"{parts[0]}-{parts[1]}.so", package)
        return owners


class RootPackages:
    """Read the records of an unpacked root, whose folder is asked for when they are needed."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    @property
    def distribution(self) -> str:
        """The id of os-release(5)."""
        return self._packages.distribution

    def package(self, name: str) -> SystemPackage:
        """Look a package up by name; see `SystemPackages`."""
        return self._packages.package(name)

    def library_owner(self, soname: str) -> SystemPackage | None:
        """Look a shared library up by its soname; see `SystemPackages`."""
        return self._packages.library_owner(soname)

    @cached_property
    def _packages(self) -> DpkgPackages:
        folder = self._folder()
        return DpkgPackages(
            admin_folder=folder / "var/lib/dpkg", os_release=folder / "usr/lib/os-release"
        )


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
