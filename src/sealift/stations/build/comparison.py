"""Compare the trees of two runs: identical, equivalent after named stabilisers, or different."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from sealift.core.digest import Digest
from sealift.core.limits import STABILISED_BYTES_MAX
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.build.cause import first_cause
from sealift.stations.build.footprints import NOTHING_KNOWN, Footprints
from sealift.stations.build.stabilisers.nesting import needed

ReadChunks = Callable[[Digest], Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two trees compare.

    `first_difference` says where the bytes first differ, also of equivalent trees; `reason` which
    stabilisers make them equal, or the first cause that none of them takes away.
    """

    outcome: Literal["identical", "equivalent", "different"]
    first_difference: str = ""
    reason: str = ""
    stabilisers: tuple[str, ...] = ()


def compare(
    first: Tree, second: Tree, *, read: ReadChunks, footprints: Footprints = NOTHING_KNOWN
) -> Comparison:
    """Compare two trees. `read` is as in `first_difference`; `footprints` help to guess causes.

    Files above `STABILISED_BYTES_MAX` are compared as they are.
    """
    difference = first_difference(first, second, read=read)
    if not difference:
        return Comparison(outcome="identical")
    stabilisers: set[str] = set()
    theirs = {entry.path: entry for entry in second.entries}
    names = [entry.path for entry in first.entries] == list(theirs)
    for one in first.entries if names else ():
        other = theirs[one.path]
        if one == other:
            continue
        used, reason = _file_comparison(one, other, read=read, footprints=footprints)
        if used is None:
            return Comparison(outcome="different", first_difference=difference, reason=reason)
        stabilisers |= set(used)
    if not names:
        return Comparison(outcome="different", first_difference=difference)
    needs = tuple(sorted(stabilisers))
    return Comparison(
        outcome="equivalent",
        first_difference=difference,
        reason=f"equal after {', '.join(needs)}",
        stabilisers=needs,
    )


def _file_comparison(
    one: TreeEntry, other: TreeEntry, *, read: ReadChunks, footprints: Footprints
) -> tuple[tuple[str, ...] | None, str]:
    """Return the stabilisers that two files need, or None and why none suffice."""
    comparable = (
        one.kind == other.kind == "file"
        and one.executable == other.executable
        and max(one.size_bytes, other.size_bytes) <= STABILISED_BYTES_MAX
    )
    if not comparable or one.digest is None or other.digest is None:
        return None, ""
    first, second = b"".join(read(one.digest)), b"".join(read(other.digest))
    used = needed(one.path, first, second)
    if used is not None:
        return used, ""
    return None, first_cause(one.path, first, second, footprints).words()


def first_difference(first: Tree, second: Tree, *, read: ReadChunks) -> str:
    """Return where the trees first differ, in the order of paths; empty when they are equal.

    Names the path and, for contents, both digests and sizes and the offset of the first differing
    byte. `read` yields a blob's bytes in chunks of any size.
    """
    ours = {entry.path: entry for entry in first.entries}
    theirs = {entry.path: entry for entry in second.entries}
    for path in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(path), theirs.get(path)
        if one is None:
            return f"`{path}`: only the second run made it"
        if other is None:
            return f"`{path}`: only the first run made it"
        if one != other:
            return f"`{path}`: {_entry_difference(one, other, read=read)}"
    return ""


def first_differing_byte(first: Iterable[bytes], second: Iterable[bytes]) -> int | None:
    """Return the offset of the first byte that differs; None when both are equal.

    Where one is a prefix of the other, that is the length of the shorter one.
    """
    offset = 0
    left = right = b""
    for one, other in zip_longest(first, second, fillvalue=b""):
        left, right = left + one, right + other
        shared = min(len(left), len(right))
        if left[:shared] != right[:shared]:
            return offset + _mismatch(left[:shared], right[:shared])
        offset += shared
        left, right = left[shared:], right[shared:]
    return offset if left or right else None


def _mismatch(first: bytes, second: bytes) -> int:
    """Return where two different chunks of one length first differ, by halving."""
    low, high = 0, len(first)
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _entry_difference(one: TreeEntry, other: TreeEntry, *, read: ReadChunks) -> str:
    if one.kind != other.kind:
        return f"a {one.kind} in the first run, a {other.kind} in the second"
    if one.kind == "symlink":
        return f"points to `{one.target}` in the first run, to `{other.target}` in the second"
    if one.digest == other.digest:
        which = "first" if one.executable else "second"
        return f"executable in the {which} run only"
    sizes = f"{_content(one)} in the first run, {_content(other)} in the second"
    if one.digest is None or other.digest is None:
        return sizes
    offset = first_differing_byte(read(one.digest), read(other.digest))
    return f"{sizes}, first differing byte at offset {offset}"


def _content(entry: TreeEntry) -> str:
    return f"{entry.digest} ({entry.size_bytes} bytes)"
