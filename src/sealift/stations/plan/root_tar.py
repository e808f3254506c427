"""A toolchain's root as one normalised tar: what makers leave, made the same everywhere.

Entries come sorted by path, owned by root, at the epoch, with mode 0755 or 0644: times, owners and
devices are of no use behind a sandbox that shows the root read-only to one user. Hard links stay.
Layers are laid over each other as OCI says (image-spec, layer.md: whiteouts), parents are followed
through symlinks inside the root, and nothing is ever written outside of the tar.
"""

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from sealift.core.errors import IntegrityError
from sealift.core.limits import (
    PATH_LENGTH_MAX,
    SYMLINKS_FOLLOWED_MAX,
    TOOLCHAIN_BYTES_MAX,
    TOOLCHAIN_ENTRIES_MAX,
)

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
# Filled by the sandbox anew for every run.
_LEFT_OUT: Final = ("dev", "proc", "run", "sys", "tmp")
_EXECUTABLE: Final = 0o111
_PASSED_CHECK: Final = "a tar of files, folders and links"


@dataclass(slots=True, kw_only=True)
class _Entry:
    """What lies at a path: where its bytes are, or where it points to."""

    kind: bytes
    target: str = ""
    archive: int = 0
    offset: int = 0
    size_bytes: int = 0
    executable: bool = False


@dataclass(slots=True)
class _Root:
    """All entries by path, `""` being the top."""

    entries: dict[str, _Entry] = field(default_factory=dict)
    size_bytes: int = 0

    def place(self, name: str) -> str:
        """Return where `name` lies, its folders followed through symlinks inside the root."""
        pending = [part for part in name.split("/") if part not in {"", "."}][::-1]
        found: list[str] = []
        followed = 0
        while pending:
            part = pending.pop()
            if part == "..":
                found = found[:-1]
                continue
            found.append(part)
            entry = self.entries.get("/".join(found))
            if pending and entry is not None and entry.kind == tarfile.SYMTYPE:
                followed += 1
                if followed > SYMLINKS_FOLLOWED_MAX:
                    raise _unfit(name, "goes through symlinks in a circle")
                found = [] if entry.target.startswith("/") else found[:-1]
                pending += [each for each in entry.target.split("/") if each not in {"", "."}][::-1]
        path = "/".join(found)
        if len(path) > PATH_LENGTH_MAX or "\x00" in path or "\n" in path:
            raise _unfit(path, "is no path for a root")
        return path

    def remove(self, path: str, *, keep_top: bool = False) -> None:
        below = f"{path}/" if path else ""
        for each in [name for name in self.entries if name.startswith(below)]:
            del self.entries[each]
        if not keep_top:
            self.entries.pop(path, None)

    def put(self, path: str, entry: _Entry) -> None:
        earlier = self.entries.get(path)
        if earlier is not None and (earlier.kind == tarfile.DIRTYPE) != (
            entry.kind == tarfile.DIRTYPE
        ):
            self.remove(path)
        parts = path.split("/")
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            if self.entries.setdefault(parent, _Entry(kind=tarfile.DIRTYPE)).kind != (
                tarfile.DIRTYPE
            ):
                raise _unfit(path, "lies below a file")
        self.entries[path] = entry
        self.size_bytes += entry.size_bytes
        if len(self.entries) > TOOLCHAIN_ENTRIES_MAX or self.size_bytes > TOOLCHAIN_BYTES_MAX:
            raise _unfit(path, "is more than a root may hold")


def normalise_root(archives: Sequence[Path], target: IO[bytes]) -> None:
    """Write the root that the uncompressed tars `archives` make, laid over each other in order.

    Raises IntegrityError for a cut or malformed tar and for what no root can hold.
    """
    root = _Root()
    try:
        for number, archive in enumerate(archives):
            with tarfile.open(archive, mode="r:") as members:
                _add_layer(root, number, members)
        _write(root, archives, target)
    except (tarfile.TarError, EOFError) as error:
        raise IntegrityError(
            fact=f"the root cannot be read: {error}", expected=_PASSED_CHECK
        ) from error


def read_file(tar: IO[bytes], path: str, *, size_bytes_max: int) -> bytes:
    """Return a file of a normalised root, its first bytes if it is long; nothing if absent."""
    with tarfile.open(fileobj=tar, mode="r:") as members:
        for member in members:
            if member.name == path and member.isreg():
                content = members.extractfile(member)
                return content.read(size_bytes_max) if content is not None else b""
    return b""


def installed_packages(status: bytes) -> tuple[str, ...]:
    """Return `NAME:ARCHITECTURE=VERSION` of what a dpkg status file calls installed, sorted."""
    found = []
    for stanza in status.decode("utf-8", errors="replace").split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in stanza.splitlines()
            if ": " in line and not line.startswith(" ")
        )
        if fields.get("Status", "").endswith(" installed"):
            found.append(f"{fields['Package']}:{fields['Architecture']}={fields['Version']}")
    return tuple(sorted(found))


def _add_layer(root: _Root, number: int, members: tarfile.TarFile) -> None:
    added: set[str] = set()
    for member in members:
        path = root.place(member.name)
        folder, _, name = path.rpartition("/")
        if path.partition("/")[0] in _LEFT_OUT or not path:
            continue
        if name == _OPAQUE:
            # Hides what lower layers put there, not what this one does.
            for each in [one for one in root.entries if one.startswith(f"{folder}/")]:
                if each not in added:
                    root.entries.pop(each)
            continue
        if name.startswith(_WHITEOUT):
            hidden = name.removeprefix(_WHITEOUT)
            root.remove(f"{folder}/{hidden}" if folder else hidden)
            continue
        entry = _entry(root, number, member, path)
        if entry is not None:
            root.put(path, entry)
            added.update({path, *_parents(path)})


def _entry(root: _Root, number: int, member: tarfile.TarInfo, path: str) -> _Entry | None:
    """Return the entry of a member; None for a device or a pipe, which no root needs."""
    if member.isdir():
        return _Entry(kind=tarfile.DIRTYPE)
    if member.issym():
        if not member.linkname or len(member.linkname) > PATH_LENGTH_MAX:
            raise _unfit(path, "is a symlink to nowhere")
        return _Entry(kind=tarfile.SYMTYPE, target=member.linkname)
    if member.islnk():
        target = root.place(member.linkname)
        earlier = root.entries.get(target)
        if earlier is None or earlier.kind == tarfile.DIRTYPE:
            raise _unfit(path, f"is a hard link to `{target[:120]}`, which is not there")
        # A copy of the entry: both names show the same bytes, whichever a later layer replaces.
        return _Entry(
            kind=earlier.kind,
            target=earlier.target,
            archive=earlier.archive,
            offset=earlier.offset,
            size_bytes=earlier.size_bytes,
            executable=earlier.executable,
        )
    if member.isreg() and not member.issparse():
        return _Entry(
            kind=tarfile.REGTYPE,
            archive=number,
            offset=member.offset_data,
            size_bytes=member.size,
            executable=bool(member.mode & _EXECUTABLE),
        )
    if member.issparse():
        raise _unfit(path, "is a sparse file")
    return None


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    for depth in range(1, len(parts)):
        yield "/".join(parts[:depth])


def _write(root: _Root, archives: Sequence[Path], target: IO[bytes]) -> None:
    first: dict[tuple[int, int, int], str] = {}
    streams = [path.open("rb") for path in archives]
    try:
        with tarfile.open(fileobj=target, mode="w:", format=tarfile.PAX_FORMAT) as out:
            for path in sorted(root.entries):
                entry = root.entries[path]
                info = tarfile.TarInfo(path)
                info.type = entry.kind
                info.linkname = entry.target
                info.mode = 0o755 if entry.kind == tarfile.DIRTYPE or entry.executable else 0o644
                if entry.kind == tarfile.SYMTYPE:
                    info.mode = 0o777
                if entry.kind != tarfile.REGTYPE:
                    out.addfile(info)
                    continue
                bytes_at = (entry.archive, entry.offset, entry.size_bytes)
                earlier = first.setdefault(bytes_at, path)
                if entry.size_bytes and earlier != path:
                    info.type, info.linkname = tarfile.LNKTYPE, earlier
                    out.addfile(info)
                    continue
                info.size = entry.size_bytes
                stream = streams[entry.archive]
                stream.seek(entry.offset)
                out.addfile(info, stream)
    finally:
        for stream in streams:
            stream.close()


def _unfit(path: str, why: str) -> IntegrityError:
    return IntegrityError(fact=f"`{path[:120]}` {why}", expected=_PASSED_CHECK)
