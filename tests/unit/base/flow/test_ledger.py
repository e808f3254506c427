import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealift.base.flow import ledger as ledger_module
from sealift.base.flow.database import open_state
from sealift.base.flow.ledger import GENESIS, Ledger
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError, SealiftError

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    engine = open_state(path)
    yield Ledger(engine)
    engine.dispose()


def _tamper(path: Path, statement: str) -> None:
    """Change the table as somebody with the file in hand can: triggers off."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER IF EXISTS ledger_keeps_bytes")
        database.execute("DROP TRIGGER IF EXISTS ledger_keeps_entries")
        assert database.execute(statement).rowcount == 1
        database.commit()


def test_entries_are_chained_from_the_first(ledger: Ledger) -> None:
    first = ledger.append("release", {"version": "1.0"}, AT)
    second = ledger.append("channel", ["stable", None, 1, "ü"], AT)
    assert (first.sequence, first.previous) == (1, GENESIS)
    assert (second.sequence, second.previous) == (2, first.hash)
    assert list(ledger.entries()) == [first, second]
    assert ledger.head() == second
    ledger.verify()


def test_hash_is_the_digest_of_the_documented_bytes(ledger: Ledger) -> None:
    entry = ledger.append("release", {"b": 1, "a": "ü"}, AT)
    document = (
        '{"at":"2026-01-02T03:04:05Z","body":{"a":"ü","b":1},"kind":"release",'
        f'"previous":"{"0" * 64}","sequence":1}}'
    )
    assert entry.hash == Digest.of(document.encode())


def test_empty_ledger_is_whole(ledger: Ledger) -> None:
    ledger.verify()
    assert ledger.head() is None


def test_repeated_step_appends_once(ledger: Ledger) -> None:
    first = ledger.append("release", {"version": "1.0"}, AT, idempotency_key="release 1.0")
    ledger.append("other", None, AT)
    later = AT.replace(hour=9)
    again = ledger.append("release", {"version": "1.0"}, later, idempotency_key="release 1.0")
    assert again == first
    assert len(list(ledger.entries())) == 2


@pytest.mark.parametrize(("kind", "body"), [("release", {"version": "2"}), ("other", {})])
def test_repeated_step_that_says_something_else_is_refused(
    ledger: Ledger, kind: str, body: Json
) -> None:
    ledger.append("release", {}, AT, idempotency_key="key")
    with pytest.raises(IntegrityError, match="something else"):
        ledger.append(kind, body, AT, idempotency_key="key")


def test_entries_survive_the_process(ledger: Ledger, path: Path) -> None:
    entry = ledger.append("release", {}, AT)
    engine = open_state(path)
    assert Ledger(engine).head() == entry
    engine.dispose()


def test_entry_over_the_limit_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "LEDGER_BODY_BYTES_MAX", 12)
    ledger.append("release", "x" * 10, AT)
    with pytest.raises(IntegrityError, match="at most 12"):
        ledger.append("release", "x" * 11, AT)


@pytest.mark.parametrize("statement", ["DELETE FROM ledger", "UPDATE ledger SET kind = 'x'"])
def test_database_itself_refuses_to_change_entries(
    ledger: Ledger, path: Path, statement: str
) -> None:
    ledger.append("release", {}, AT)
    with (
        contextlib.closing(sqlite3.connect(path)) as database,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        database.execute(statement)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE ledger SET body = '{\"version\":9}' WHERE sequence = 2", "entry 2"),
        ("UPDATE ledger SET kind = 'rollback' WHERE sequence = 3", "entry 3"),
        ("UPDATE ledger SET at = '2020-01-01T00:00:00Z' WHERE sequence = 1", "entry 1"),
        ("UPDATE ledger SET previous = hash WHERE sequence = 4", "entry 4"),
        ("UPDATE ledger SET hash = lower(hex(zeroblob(32))) WHERE sequence = 2", "entry 2"),
        ("UPDATE ledger SET hash = 'short' WHERE sequence = 2", "entry 2"),
        ("UPDATE ledger SET body = '{' WHERE sequence = 2", "entry 2"),
        ("DELETE FROM ledger WHERE sequence = 1", "entry 1"),
        ("DELETE FROM ledger WHERE sequence = 3", "entry 3"),
        ("UPDATE ledger SET sequence = 9 WHERE sequence = 2", "entry 2"),
    ],
)
def test_tampering_is_found_and_the_first_broken_entry_named(
    ledger: Ledger, path: Path, statement: str, broken: str
) -> None:
    for number in range(5):
        ledger.append("release", {"version": number}, AT)
    ledger.verify()
    _tamper(path, statement)
    with pytest.raises(IntegrityError, match=f"ledger {broken} "):
        ledger.verify()


def test_entry_that_was_rewritten_with_its_hash_breaks_the_next(
    ledger: Ledger, path: Path, tmp_path: Path
) -> None:
    ledger.append("release", {"version": 1}, AT)
    ledger.append("release", {"version": 2}, AT)
    engine = open_state(tmp_path / "forged.db")
    forged = Ledger(engine).append("release", {"version": 666}, AT)
    engine.dispose()
    _tamper(
        path,
        f"UPDATE ledger SET body = '{{\"version\":666}}', hash = '{forged.hash.hex}' "  # noqa: S608 - the attack
        "WHERE sequence = 1",
    )
    with pytest.raises(IntegrityError, match="ledger entry 2 follows"):
        ledger.verify()


def test_nothing_is_appended_after_what_cannot_be_read(ledger: Ledger, path: Path) -> None:
    ledger.append("release", {}, AT)
    _tamper(path, "UPDATE ledger SET hash = 'short' WHERE sequence = 1")
    with pytest.raises(SealiftError):
        ledger.append("release", {}, AT)
