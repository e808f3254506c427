"""What a stabiliser is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stabiliser:
    """A named, versioned way to take metadata out of one kind of file.

    `fits` gets the file's name and its bytes. `stabilise` is called only for what fits; it returns
    its input where it does not fully understand it. `stabilise(stabilise(x)) == stabilise(x)`.
    """

    name: str
    fits: Callable[[str, bytes], bool]
    stabilise: Callable[[bytes], bytes]
