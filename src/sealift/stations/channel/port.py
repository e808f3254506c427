"""Where channel pointers are kept: what the tree (or, later, a registry's tags) offers."""

from collections.abc import Sequence
from typing import Protocol

from sealift.core.published import ChainPolicy, ChannelDocument


class PointerBoard(Protocol):
    """Read and move signed pointers. The static tree implements it in the publish station."""

    def policy(self) -> ChainPolicy:
        """Return which versions a pointer may name."""

    def read(self, channel: str) -> ChannelDocument | None:
        """Return where the channel points, or None when it never did."""

    def generation(self) -> int:
        """Return the number of the generation that visitors see."""

    def write(self, documents: Sequence[ChannelDocument], *, at_s: int) -> int:
        """Sign and show all of these pointers at once; return the new generation's number.

        Raises PolicyDenied for a version that is not released or lies below the floor,
        IntegrityError for a sequence that does not go up.
        """
