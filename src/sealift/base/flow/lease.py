"""Leases: one holder a name, who must keep saying so, and a number that only goes up.

A second holder is told who has it. It may take over when the lease has run out, or when the
holder was a process of this machine that is gone. What acts under a lease calls `check` before
anything that cannot be undone: a holder that slept too long finds out there.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from sealift.base.edge.port import Clock, Processes, ProcessMark, World
from sealift.base.flow.database import database_errors
from sealift.core.codec import format_time, from_json, to_json
from sealift.core.errors import SealiftError, UnavailableError
from sealift.core.limits import HEARTBEAT_S, LEASE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lease. `since` is RFC 3339 in UTC; `mark` tells the process from later ones."""

    user: str
    host: str
    process_id: int
    since: str
    mark: ProcessMark | None

    @classmethod
    def of(cls, world: World) -> Self:
        """Describe this process, from now."""
        return cls(
            user=world.user,
            host=world.host,
            process_id=world.process_id,
            since=format_time(world.clock.now()),
            mark=world.processes.mark(world.process_id),
        )

    def __str__(self) -> str:
        return f"{self.user} on {self.host}, process {self.process_id}, since {self.since}"


class Leases:
    """The table `leases` of the state database."""

    def __init__(self, engine: sa.Engine, clock: Clock, processes: Processes) -> None:
        self._engine = engine
        self._path = Path(engine.url.database or "")
        self._clock = clock
        self._processes = processes

    def acquire(self, name: str, holder: Holder, *, heartbeat: bool = True) -> "Lease":
        """Take the lease and return it, with a token higher than every one before.

        With `heartbeat` a thread renews it. Raises UnavailableError that names the holder when
        somebody else has it.
        """
        with database_errors(self._path), self._engine.begin() as connection:
            row = connection.exec_driver_sql(
                "SELECT token, holder, expires_s FROM leases WHERE name = ?", (name,)
            ).first()
            token, text, expires_s = tuple(row) if row else (0, None, 0.0)
            if text is not None and self._now_s() < expires_s:
                current = from_json(Holder, text.encode())
                if not self._is_gone(current, holder):
                    raise _held(name, current)
            connection.exec_driver_sql(
                "INSERT INTO leases (name, token, holder, expires_s) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET token = excluded.token, "
                "holder = excluded.holder, expires_s = excluded.expires_s",
                (name, token + 1, to_json(holder).decode(), self._now_s() + LEASE_S),
            )
        return Lease(name=name, token=token + 1, table=self, heartbeat=heartbeat)

    def holder(self, name: str) -> Holder | None:
        """Return who holds the lease now, or None."""
        with database_errors(self._path), self._engine.connect() as connection:
            row = connection.exec_driver_sql(
                "SELECT holder FROM leases WHERE name = ? AND expires_s > ?", (name, self._now_s())
            ).first()
        return from_json(Holder, row[0].encode()) if row and row[0] is not None else None

    def renew(self, name: str, token: int) -> None:
        """Prolong the lease; raise UnavailableError when another has taken it."""
        with database_errors(self._path), self._engine.begin() as connection:
            changed = connection.exec_driver_sql(
                "UPDATE leases SET expires_s = ? WHERE name = ? AND token = ? "
                "AND holder IS NOT NULL",
                (self._now_s() + LEASE_S, name, token),
            ).rowcount
            if changed == 0:
                raise self._lost(connection, name)

    def check(self, name: str, token: int) -> None:
        """Raise UnavailableError when the lease has run out or another has taken it."""
        with database_errors(self._path), self._engine.begin() as connection:
            row = connection.exec_driver_sql(
                "SELECT 1 FROM leases WHERE name = ? AND token = ? AND holder IS NOT NULL "
                "AND expires_s > ?",
                (name, token, self._now_s()),
            ).first()
            if row is None:
                raise self._lost(connection, name)

    def release(self, name: str, token: int) -> None:
        """Give the lease back; nothing happens when it is another's by now."""
        with database_errors(self._path), self._engine.begin() as connection:
            # The row stays: its token must go on rising.
            connection.exec_driver_sql(
                "UPDATE leases SET holder = NULL, expires_s = 0 WHERE name = ? AND token = ?",
                (name, token),
            )

    def _now_s(self) -> float:
        return self._clock.now().timestamp()

    def _is_gone(self, current: Holder, ours: Holder) -> bool:
        """Tell whether the holder was a process of this machine that has ended."""
        if current.host != ours.host or current.mark is None or ours.mark is None:
            return False
        if current.mark.boot != ours.mark.boot:
            return True
        if current.mark.namespace != ours.mark.namespace:
            # A container next door: its processes are not visible from here.
            return False
        return self._processes.mark(current.process_id) != current.mark

    def _lost(self, connection: sa.Connection, name: str) -> UnavailableError:
        row = connection.exec_driver_sql(
            "SELECT holder FROM leases WHERE name = ?", (name,)
        ).first()
        text = row[0] if row else None
        now = f"; {from_json(Holder, text.encode())} has it" if text is not None else ""
        return UnavailableError(
            fact=f"this process has lost the lock on `{name}`{now}",
            expected=f"to renew it at least every {LEASE_S} seconds",
            hint="run the command again; it goes on where the journal ends",
        )


class Lease:
    """A lease that this process holds, until `release` or the end of its `with` block."""

    def __init__(self, *, name: str, token: int, table: Leases, heartbeat: bool) -> None:
        self.name = name
        self.token = token
        self._table = table
        self._stop = threading.Event()
        self._lost: SealiftError | None = None
        self._thread: threading.Thread | None = None
        if heartbeat:
            self._thread = threading.Thread(
                target=self._beat, args=(self._stop.wait,), name=f"lease {name}", daemon=True
            )
            self._thread.start()

    def check(self) -> None:
        """Raise UnavailableError when this process no longer holds the lease."""
        if self._lost is not None:
            raise self._lost
        self._table.check(self.name, self.token)

    def renew(self) -> None:
        """Prolong the lease now; raise UnavailableError when another has taken it."""
        self._table.renew(self.name, self.token)

    def release(self) -> None:
        """Stop the heartbeat and give the lease back; idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._table.release(self.name, self.token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _beat(self, wait: Callable[[float], bool]) -> None:
        while not wait(HEARTBEAT_S):
            try:
                self.renew()
            except SealiftError as error:
                # Told at the next `check`; a locked database may still come back before that.
                self._lost = error
            else:
                self._lost = None


def _held(name: str, holder: Holder) -> UnavailableError:
    return UnavailableError(
        fact=f"`{name}` is locked by {holder}",
        expected="one release of a project at a time",
        hint=f"wait for it to end, or stop it on {holder.host}: kill {holder.process_id}",
    )
