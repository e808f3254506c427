import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from sealift.base.flow.database import database_errors, open_engine, open_state
from sealift.core.errors import ConfigError, IntegrityError, UnavailableError


def test_every_commit_is_synced_and_the_log_is_written_ahead(tmp_path: Path) -> None:
    engine = open_state(tmp_path / "deep" / "state.db")
    with engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    engine.dispose()
    assert found == ["wal", 2, 1]


def test_state_is_opened_again_as_it_was(tmp_path: Path) -> None:
    for _ in range(2):
        engine = open_state(tmp_path / "state.db")
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM schema").scalar() == 1
        engine.dispose()


def test_two_processes_may_create_the_state_at_once(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def create() -> None:
        try:
            open_state(tmp_path / "state.db").dispose()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    engine = open_state(tmp_path / "state.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO schema VALUES (99)")
    engine.dispose()
    with pytest.raises(ConfigError, match="schema 99"):
        open_state(tmp_path / "state.db")


def test_transactions_of_two_writers_do_not_overlap(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "counter.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")

    def count() -> None:
        for _ in range(20):
            with engine.begin() as connection:
                value = connection.exec_driver_sql("SELECT value FROM counter").scalar_one()
                connection.exec_driver_sql("UPDATE counter SET value = ?", (value + 1,))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT value FROM counter").scalar() == 60
    engine.dispose()


def test_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database " * 500)
    with pytest.raises(IntegrityError, match="damaged"):
        open_state(tmp_path / "state.db")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("database or disk is full", UnavailableError),
        ("disk I/O error", UnavailableError),
        ("database is locked", UnavailableError),
        ("attempt to write a readonly database", ConfigError),
        ("unable to open database file", ConfigError),
        ("database disk image is malformed", IntegrityError),
    ],
)
def test_errors_of_the_database_are_told_apart(
    tmp_path: Path, message: str, kind: type[Exception]
) -> None:
    def fail() -> None:
        with database_errors(tmp_path / "state.db"):
            raise sqlite3.OperationalError(message)

    with pytest.raises(kind):
        fail()


def test_folder_that_is_a_file_cannot_hold_a_database(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError):
        open_state(tmp_path / "file" / "state.db")


def test_locked_database_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sealift.base.flow.database._PRAGMAS",
        ("PRAGMA journal_mode = WAL", "PRAGMA busy_timeout = 50"),
    )
    open_state(tmp_path / "state.db").dispose()
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="locked"):
            open_state(tmp_path / "state.db")
