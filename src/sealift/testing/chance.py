"""Chance that can be replayed: the same seed gives the same bytes and choices, on any machine."""

import hashlib


class Chance:
    """A stream of sha256 blocks of seed and counter."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counter = 0

    def token_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        blocks = bytearray()
        while len(blocks) < count:
            text = f"{self._seed}/{self._counter}"
            blocks += hashlib.sha256(text.encode()).digest()
            self._counter += 1
        return bytes(blocks[:count])

    def below(self, limit: int) -> int:
        """Return a number from 0 up to, without, `limit`."""
        return int.from_bytes(self.token_bytes(8)) % limit
