"""Guess where differing bytes come from: by the values that a second run had instead of the first.

A guess, said as one: the bytes around the first difference are searched for what was perturbed, and
for the usual shapes of dates, addresses, random names and unordered lists.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_WINDOW_BYTES: Final = 64
_ORDER_BYTES_MAX: Final = 1 << 20
# The second run comes later than the first, by at most the longest time limit of a stage.
_APART_S: Final = 2 * 86_400
_INTEGER_WIDTHS: Final = (8, 4)
_EARLIEST_S, _LATEST_S = 946_684_800, 4_102_444_800

_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_COMPILER_DATE: Final = re.compile(_MONTH + rb" [ \d]\d \d{4}")
_DATE: Final = re.compile(
    rb"(?:(?:19|20)\d\d[-/.]?[01]\d[-/.]?[0-3]\d(?:[ T]?[012]\d:?[0-5]\d:?[0-5]\d)?"
    rb"|[0-3]?\d[ -]" + _MONTH + rb"[ -](?:19|20)\d\d(?: [\d:]{5,8})?"
    rb"|" + _MONTH + rb" [ \d]\d (?:[\d:]{5,8} )?(?:[A-Z]{2,5} )?\d{4}"
    rb"|[012]\d:[0-5]\d:[0-5]\d|(?<!\d)(?:19|20)\d\d(?!\d))"
)
_HOURS: Final = re.compile(rb"(?<!\d)([012]?\d)(?!\d)(?::([0-5]\d))?")
_SECONDS: Final = re.compile(rb"(?<!\d)\d{9,10}(?!\d)")
_NUMBER: Final = re.compile(rb"(?<!\w)\d{1,10}(?!\w)")
_ADDRESS: Final = re.compile(rb"0x[0-9a-f]{6,16}")
_WORK_FOLDER: Final = re.compile(rb"/\d+-[0-9a-f]{12}(?![0-9a-f])")
_TEMPORARY: Final = re.compile(rb"(?:/tmp/|tmp)[\w.-]{4,}")
_IDENTIFIER: Final = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<!\w)[0-9a-f]{16,64}(?!\w)"
)
_TOKEN: Final = re.compile(rb"[^\s,;:|{}\[\]()<>'\"]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What one dimension of the environment was in the first run, and in the second."""

    dimension: str
    first: bytes
    second: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprints:
    """All that is known to have differed. `clock_offset_s` is None where no clock was moved."""

    values: tuple[Footprint, ...] = ()
    clock_offset_s: int | None = None


NOTHING_KNOWN: Final = Footprints()


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Two contents, the offset of their first difference, and what lies around it."""

    first: bytes
    second: bytes
    offset: int

    @property
    def start(self) -> int:
        """Where the windows begin."""
        return max(0, self.offset - _WINDOW_BYTES)

    def windows(self) -> tuple[bytes, bytes]:
        """Return the bytes around the difference on both sides."""
        end = self.offset + _WINDOW_BYTES
        return self.first[self.start : end], self.second[self.start : end]


def likely_source(views: Views, footprints: Footprints) -> str:
    """Return what the difference most likely comes from; empty when nothing gives it away.

    One of: `__DATE__ or __TIME__`, `clock`, `time-zone`, `host-name`, `user`, `locale`, `umask`,
    `processors`, `path`, `temporary-name`, `order`, `address`, `chance`.
    """
    for source, tell in _TELLTALES:
        if tell(views, footprints):
            return source
    one, other = views.windows()
    for footprint in footprints.values:
        if _left_behind(footprint, one, other):
            return footprint.dimension
    for source, pattern in _SHAPES:
        if _both_match(pattern, views):
            return source
    return ""


def _both_match(pattern: re.Pattern[bytes], views: Views) -> bool:
    """Tell whether the difference lies within a match of `pattern` on both sides."""
    return all(_spanning(pattern, window, views) for window in views.windows())


def _spanning(pattern: re.Pattern[bytes], window: bytes, views: Views) -> bytes:
    at = views.offset - views.start
    for match in pattern.finditer(window):
        if match.start() <= at < match.end():
            return match[0]
    return b""


def _is_compiler_date(views: Views, _: Footprints) -> bool:
    return _both_match(_COMPILER_DATE, views)


def _is_other_hour(views: Views, footprints: Footprints) -> bool:
    """Tell whether only hours differ: the perturbed clock is minutes and seconds apart as well."""
    if not any(each.dimension == "time-zone" for each in footprints.values):
        return False
    one, other = (_hour(window, views) for window in views.windows())
    return one is not None and other is not None and one != other and one[1:] == other[1:]


def _hour(window: bytes, views: Views) -> tuple[bytes, bytes] | None:
    at = views.offset - views.start
    for match in _HOURS.finditer(window):
        if match.start(1) <= at < match.end(1) and match[2] is not None:
            return match[1], match[2]
    return None


def _is_time(views: Views, footprints: Footprints) -> bool:
    if _both_match(_DATE, views):
        return True
    seconds = [_spanning(_SECONDS, window, views) for window in views.windows()]
    if all(seconds):
        one, other = (int(text) for text in seconds)
        if footprints.clock_offset_s is None:
            return min(one, other) >= _EARLIEST_S and max(one, other) < _LATEST_S
        return _is_offset(other - one, footprints)
    return any(_is_offset(second - first, footprints) for first, second in _integers(views))


def _is_offset(apart_s: int, footprints: Footprints) -> bool:
    offset = footprints.clock_offset_s
    return offset is not None and offset <= apart_s <= offset + _APART_S


def _integers(views: Views) -> Iterator[tuple[int, int]]:
    """Yield every integer of the usual widths and byte orders that holds the difference."""
    for width in _INTEGER_WIDTHS:
        for start in range(max(0, views.offset - width + 1), views.offset + 1):
            pair = (views.first[start : start + width], views.second[start : start + width])
            if len(pair[0]) == len(pair[1]) == width:
                yield int.from_bytes(pair[0], "little"), int.from_bytes(pair[1], "little")
                yield int.from_bytes(pair[0], "big"), int.from_bytes(pair[1], "big")


def _left_behind(footprint: Footprint, one: bytes, other: bytes) -> bool:
    """Tell whether the second run's value shows up where the first run had its own, or none."""
    if not footprint.second or footprint.second not in other or footprint.second in one:
        return False
    return not footprint.first or footprint.first in one


def _is_processors(views: Views, footprints: Footprints) -> bool:
    known = [each for each in footprints.values if each.dimension == "processors"]
    numbers = [_spanning(_NUMBER, window, views) for window in views.windows()]
    return any(numbers == [each.first, each.second] for each in known)


def _is_order(views: Views, _: Footprints) -> bool:
    """Tell whether both sides hold the same words, in another order."""
    if max(len(views.first), len(views.second)) > _ORDER_BYTES_MAX:
        return False
    first, second = _TOKEN.findall(views.first), _TOKEN.findall(views.second)
    return len(first) > 1 and first != second and sorted(first) == sorted(second)


def _is_work_folder(views: Views, _: Footprints) -> bool:
    one, other = (_WORK_FOLDER.findall(window) for window in views.windows())
    return bool(one) and bool(other) and one != other


_Telltale = Callable[[Views, Footprints], bool]
_TELLTALES: Final[tuple[tuple[str, _Telltale], ...]] = (
    ("order", _is_order),
    ("__DATE__ or __TIME__", _is_compiler_date),
    ("time-zone", _is_other_hour),
    ("clock", _is_time),
    ("processors", _is_processors),
    ("path", _is_work_folder),
)
_SHAPES: Final = (
    ("address", _ADDRESS),
    ("temporary-name", _TEMPORARY),
    ("chance", _IDENTIFIER),
)
