"""Sizes, dates and digests in words, the same in every locale and on every machine."""

from datetime import UTC, datetime
from typing import Final

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_UNITS: Final = ("KiB", "MiB", "GiB")
_STEP: Final = 1024
_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_MINUTE_S: Final = 60


def size_words(size_bytes: int) -> str:
    """Say a size with one decimal: `239.0 KiB`; below 1 KiB in bytes."""
    if size_bytes < _STEP:
        return f"{size_bytes} bytes"
    value, unit = float(size_bytes), ""
    for name in _UNITS:
        value, unit = value / _STEP, name
        if value < _STEP:
            break
    return f"{value:.1f} {unit}"


def date_words(at: datetime) -> str:
    """Say a day: `22 November 2026`."""
    day = at.astimezone(UTC)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def time_words(at: datetime) -> str:
    """Say a time of day: `18:55 UTC`."""
    return at.astimezone(UTC).strftime("%H:%M UTC")


def parse_time(text: str) -> datetime:
    """Read RFC 3339 in UTC as our documents write it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def seconds_words(seconds: int) -> str:
    """Say a span by its two largest units: `400 days 5 hours`."""
    spans = (
        (seconds // _DAY_S, "day"),
        (seconds % _DAY_S // _HOUR_S, "hour"),
        (seconds % _HOUR_S // _MINUTE_S, "minute"),
        (seconds % _MINUTE_S, "second"),
    )
    said = [count_words(number, unit) for number, unit in spans if number]
    return " ".join(said[:2]) or "0 seconds"


def count_words(number: int, noun: str) -> str:
    """Say a number of things: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s".replace(",", "\u202f")


def list_words(items: tuple[str, ...]) -> str:
    """Join: `a, b and c`."""
    if len(items) <= 1:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def fingerprint_groups(value: str, *, size: int = 8) -> str:
    """Split a long hex text into groups that eyes can compare."""
    return " ".join(value[start : start + size] for start in range(0, len(value), size))
