"""A state machine: several processes append to one ledger under one lease."""

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sealift.base.edge.port import ProcessMark
from sealift.base.flow.database import open_state
from sealift.base.flow.lease import Holder, Lease, Leases
from sealift.base.flow.ledger import Ledger
from sealift.core.errors import UnavailableError
from sealift.core.limits import LEASE_S
from sealift.testing.simulation import sim_world

_PROCESSES = (1, 2, 3)


class LedgerUnderLease(RuleBasedStateMachine):
    """The model: who holds the lease until when, and what the ledger says."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        root = Path(self._folder.name)
        self.world = sim_world(0, root)
        self.engine = open_state(root / "state.db")
        self.ledger = Ledger(self.engine)
        self.leases = Leases(self.engine, self.world.clock, self.world.processes)
        self.births = dict.fromkeys(_PROCESSES, 0)
        self.held: dict[int, Lease] = {}
        self.owner: int | None = None
        self.expires_s = 0.0
        self.tokens: list[int] = []
        self.said: dict[str, int] = {}
        self.count = 0
        for process in _PROCESSES:
            self._be_born(process)

    def teardown(self) -> None:
        self.engine.dispose()
        self._folder.cleanup()

    def _be_born(self, process: int) -> None:
        self.births[process] += 1
        self.world.processes.marks[process] = ProcessMark(
            boot="1", namespace="1", started=str(self.births[process])
        )

    def _holds(self, process: int) -> bool:
        return self.owner == process and self.world.clock.monotonic_s() < self.expires_s

    def _is_free(self) -> bool:
        return self.owner is None or self.world.clock.monotonic_s() >= self.expires_s

    @rule(process=st.sampled_from(_PROCESSES))
    def acquire(self, process: int) -> None:
        holder = replace(
            Holder.of(self.world),
            process_id=process,
            mark=self.world.processes.mark(process),
        )
        try:
            lease = self.leases.acquire("release", holder, heartbeat=False)
        except UnavailableError:
            assert not self._is_free(), "a free lease was refused"
            return
        assert self._is_free(), "a held lease was given away"
        assert all(lease.token > token for token in self.tokens)
        self.tokens.append(lease.token)
        self.held[process] = lease
        self.owner = process
        self.expires_s = self.world.clock.monotonic_s() + LEASE_S

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(sorted(self.held)))
        try:
            self.held[process].renew()
        except UnavailableError:
            assert self.owner != process
            del self.held[process]
        else:
            # Late, but nobody else came meanwhile.
            assert self.owner == process
            self.expires_s = self.world.clock.monotonic_s() + LEASE_S

    @precondition(lambda self: self.held)
    @rule(data=st.data(), key=st.sampled_from(["a", "b", "c", ""]))
    def append_under_the_lease(self, data: st.DataObject, key: str) -> None:
        process = data.draw(st.sampled_from(sorted(self.held)))
        try:
            self.held[process].check()
        except UnavailableError:
            assert not self._holds(process)
            return
        assert self._holds(process), "a lease that was lost passed the check"
        entry = self.ledger.append(
            "release", {"key": key}, self.world.clock.now(), idempotency_key=key or None
        )
        if key in self.said:
            assert entry.sequence == self.said[key]
        else:
            self.count += 1
            assert entry.sequence == self.count
            if key:
                self.said[key] = entry.sequence

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(sorted(self.held)))
        self.held.pop(process).release()
        if self.owner == process:
            self.owner = None

    @rule(process=st.sampled_from(_PROCESSES), comes_back=st.booleans())
    def die(self, process: int, comes_back: bool) -> None:  # noqa: FBT001 - hypothesis passes it so
        self.held.pop(process, None)
        del self.world.processes.marks[process]
        if self.owner == process:
            self.owner = None
        # The number is given to another process, at once or after a while.
        if comes_back:
            self.world.clock.advance(1)
        self._be_born(process)

    @rule(seconds=st.sampled_from([1, LEASE_S // 2, LEASE_S, 3 * LEASE_S]))
    def let_time_pass(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @invariant()
    def ledger_is_whole(self) -> None:
        self.ledger.verify()
        head = self.ledger.head()
        assert (head.sequence if head else 0) == self.count


LedgerUnderLease.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None
)
TestLedgerUnderLease = LedgerUnderLease.TestCase
