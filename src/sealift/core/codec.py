"""Between frozen values and plain JSON, for the journal, the store and `--json`.

Digests travel as `sha256:<hex>`, platforms as their name, times as RFC 3339 in UTC, tuples as
arrays. Hostile input is not parsed here: `base/specs/strictjson` does that first.
"""

from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import msgspec

from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.platform import Platform

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

T = TypeVar("T")


def to_plain(value: object) -> Any:  # noqa: ANN401 - plain JSON; `Json` cannot be narrowed by callers
    """Turn a frozen value into dicts, lists and scalars, fields in declared order."""
    # Through JSON: `to_builtins` would keep tuples, which are no JSON values.
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_encode))


def from_plain(kind: type[T], data: object) -> T:
    """Turn plain JSON into `kind`; raise IntegrityError where it does not fit."""
    try:
        return msgspec.convert(data, kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise IntegrityError(
            fact=f"stored {kind.__name__} does not fit: {error}",
            expected="what this version writes",
        ) from error


def to_json(value: object) -> bytes:
    """Serialise canonically enough for our own records: sorted keys, no spaces, UTF-8."""
    return msgspec.json.encode(to_plain(value), order="sorted")


def from_json(kind: type[T], data: bytes) -> T:
    """Read what `to_json` wrote; raise IntegrityError where it does not fit."""
    try:
        return from_plain(kind, msgspec.json.decode(data))
    except msgspec.DecodeError as error:
        raise IntegrityError(fact=f"stored {kind.__name__} is not JSON: {error}") from error


def digest_of(value: object) -> Digest:
    """Return the sha256 of `to_json(value)`: equal values have equal digests."""
    return Digest.of(to_json(value))


def format_time(at: datetime) -> str:
    """Write a time as RFC 3339 in UTC with whole seconds and `Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _encode(value: object) -> object:
    if isinstance(value, Digest | Platform):
        return str(value)
    raise NotImplementedError(f"no JSON form for {type(value)!r}")


def _decode(kind: type[Any], data: object) -> object:
    if kind is Digest and isinstance(data, str):
        return Digest.parse(data)
    if kind is Platform and isinstance(data, str):
        return Platform.parse(data)
    raise NotImplementedError(f"no JSON form for {kind!r}")
