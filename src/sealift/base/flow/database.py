"""SQLite as we want it: write-ahead log, every commit synced, writers that wait for each other.

`open_state` gives `.sealift/state.db` with its schema brought forward; `open_engine` any database
file with the same care. See docs/formats.md, "State database".
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from sealift.base.edge.disk import disk_errors
from sealift.core.errors import ConfigError, IntegrityError, UnavailableError
from sealift.core.limits import DATABASE_BUSY_S

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # With NORMAL, the last commits before a power cut may be gone: a signature would be made twice.
    "PRAGMA synchronous = FULL",
    f"PRAGMA busy_timeout = {DATABASE_BUSY_S * 1000}",
    "PRAGMA foreign_keys = ON",
)

_STATE_MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        """
        CREATE TABLE ledger (
            sequence INTEGER PRIMARY KEY,
            previous TEXT NOT NULL,
            at TEXT NOT NULL,
            kind TEXT NOT NULL,
            body TEXT NOT NULL,
            hash TEXT NOT NULL UNIQUE,
            idempotency_key TEXT UNIQUE
        ) STRICT
        """,
        """
        CREATE TRIGGER ledger_keeps_entries BEFORE DELETE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
        """,
        """
        CREATE TRIGGER ledger_keeps_bytes BEFORE UPDATE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
        """,
        """
        CREATE TABLE leases (
            name TEXT PRIMARY KEY,
            token INTEGER NOT NULL,
            holder TEXT,
            expires_s REAL NOT NULL
        ) STRICT
        """,
    ),
)


def open_engine(path: Path, *, begins_immediately: bool = True) -> sa.Engine:
    """Open a database file, creating it when it is missing.

    With `begins_immediately` every transaction takes the write lock at its start, so that what it
    read is still true when it writes. Without, the driver does so before the first write: DBOS
    opens its own transactions.
    """
    with database_errors(path), disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(sa.URL.create("sqlite+pysqlite", database=str(path)))

    def connected(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        del record
        if not isinstance(connection, sqlite3.Connection):
            raise TypeError(f"SQLite gave a {type(connection).__name__}")
        connection.isolation_level = None if begins_immediately else "IMMEDIATE"
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", connected)
    if begins_immediately:
        sa.event.listen(engine, "begin", begun)
    return engine


def open_state(path: Path) -> sa.Engine:
    """Open the state database and bring its schema forward, in one transaction.

    Raises ConfigError when a newer version of Sealift wrote it.
    """
    engine = open_engine(path)
    with database_errors(path), engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS schema (version INTEGER) STRICT")
        version = connection.exec_driver_sql("SELECT max(version) FROM schema").scalar() or 0
        if version > len(_STATE_MIGRATIONS):
            raise ConfigError(
                fact=f"`{path}` has schema {version}",
                expected=f"schema {len(_STATE_MIGRATIONS)} or older",
                hint="use the version of sealift that wrote it, or a newer one",
            )
        for number, statements in enumerate(_STATE_MIGRATIONS, start=1):
            if number <= version:
                continue
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql("INSERT INTO schema (version) VALUES (?)", (number,))
    return engine


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours: full, locked, forbidden, damaged."""
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        raise _translated(path, str(cause)) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise _translated(path, f"unable to open: {error.strerror}") from error


def _translated(path: Path, message: str) -> Exception:
    if "is full" in message or "disk I/O error" in message:
        return UnavailableError(
            fact=f"`{path}` cannot be written: {message}",
            expected="room on a healthy disk",
            hint=f"free some space (`df -h {path.parent}`) and run the command again",
        )
    if "locked" in message or "busy" in message:
        return UnavailableError(
            fact=f"`{path}` is locked by another process",
            expected=f"the lock within {DATABASE_BUSY_S} seconds",
            hint="wait for the other command to end, then run this one again",
        )
    if "readonly" in message or "unable to open" in message:
        return ConfigError(
            fact=f"may not write `{path}`: {message}",
            expected="a file in a folder that this user can write",
            hint=f"run `ls -ld {path.parent}`",
        )
    return IntegrityError(
        fact=f"`{path}` is damaged: {message}",
        expected="a database that sealift wrote",
        hint=f"run `sqlite3 {path} 'PRAGMA integrity_check'`",
    )
