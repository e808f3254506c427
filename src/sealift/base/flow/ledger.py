"""The ledger: everything that happened, append-only and hash-chained.

An entry's hash is the sha256 of the canonical JSON of `{sequence, previous, at, kind, body}`, where
`previous` is the hash of the entry before (64 zeros for the first). Whoever changes, drops or
reorders an entry breaks every later hash; cutting off the end needs a published head to show.
See docs/formats.md, "Ledger".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from sealift.base.flow.database import database_errors
from sealift.core.codec import Json, digest_of, format_time, to_json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import LEDGER_BODY_BYTES_MAX

GENESIS: Final = Digest("0" * 64)

_LEDGER: Final = sa.table(
    "ledger",
    sa.column("sequence", sa.Integer),
    sa.column("previous", sa.Text),
    sa.column("at", sa.Text),
    sa.column("kind", sa.Text),
    sa.column("body", sa.Text),
    sa.column("hash", sa.Text),
    sa.column("idempotency_key", sa.Text),
)
_IN_ORDER: Final = sa.select(_LEDGER).order_by(_LEDGER.c.sequence)
_LAST: Final = sa.select(_LEDGER).order_by(_LEDGER.c.sequence.desc()).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One thing that happened. `at` is RFC 3339 in UTC; `sequence` counts from 1."""

    sequence: int
    previous: Digest
    at: str
    kind: str
    body: Json
    hash: Digest


class Ledger:
    """The table `ledger` of the state database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._path = Path(engine.url.database or "")

    def append(
        self, kind: str, body: Json, at: datetime, *, idempotency_key: str | None = None
    ) -> LedgerEntry:
        """Add an entry and return it, durable.

        With a key that is there already, nothing is added and the entry of then is returned, so
        that a repeated step appends once; IntegrityError when it said something else.
        """
        text = to_json(body).decode()
        if len(text) > LEDGER_BODY_BYTES_MAX:
            raise IntegrityError(
                fact=f"ledger entry `{kind}` has {len(text)} bytes",
                expected=f"at most {LEDGER_BODY_BYTES_MAX} bytes",
            )
        with database_errors(self._path), self._engine.begin() as connection:
            earlier = _with_key(connection, idempotency_key)
            if earlier is not None:
                return _require_same(earlier, kind=kind, text=text)
            last = connection.execute(_LAST).first()
            entry = _sealed(
                sequence=_entry(last).sequence + 1 if last else 1,
                previous=_entry(last).hash if last else GENESIS,
                at=format_time(at),
                kind=kind,
                # Read back, so that the entry returned is the entry stored.
                body=msgspec.json.decode(text),
            )
            connection.execute(
                sa.insert(_LEDGER).values(
                    sequence=entry.sequence,
                    previous=entry.previous.hex,
                    at=entry.at,
                    kind=entry.kind,
                    body=text,
                    hash=entry.hash.hex,
                    idempotency_key=idempotency_key,
                )
            )
        return entry

    def entries(self) -> Iterator[LedgerEntry]:
        """Yield every entry in order, unverified."""
        with database_errors(self._path), self._engine.connect() as connection:
            rows = connection.execute(_IN_ORDER)
            for row in rows:
                yield _entry(row)

    def head(self) -> LedgerEntry | None:
        """Return the last entry, or None while there is none."""
        with database_errors(self._path), self._engine.connect() as connection:
            row = connection.execute(_LAST).first()
        return _entry(row) if row else None

    def verify(self) -> None:
        """Follow the chain; raise IntegrityError naming the first entry that breaks it."""
        previous = GENESIS
        for number, entry in enumerate(self.entries(), start=1):
            if entry.sequence != number:
                raise _broken(number, f"is missing; entry {entry.sequence} follows", "no gap")
            if entry.previous != previous:
                raise _broken(number, f"follows {entry.previous}", str(previous))
            computed = _sealed(
                sequence=number,
                previous=previous,
                at=entry.at,
                kind=entry.kind,
                body=entry.body,
            ).hash
            if entry.hash != computed:
                raise _broken(number, f"has hash {entry.hash}", str(computed))
            previous = entry.hash


def _sealed(*, sequence: int, previous: Digest, at: str, kind: str, body: Json) -> LedgerEntry:
    digest = digest_of(
        {"sequence": sequence, "previous": previous.hex, "at": at, "kind": kind, "body": body}
    )
    return LedgerEntry(
        sequence=sequence, previous=previous, at=at, kind=kind, body=body, hash=digest
    )


def _entry(row: sa.Row[Any]) -> LedgerEntry:
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to read by name
    try:
        return LedgerEntry(
            sequence=fields["sequence"],
            previous=Digest(fields["previous"]),
            at=fields["at"],
            kind=fields["kind"],
            body=msgspec.json.decode(fields["body"]),
            hash=Digest(fields["hash"]),
        )
    except (msgspec.DecodeError, IntegrityError) as error:
        raise _broken(fields["sequence"], f"cannot be read: {error}", "what was written") from error


def _with_key(connection: sa.Connection, key: str | None) -> LedgerEntry | None:
    if key is None:
        return None
    row = connection.execute(sa.select(_LEDGER).where(_LEDGER.c.idempotency_key == key)).first()
    return _entry(row) if row else None


def _require_same(entry: LedgerEntry, *, kind: str, text: str) -> LedgerEntry:
    if entry.kind != kind or to_json(entry.body).decode() != text:
        raise IntegrityError(
            fact=f"ledger entry {entry.sequence} already says something else under this key",
            expected="the same kind and body when a step is repeated",
        )
    return entry


def _broken(sequence: int, fact: str, expected: str) -> IntegrityError:
    return IntegrityError(
        fact=f"ledger entry {sequence} {fact}",
        expected=expected,
        hint="keep the file as evidence and compare it with a copy or a published head",
    )
