"""Take fields out of parsed JSON, each with the type that it must have.

Every reader takes the document's name for the error's words, and raises IntegrityError.
"""

import base64
import binascii
from collections.abc import Collection

from sealift.core.codec import Json
from sealift.core.errors import IntegrityError


def as_object(value: Json, what: str) -> dict[str, Json]:
    """Return `value` if it is an object."""
    if not isinstance(value, dict):
        raise IntegrityError(fact=f"{what} is {_kind(value)}", expected="an object")
    return value


def as_list(value: Json, what: str) -> list[Json]:
    """Return `value` if it is an array."""
    if not isinstance(value, list):
        raise IntegrityError(fact=f"{what} is {_kind(value)}", expected="an array")
    return value


def take(fields: dict[str, Json], key: str, what: str) -> Json:
    """Return the field `key`, which must be there."""
    if key not in fields:
        raise IntegrityError(fact=f"{what} has no `{key}`", expected=f"a field `{key}`")
    return fields[key]


def take_text(fields: dict[str, Json], key: str, what: str) -> str:
    """Return the text of the field `key`; it may be empty."""
    value = take(fields, key, what)
    if not isinstance(value, str):
        raise IntegrityError(fact=f"`{key}` of {what} is {_kind(value)}", expected="text")
    return value


def take_object(fields: dict[str, Json], key: str, what: str) -> dict[str, Json]:
    """Return the object in the field `key`."""
    return as_object(take(fields, key, what), f"`{key}` of {what}")


def take_list(fields: dict[str, Json], key: str, what: str) -> list[Json]:
    """Return the array in the field `key`."""
    return as_list(take(fields, key, what), f"`{key}` of {what}")


def only(fields: dict[str, Json], allowed: Collection[str], what: str) -> None:
    """Refuse fields that nobody defined: unsigned bytes must not carry a meaning we skip."""
    unknown = sorted(set(fields) - set(allowed))
    if unknown:
        raise IntegrityError(
            fact=f"{what} has an unknown field `{unknown[0][:80]}`",
            expected=f"only {', '.join(sorted(allowed))}",
        )


def decode_base64(text: str, what: str) -> bytes:
    """Decode standard base64 with padding; refuse every other spelling of the same bytes."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise IntegrityError(
            fact=f"{what} is not base64", expected="RFC 4648, section 4"
        ) from error
    # Unused bits of the last digit may be set and decode alike: one value, one spelling.
    if base64.b64encode(data).decode("ascii") != text:
        raise IntegrityError(fact=f"{what} is not canonical base64", expected="RFC 4648, 3.5")
    return data


def encode_base64(data: bytes) -> str:
    """Encode as standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def _kind(value: Json) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else "a number")
