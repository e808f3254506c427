"""Parse JSON that others wrote, without their surprises.

Refuses what two parsers could read differently or what could hurt the reader: duplicate keys, `NaN`
and `Infinity`, numbers that a double or an I-JSON integer cannot hold, deep nesting, trailing
bytes, a byte order mark, invalid UTF-8 and lone surrogates (RFC 8259 and RFC 7493, sections 2.1
to 2.3).

>>> parse_json(b'{"a": [1, 2]}', size_bytes_max=100)
{'a': [1, 2]}
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Final, NoReturn

from sealift.core.codec import Json
from sealift.core.errors import IntegrityError
from sealift.core.limits import JSON_DEPTH_MAX, JSON_INTEGER_MAX

# The closing quote is optional so that every match succeeds at once: linear on hostile input.
_STRING_OR_BRACKET: Final = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*"?|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL
)
_INTEGER_DIGITS_MAX: Final = 400


def parse_json(
    data: bytes,
    *,
    size_bytes_max: int,
    depth_max: int = JSON_DEPTH_MAX,
    integer_max: int | None = JSON_INTEGER_MAX,
) -> Json:
    """Parse one JSON document; raise IntegrityError for anything ambiguous, deep or too large.

    Integers beyond `integer_max` in either direction are refused; None allows any of up to 400
    digits.
    """
    if len(data) > size_bytes_max:
        raise IntegrityError(
            fact=f"JSON document has {len(data)} bytes", expected=f"at most {size_bytes_max}"
        )
    _check_depth(data, depth_max)
    try:
        text = data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise IntegrityError(
            fact=f"JSON document is not UTF-8 at byte {error.start}", expected="UTF-8"
        ) from error
    if text.startswith("\ufeff"):
        raise IntegrityError(
            fact="JSON document starts with a byte order mark", expected="plain UTF-8"
        )
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_integer_reader(integer_max),
        )
    except json.JSONDecodeError as error:
        raise IntegrityError(
            fact=f"JSON is malformed at line {error.lineno}, column {error.colno}: {error.msg}",
            expected="one JSON document (RFC 8259)",
        ) from error
    # Only an escape can smuggle a surrogate past the UTF-8 decoder.
    if b"\\u" in data:
        _check_surrogates(value)
    return value


def _check_depth(data: bytes, depth_max: int) -> None:
    """Refuse deep nesting before any recursive code sees the document."""
    if data.count(b"[") + data.count(b"{") <= depth_max:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        if match["open"]:
            depth += 1
            if depth > depth_max:
                raise IntegrityError(
                    fact=f"JSON nests deeper than {depth_max} at byte {match.start()}",
                    expected=f"at most {depth_max} levels",
                )
        elif match["close"]:
            depth -= 1


def _check_surrogates(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise IntegrityError(
            fact="JSON string escapes a lone surrogate", expected="Unicode text (RFC 7493, 2.1)"
        ) from error


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        double = next(key for key, count in counts.items() if count > 1)
        raise IntegrityError(
            fact=f"JSON object has the key {double[:80]!r} twice", expected="each key once"
        )
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise IntegrityError(fact=f"JSON has the number `{name}`", expected="a finite number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise IntegrityError(
            fact=f"JSON number `{text[:40]}` is beyond a double", expected="a finite number"
        )
    return value


def _integer_reader(integer_max: int | None) -> Callable[[str], int]:
    def read(text: str) -> int:
        if len(text) > _INTEGER_DIGITS_MAX:
            raise IntegrityError(
                fact=f"JSON integer has {len(text)} digits",
                expected=f"at most {_INTEGER_DIGITS_MAX}",
            )
        value = int(text)
        if integer_max is not None and abs(value) > integer_max:
            raise IntegrityError(
                fact=f"JSON integer `{text[:40]}` is too large", expected=f"at most {integer_max}"
            )
        return value

    return read
