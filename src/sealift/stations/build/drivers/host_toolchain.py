"""The `host` toolchain: this machine's `/usr`, recorded as what it is and never called hermetic.

Shown are `/usr` (with `/usr/local` empty: no package manager vouches for it), the links or folders
`/bin`, `/sbin`, `/lib*`, and a short list of `/etc`. The fingerprint covers the installed packages
by version, `os-release`, the machine and that list; it cannot see a file that somebody changed in
place, which is why a release by a pinned root is stronger.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from sealift.core.digest import Digest
from sealift.core.release import ToolchainFacts
from sealift.stations.build.model import HOST_TOOLCHAIN, Mount, Root

_FINGERPRINT_FORMAT: Final = "sealift-host-toolchain-v1"
_ROOT_NAMES: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC_NAMES: Final = (
    "alternatives",
    "debian_version",
    "dpkg",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
)
_PROGRAM_FOLDERS: Final = ("usr/bin", "bin")


class HostToolchain:
    """The port `Toolchain` over this machine, or over an unpacked root at `root_folder`."""

    def __init__(self, *, machine: str, root_folder: Path = Path("/")) -> None:
        self._machine = machine
        self._folder = root_folder

    def facts(self) -> ToolchainFacts:
        """Return the fingerprint and a description for people; computed once."""
        return self._facts

    def root(self) -> Root:
        """Return what is shown of this machine."""
        mounts = [Mount(outside=str(self._folder / "usr"), inside="/usr")]
        links = [("../usr/lib/os-release", "/etc/os-release"), ("../tmp", "/var/tmp")]  # noqa: S108 - paths inside the sandbox
        for name in _ROOT_NAMES:
            path = self._folder / name
            if path.is_symlink():
                links.append((str(path.readlink()), f"/{name}"))
            elif path.is_dir():
                mounts.append(Mount(outside=str(path), inside=f"/{name}"))
        for name in _ETC_NAMES:
            path = self._folder / "etc" / name
            if path.exists():
                mounts.append(Mount(outside=str(path), inside=f"/etc/{name}"))
        hidden = ("/usr/local",) if (self._folder / "usr/local").is_dir() else ()
        return Root(mounts=tuple(mounts), links=tuple(links), hidden=hidden)

    def provides(self, program: str) -> bool:
        """Tell whether a command of this name would be found inside."""
        return any((self._folder / each / program).exists() for each in _PROGRAM_FOLDERS)

    @cached_property
    def _facts(self) -> ToolchainFacts:
        packages = sorted(_installed(self._folder / "var/lib/dpkg/status"))
        release = _text(self._folder / "etc/os-release") or _text(
            self._folder / "usr/lib/os-release"
        )
        hasher = hashlib.sha256(f"{_FINGERPRINT_FORMAT}\n{self._machine}\n{release}\n".encode())
        for line in packages or _programs(self._folder / "usr"):
            hasher.update(f"{line}\n".encode())
        for line in _described(self._folder / "etc"):
            hasher.update(f"{line}\n".encode())
        counted = f"{len(packages)} packages" if packages else "no package list"
        return ToolchainFacts(
            name=HOST_TOOLCHAIN,
            kind="host",
            fingerprint=Digest(hasher.hexdigest()),
            description=f"{_pretty_name(release)}, {counted}",
        )


def _installed(status: Path) -> Iterator[str]:
    """Yield `name:architecture=version` of every installed package of a dpkg status file."""
    for stanza in _text(status).split("\n\n"):
        fields = {
            key: value.strip()
            for key, colon, value in (line.partition(":") for line in stanza.splitlines())
            if colon and not key.startswith(" ")
        }
        if fields.get("Status", "").endswith(" installed"):
            yield f"{fields['Package']}:{fields['Architecture']}={fields['Version']}"


def _programs(usr: Path) -> Iterator[str]:
    """Yield names and sizes of programs and libraries, where no package list vouches for them."""
    for folder in ("bin", "lib", "lib64"):
        if (usr / folder).is_dir():
            for path in sorted((usr / folder).iterdir()):
                yield f"{folder}/{path.name} {path.lstat().st_size}"


def _described(etc: Path) -> Iterator[str]:
    """Yield a line for every file below the listed names of `/etc`: target or digest."""
    for name in _ETC_NAMES:
        top = etc / name
        paths = sorted(top.rglob("*")) if top.is_dir() else [top]
        for path in paths:
            label = path.relative_to(etc)
            if path.is_symlink():
                yield f"{label} -> {path.readlink()}"
            elif path.is_file():
                yield f"{label} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _pretty_name(release: str) -> str:
    for line in release.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip('"')
    return "unknown system"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
