"""Canonical JSON by RFC 8785: one value, one spelling, so that it can be hashed and signed.

Keys are sorted by UTF-16 code units, numbers written as ECMAScript does, strings with the fewest
escapes. Refuses what has no canonical form: NaN, Infinity, integers beyond 2**53 - 1, lone
surrogates, keys that are not text.

>>> canonical_json({"b": 1.0, "a": "€"}).decode()
'{"a":"€","b":1}'
"""

import json
import math
from collections.abc import Iterator
from typing import Final

from sealift.core.codec import Json
from sealift.core.errors import IntegrityError
from sealift.core.limits import JSON_DEPTH_MAX, JSON_INTEGER_MAX

# ECMAScript writes 1e-7 < x < 1e21 without an exponent.
_POINT_MAX: Final = 21
_POINT_MIN: Final = -6

_write_text = json.JSONEncoder(ensure_ascii=False).encode


def canonical_json(value: Json) -> bytes:
    """Return the canonical UTF-8 bytes of `value`; raise IntegrityError where there are none."""
    try:
        return "".join(_write(value, 0)).encode("utf-8", errors="strict")
    except UnicodeEncodeError as error:
        raise IntegrityError(
            fact="text holds a lone surrogate", expected="Unicode text (RFC 8785, 3.2.2.2)"
        ) from error


def _write(value: Json, depth: int) -> Iterator[str]:
    if depth > JSON_DEPTH_MAX:
        raise IntegrityError(fact=f"value nests deeper than {JSON_DEPTH_MAX} levels")
    if isinstance(value, dict):
        yield "{"
        for position, key in enumerate(_sorted_keys(value)):
            yield ("," if position else "") + _write_text(key) + ":"
            yield from _write(value[key], depth + 1)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for position, item in enumerate(value):
            if position:
                yield ","
            yield from _write(item, depth + 1)
        yield "]"
    else:
        yield _scalar(value)


def _sorted_keys(value: dict[str, Json]) -> list[str]:
    if not all(isinstance(key, str) for key in value):
        raise IntegrityError(fact="an object's key is not text", expected="keys that are text")
    # RFC 8785, 3.2.3: by UTF-16 code units, not by code points.
    return sorted(value, key=lambda key: key.encode("utf-16-be", errors="surrogatepass"))


def _scalar(value: str | float | None) -> str:
    if isinstance(value, str):
        return _write_text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > JSON_INTEGER_MAX:
            raise IntegrityError(
                fact=f"integer {str(value)[:40]} has no exact double",
                expected=f"at most {JSON_INTEGER_MAX} (RFC 8785, appendix D)",
            )
        return str(value)
    if isinstance(value, float):
        return format_number(value)
    raise IntegrityError(fact=f"{type(value).__name__} is no JSON value")


def format_number(value: float) -> str:
    """Write a double as ECMAScript's Number::toString does; raise IntegrityError if not finite."""
    if not math.isfinite(value):
        raise IntegrityError(fact=f"number {value} is not finite", expected="a finite number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # repr gives the shortest digits that round-trip, as ECMAScript demands; only the layout differs
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    return sign + _layout(digits, point)


def _layout(digits: str, point: int) -> str:
    """Place the decimal point: the value is 0.digits times ten to the power of `point`."""
    if len(digits) <= point <= _POINT_MAX:
        return digits.ljust(point, "0")
    if 0 < point <= _POINT_MAX:
        return f"{digits[:point]}.{digits[point:]}"
    if _POINT_MIN < point <= 0:
        return "0." + "0" * -point + digits
    exponent = point - 1
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{mantissa}e{'+' if exponent > 0 else '-'}{abs(exponent)}"
