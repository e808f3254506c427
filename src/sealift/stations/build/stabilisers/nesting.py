"""Stabilise a file and the files inside of it, and say which stabilisers two files need."""

from collections.abc import Collection
from typing import Final

from sealift.core.limits import STABILISED_DEPTH_MAX
from sealift.stations.build.stabilisers import STABILISERS
from sealift.stations.build.stabilisers.compression import COMPRESSION
from sealift.stations.build.stabilisers.containers import rewrite_members

ALL: Final = frozenset(stabiliser.name for stabiliser in STABILISERS)


def stabilise(name: str, data: bytes, *, enabled: Collection[str] = ALL) -> bytes:
    """Return `data` without what the `enabled` stabilisers take out, at every depth."""
    return _stabilise(name, data, frozenset(enabled), depth=0)[0]


def needed(name: str, first: bytes, second: bytes) -> tuple[str, ...] | None:
    """Return the smallest set of stabilisers after which two files are equal, sorted by name.

    None when not even all of them make the files equal; empty when they are equal as they are.
    Smallest in the sense that none of the named can be left out.
    """
    if first == second:
        return ()
    wanted = set(ALL)

    def equal(names: set[str]) -> bool:
        one = stabilise(name, first, enabled=names)
        return one == stabilise(name, second, enabled=names)

    if not equal(wanted):
        return None
    # The broadest goes first: where metadata explains all, compression is not to be named.
    for candidate in sorted(ALL, key=lambda each: (each != COMPRESSION.name, each)):
        if equal(wanted - {candidate}):
            wanted.discard(candidate)
    return tuple(sorted(wanted))


def _stabilise(
    name: str, data: bytes, enabled: frozenset[str], *, depth: int
) -> tuple[bytes, bool]:
    """Return the stable bytes, and whether any stabiliser fits here or below."""
    touched = False
    if depth < STABILISED_DEPTH_MAX:

        def change(member: str, content: bytes) -> bytes | None:
            nonlocal touched
            stable, fits = _stabilise(member, content, enabled, depth=depth + 1)
            touched = touched or fits
            return stable if fits or COMPRESSION.name in enabled else None

        data = rewrite_members(name, data, change)
    for stabiliser in STABILISERS:
        if stabiliser.name in enabled and stabiliser.fits(name, data):
            data = stabiliser.stabilise(data)
            touched = True
    return data, touched
