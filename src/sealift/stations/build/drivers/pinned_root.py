"""A toolchain whose root is pinned: a tar in the store, unpacked once and shown read-only.

    ROOTS/HEX/root/…         the root, HEX being the tar's sha256
    ROOTS/HEX/contents.json  every path with its size or target; complete once it is there

Names, sizes and links are compared on first use in a process, which finds what a crash or a
careless hand did; `verify` reads every byte. See docs/formats.md, "Toolchain roots".
"""

import hashlib
import os
import stat
import tarfile
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import IO, Final

import msgspec

from sealift.base.edge.disk import disk_errors
from sealift.base.edge.port import World
from sealift.base.store.port import BlobStore
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.limits import COPY_CHUNK_BYTES, TOOLCHAIN_ENTRIES_MAX
from sealift.core.release import ToolchainFacts
from sealift.core.sandbox import SANDBOX_PATH
from sealift.core.tree import check_path
from sealift.stations.build.model import Mount, Root

_CONTENTS: Final = "contents.json"
# The run's own, or filled anew for every run.
_NOT_SHOWN: Final = frozenset({"build", "dev", "etc", "proc", "run", "sys", "tmp", "var"})
_GENERATED: Final = frozenset(
    {"group", "hostname", "hosts", "mtab", "nsswitch.conf", "passwd", "resolv.conf"}
)
_OF_VAR: Final = "var/lib"
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644


class _Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One path of a root: a folder, a link with its target, or a file."""

    path: str
    kind: str
    size: int = 0
    executable: bool = False
    target: str = ""
    sha256: str = ""


class PinnedRoot:
    """The port `Toolchain` over a root of the store. `folder` holds the unpacked roots."""

    def __init__(
        self, facts: ToolchainFacts, *, store: BlobStore, world: World, folder: Path
    ) -> None:
        self._given = facts
        self._store = store
        self._world = world
        self._home = folder / facts.fingerprint.hex
        self._lock = Lock()

    def facts(self) -> ToolchainFacts:
        """Return what the lock says; nothing is unpacked for that."""
        return self._given

    def root(self) -> Root:
        """Return what is shown, unpacking it the first time. Raises as `_ready` does."""
        return self._root

    def provides(self, program: str) -> bool:
        """Tell whether a command of this name would be found inside."""
        folders = [self._ready / each.lstrip("/") for each in SANDBOX_PATH.split(":")]
        # Links are not followed: an absolute one would lead into this machine.
        return any(os.path.lexists(folder / program) for folder in folders)

    def unpacked(self) -> Path:
        """Return where the root lies, for those who read its package records; as `root`."""
        return self._ready

    def verify(self) -> None:
        """Read every file of the unpacked root; raise IntegrityError where one differs."""
        self._compare(self._ready, bytewise=True)

    @cached_property
    def _root(self) -> Root:
        top = self._ready
        mounts: list[Mount] = []
        links = [("../tmp", "/var/tmp")]  # noqa: S108 - paths inside the sandbox
        for base, left_out in (("", _NOT_SHOWN), ("etc", _GENERATED)):
            folder = top / base
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                inside = f"/{path.relative_to(top)}"
                if path.name in left_out:
                    continue
                if path.is_symlink():
                    links.append((str(path.readlink()), inside))
                elif path.is_dir() or path.is_file():
                    mounts.append(Mount(outside=str(path), inside=inside))
        if (top / _OF_VAR).is_dir():
            mounts.append(Mount(outside=str(top / _OF_VAR), inside=f"/{_OF_VAR}"))
        return Root(mounts=tuple(mounts), links=tuple(links), hidden=())

    @property
    def _ready(self) -> Path:
        """Return the unpacked root; raise UnavailableError when the store has lost its tar."""
        with self._lock:
            return self._place

    @cached_property
    def _place(self) -> Path:
        top = self._home / "root"
        if (self._home / _CONTENTS).is_file():
            try:
                self._compare(top, bytewise=False)
            except IntegrityError:
                # Only a copy: the store's tar, which is verified as it is read, makes it anew.
                self._world.files.remove(self._home)
            else:
                return top
        if not self._store.has(self._given.fingerprint):
            raise UnavailableError(
                fact=f"the root of toolchain `{self._given.name}` is not in the store",
                expected=str(self._given.fingerprint),
                hint="sealift lock",
            )
        self._unpack()
        return top

    def _unpack(self) -> None:
        files = self._world.files
        token = self._world.entropy.token_bytes(6).hex()
        files.make_folder(self._home.parent)
        staging = self._home.parent / f".{self._world.process_id}-{token}"
        with disk_errors(staging):
            staging.mkdir(mode=0o700)
            try:
                with self._store.open(self._given.fingerprint) as tar:
                    items = _extract(tar, staging / "root")
                files.write_durably(staging / _CONTENTS, msgspec.json.encode(items))
                staging.chmod(_FOLDER_MODE)
                self._take_over(staging)
            finally:
                files.remove(staging)

    def _take_over(self, staging: Path) -> None:
        try:
            staging.rename(self._home)
        except OSError:
            # Another process was faster: the name is its content's, so either one will do.
            if not (self._home / _CONTENTS).is_file():
                raise
        self._world.files.sync_folder(self._home.parent)

    def _compare(self, top: Path, *, bytewise: bool) -> None:
        try:
            items = msgspec.json.decode((self._home / _CONTENTS).read_bytes(), type=list[_Item])
        except (OSError, msgspec.MsgspecError) as error:
            raise IntegrityError(
                fact=f"the list of an unpacked root cannot be read: {error}", hint="sealift doctor"
            ) from error
        for item in items:
            path = top / item.path
            if not _is(path, item) or (
                bytewise and item.kind == "file" and _sha256(path) != item.sha256
            ):
                raise IntegrityError(
                    fact=f"`{item.path}` of toolchain `{self._given.name}` was changed on disk",
                    expected="what the locked root holds",
                    hint=f"rm -r {self._home}",
                )


def _extract(tar: IO[bytes], top: Path) -> list[_Item]:
    """Write a normalised root below `top`; parents come first, nothing lies below a link."""
    items: list[_Item] = []
    made: dict[str, _Item] = {}
    top.mkdir(mode=_FOLDER_MODE)
    top.chmod(_FOLDER_MODE)
    with tarfile.open(fileobj=tar, mode="r:") as members:
        for member in members:
            parent, _, _ = member.name.rpartition("/")
            known = not parent or (parent in made and made[parent].kind == "folder")
            if not known or len(made) > TOOLCHAIN_ENTRIES_MAX or member.name in made:
                raise _malformed(member.name)
            _check(member.name)
            item = _write(members, member, top, made)
            items.append(item)
            made[item.path] = item
    return items


def _write(
    members: tarfile.TarFile, member: tarfile.TarInfo, top: Path, made: dict[str, _Item]
) -> _Item:
    place = top / member.name
    if member.isdir():
        place.mkdir(mode=_FOLDER_MODE)
        place.chmod(_FOLDER_MODE)
        return _Item(path=member.name, kind="folder")
    if member.issym():
        place.symlink_to(member.linkname)
        return _Item(path=member.name, kind="link", target=member.linkname)
    if member.islnk() and member.linkname in made and made[member.linkname].kind == "file":
        place.hardlink_to(top / member.linkname)
        twin = made[member.linkname]
        return msgspec.structs.replace(twin, path=member.name)
    content = members.extractfile(member) if member.isreg() else None
    if content is None:
        raise _malformed(member.name)
    hasher = hashlib.sha256()
    with place.open("xb") as file:
        while chunk := content.read(COPY_CHUNK_BYTES):
            hasher.update(chunk)
            file.write(chunk)
    executable = bool(member.mode & stat.S_IXUSR)
    place.chmod(_FOLDER_MODE if executable else _FILE_MODE)
    os.utime(place, (0, 0))
    return _Item(
        path=member.name,
        kind="file",
        size=member.size,
        executable=executable,
        sha256=hasher.hexdigest(),
    )


def _check(name: str) -> None:
    """Refuse a name that climbs; a root may hold names that a tree may not."""
    try:
        check_path(name.encode("ascii", errors="replace").decode().replace("?", "_"))
    except IntegrityError:
        raise _malformed(name) from None


def _malformed(name: str) -> IntegrityError:
    return IntegrityError(
        fact=f"`{name[:120]}` does not fit into a root",
        expected="a normalised tar: folders before what they hold, files and links",
        hint="sealift lock",
    )


def _is(path: Path, item: _Item) -> bool:
    try:
        found = path.lstat()
        if item.kind == "link":
            # As paths: `Path` spells `a/.` shorter than the tar may.
            return stat.S_ISLNK(found.st_mode) and path.readlink() == Path(item.target)
    except OSError:
        return False
    if item.kind == "folder":
        return stat.S_ISDIR(found.st_mode)
    executable = bool(found.st_mode & stat.S_IXUSR)
    fits = (found.st_size, executable) == (item.size, item.executable)
    return stat.S_ISREG(found.st_mode) and fits


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
