"""A sha256 digest, the one identity of bytes.

`Digest.parse("sha256:…")` accepts lower-case hex only, so that equal digests have equal text.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from sealift.core.errors import IntegrityError

_HEX = re.compile(r"[0-9a-f]{64}\Z")
_SHORT_LENGTH = 12


class Digest:
    """The sha256 of some bytes, as 64 lower-case hex digits. Immutable, ordered, hashable.

    Written out rather than a dataclass: the JSON codec turns dataclasses into objects, and a digest
    is one string.
    """

    __slots__ = ("hex",)
    hex: str

    def __init__(self, value: str) -> None:
        """Refuse anything but 64 lower-case hex digits."""
        if not _HEX.match(value):
            raise IntegrityError(
                fact=f"`{value[:80]}` is no sha256 digest",
                expected="64 lower-case hex digits",
            )
        object.__setattr__(self, "hex", value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a digest is immutable: {name} cannot become {value!r}")

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return (type(self), (self.hex,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and self.hex == other.hex

    def __lt__(self, other: "Digest") -> bool:
        return self.hex < other.hex

    def __hash__(self) -> int:
        return hash(self.hex)

    def __repr__(self) -> str:
        return f"Digest({self.hex!r})"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sha256:<hex>`; raise IntegrityError for another algorithm or form."""
        algorithm, _, value = text.partition(":")
        if algorithm != "sha256":
            raise IntegrityError(
                fact=f"`{text[:80]}` is no digest", expected="sha256:<64 hex digits>"
            )
        return cls(value)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Hash `data`."""
        return cls(hashlib.sha256(data).hexdigest())

    @property
    def short(self) -> str:
        """The first digits, for people."""
        return self.hex[:_SHORT_LENGTH]

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Descriptor:
    """What a blob is without its bytes."""

    digest: Digest
    size_bytes: int
