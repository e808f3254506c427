"""Globs over the paths of a tree, as a stage's `outputs` write them.

`*` and `?` stay within one folder, `**` as a whole segment spans folders, `[a-z]` and `[!a-z]` name
one character. `usr/**` is everything below `usr`; `**/*.so` includes the top folder. A glob that
could leave the tree is refused. Matching takes time in proportion to glob times path, never more:
only the last star is ever retried.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias, TypeVar

from sealift.core.errors import ConfigError
from sealift.core.limits import GLOB_LENGTH_MAX

_TOKEN: Final = re.compile(r"\[(?P<negated>!?)(?P<members>\]?[^\]]*)\]|(?s:.)")


@dataclass(frozen=True, slots=True)
class _Star:
    """Any run of elements, the empty one included."""


@dataclass(frozen=True, slots=True)
class _One:
    """One character: any, or one of (or none of) some ranges."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False

    def matches(self, character: str) -> bool:
        if not self.ranges:
            return True
        inside = any(low <= character <= high for low, high in self.ranges)
        return inside != self.negated


_STAR: Final = _Star()
_Segment: TypeAlias = tuple[_One | _Star, ...]
P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Glob:
    """One parsed glob. `matches` takes the relative path of a file or symlink."""

    text: str
    _segments: tuple[_Segment | _Star, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a glob; raise ConfigError when it is absolute, climbs, or spells `**` wrongly."""
        parts = text.split("/")
        if len(text) > GLOB_LENGTH_MAX or any(part in {"", ".", ".."} for part in parts):
            raise ConfigError(
                fact=f"output glob `{text[:120]}` leads out of the output folder",
                expected="a relative path of names, `*`, `?` and `**`, such as `usr/**`",
            )
        if any("**" in part and part != "**" for part in parts):
            raise ConfigError(
                fact=f"output glob `{text}` has `**` beside other characters",
                expected="`**` as a whole segment, such as `usr/**`",
            )
        if parts[-1] == "**":
            # `usr/**` is what lies in usr, not a file called usr.
            parts.append("*")
        return cls(text, tuple(_STAR if part == "**" else _parse_segment(part) for part in parts))

    def matches(self, path: str) -> bool:
        """Tell whether `path` as a whole fits."""
        return _fits(self._segments, path.split("/"), _segment_fits)


def _segment_fits(segment: _Segment | _Star, name: str) -> bool:
    return isinstance(segment, tuple) and _fits(segment, name, _character_fits)


def _character_fits(token: _One | _Star, character: str) -> bool:
    return isinstance(token, _One) and token.matches(character)


def _fits(pattern: Sequence[P], text: Sequence[T], one_fits: Callable[[P, T], bool]) -> bool:
    """Match greedily; on a mismatch let the last star take one element more."""
    at = position = 0
    star: int | None = None
    resume = 0
    while position < len(text):
        if at < len(pattern) and isinstance(pattern[at], _Star):
            star, resume = at, position
            at += 1
        elif at < len(pattern) and one_fits(pattern[at], text[position]):
            at += 1
            position += 1
        elif star is not None:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return all(isinstance(rest, _Star) for rest in pattern[at:])


def _parse_segment(segment: str) -> _Segment:
    tokens: list[_One | _Star] = []
    for match in _TOKEN.finditer(segment):
        text = match.group()
        if match["members"]:
            tokens.append(_One(_ranges(match["members"]), negated=bool(match["negated"])))
        elif len(text) > 1:
            # `[]` names no character: read it as the two characters it is.
            tokens.extend(_One(((each, each),)) for each in text)
        elif text == "*":
            tokens.append(_STAR)
        else:
            tokens.append(_One(() if text == "?" else ((text, text),)))
    return tuple(tokens)


def _ranges(members: str) -> tuple[tuple[str, str], ...]:
    """Split `a-z_` into ranges; a range from high to low holds nothing."""
    return tuple(
        (match["low"], match["high"] or match["low"])
        for match in re.finditer(r"(?s)(?P<low>.)(?:-(?P<high>.))?", members)
    )
