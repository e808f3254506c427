"""A folder as a value: what an action takes in and gives out.

A tree is sorted entries of files and symlinks; its digest is the sha256 of its canonical JSON
(docs/formats.md, "Tree"). Modes shrink to one bit (executable), times are not kept: two folders
that differ in nothing else are the same tree.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

import msgspec

from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import (
    PATH_LENGTH_MAX,
    SYMLINK_LENGTH_MAX,
    SYMLINKS_FOLLOWED_MAX,
    TREE_ENTRIES_MAX,
)

TREE_FORMAT: Final = "sealift-tree-v1"


def check_path(path: str) -> str:
    """Return `path` if it is plain and relative; raise IntegrityError if it could escape."""
    parts = path.split("/")
    hostile = (
        not path
        or len(path) > PATH_LENGTH_MAX
        or path.startswith("/")
        or any(part in {"", ".", ".."} for part in parts)
        or any(character < " " or character == "\x7f" for character in path)
        or not path.isprintable()
    )
    if hostile:
        raise IntegrityError(
            fact=f"path {path[:120]!r} is not allowed in a tree",
            expected="a relative path of printable characters without `.` or `..`",
        )
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One file (digest, size, executable) or one symlink (target) at a relative path."""

    path: str
    kind: Literal["file", "symlink"] = "file"
    digest: Digest | None = None
    size_bytes: int = 0
    executable: bool = False
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Entries sorted by path, each path once. Build one with `Tree.of`."""

    entries: tuple[TreeEntry, ...]

    @classmethod
    def of(cls, entries: Iterable[TreeEntry]) -> Self:
        """Sort and check entries; raise IntegrityError on a bad, double or conflicting path."""
        ordered = tuple(sorted(entries, key=lambda entry: entry.path))
        if len(ordered) > TREE_ENTRIES_MAX:
            raise IntegrityError(
                fact=f"tree has {len(ordered)} entries", expected=f"at most {TREE_ENTRIES_MAX}"
            )
        paths = {entry.path for entry in ordered}
        if len(paths) != len(ordered):
            raise IntegrityError(fact="tree names a path twice", expected="each path once")
        for entry in ordered:
            check_path(entry.path)
            _check_entry(entry, paths)
        _check_links(ordered)
        return cls(entries=ordered)

    @property
    def size_bytes(self) -> int:
        """The sum of all file sizes."""
        return sum(entry.size_bytes for entry in self.entries)

    def canonical(self) -> bytes:
        """Return the canonical JSON whose sha256 is the tree's digest."""
        rows = [_row(entry) for entry in self.entries]
        return json.dumps(
            {"format": TREE_FORMAT, "entries": rows},
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()

    @property
    def digest(self) -> Digest:
        """The sha256 of `canonical()`."""
        return Digest.of(self.canonical())

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `canonical` wrote; raise IntegrityError for anything else."""
        try:
            document = msgspec.json.decode(data, type=_Document)
        except msgspec.MsgspecError as error:
            raise IntegrityError(fact=f"tree is not readable: {error}") from error
        tree = cls.of(
            TreeEntry(
                path=row.path,
                kind="symlink" if row.target is not None else "file",
                digest=Digest(row.sha256) if row.sha256 is not None else None,
                size_bytes=row.size,
                executable=row.executable,
                target=row.target or "",
            )
            for row in document.entries
        )
        if document.format != TREE_FORMAT or tree.canonical() != data:
            raise IntegrityError(fact="tree is not in canonical form", expected=TREE_FORMAT)
        return tree


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    sha256: str | None = None
    size: int = 0
    executable: bool = False
    target: str | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    entries: list[_Row]


def _row(entry: TreeEntry) -> dict[str, object]:
    if entry.kind == "symlink":
        return {"path": entry.path, "target": entry.target}
    if entry.digest is None:
        raise IntegrityError(fact=f"file `{entry.path}` has no digest", expected="a sha256 digest")
    return {
        "path": entry.path,
        "sha256": entry.digest.hex,
        "size": entry.size_bytes,
        "executable": entry.executable,
    }


def _check_entry(entry: TreeEntry, paths: set[str]) -> None:
    parts = entry.path.split("/")
    for depth in range(1, len(parts)):
        if "/".join(parts[:depth]) in paths:
            raise IntegrityError(fact=f"`{entry.path}` lies below a file or a symlink")
    if entry.kind == "symlink":
        _check_target(entry)


def _check_target(entry: TreeEntry) -> None:
    """Refuse a symlink that leads out of the tree."""
    if not entry.target or entry.target.startswith("/") or len(entry.target) > SYMLINK_LENGTH_MAX:
        raise IntegrityError(
            fact=f"symlink `{entry.path}` points to {entry.target[:120]!r}",
            expected="a relative target inside the tree",
        )
    depth = entry.path.count("/")
    for part in entry.target.split("/"):
        depth += -1 if part == ".." else 0 if part in {"", "."} else 1
        if depth < 0:
            raise IntegrityError(
                fact=f"symlink `{entry.path}` points to `{entry.target}`, out of the tree",
                expected="a relative target inside the tree",
            )


def _check_links(entries: tuple[TreeEntry, ...]) -> None:
    """Refuse a symlink that leads out by way of others: `a/up -> ..`, then `out -> a/up/..`."""
    links = {entry.path: entry.target for entry in entries if entry.kind == "symlink"}
    for path, target in links.items():
        if not _stays_inside(path, links):
            raise IntegrityError(
                fact=f"symlink `{path}` points to `{target}`, which leads out of the tree",
                expected="a relative target inside the tree",
            )


def _stays_inside(path: str, links: Mapping[str, str]) -> bool:
    """Follow a symlink as the kernel would, part by part."""
    place = path.split("/")[:-1]
    pending = links[path].split("/")[::-1]
    followed = 1
    while pending:
        part = pending.pop()
        if part == ".." and not place:
            return False
        if part == "..":
            place.pop()
        elif part not in {"", "."}:
            place.append(part)
        target = links.get("/".join(place)) if part not in {"", ".", ".."} else None
        if target is not None:
            followed += 1
            if followed > SYMLINKS_FOLLOWED_MAX:
                # The kernel gives up here as well (ELOOP): it leads nowhere.
                return True
            place.pop()
            pending += target.split("/")[::-1]
    return True
