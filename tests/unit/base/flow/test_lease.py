import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from sealift.base.edge.port import ProcessMark
from sealift.base.edge.real import real_world
from sealift.base.flow import lease as lease_module
from sealift.base.flow.database import open_state
from sealift.base.flow.lease import Holder, Leases
from sealift.core.errors import UnavailableError
from sealift.core.limits import LEASE_S
from sealift.testing.simulation import SimWorld, sim_world


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_state(tmp_path / "state.db")
    yield engine
    engine.dispose()


@pytest.fixture
def world(tmp_path: Path) -> SimWorld:
    return sim_world(1, tmp_path / "disk")


@pytest.fixture
def leases(engine: sa.Engine, world: SimWorld) -> Leases:
    return Leases(engine, world.clock, world.processes)


def _neighbour(world: SimWorld, process_id: int = 77, **changes: str) -> Holder:
    mark = ProcessMark(**{"boot": "1", "namespace": "1", "started": "9", **changes})
    world.processes.marks.setdefault(process_id, mark)
    ours = Holder.of(world)
    return replace(ours, user="somebody", process_id=process_id, mark=mark)


def test_second_holder_is_told_who_has_it_and_what_to_do(leases: Leases, world: SimWorld) -> None:
    leases.acquire("release of jq", _neighbour(world), heartbeat=False)
    with pytest.raises(UnavailableError) as caught:
        leases.acquire("release of jq", Holder.of(world), heartbeat=False)
    assert str(caught.value).startswith(
        "`release of jq` is locked by somebody on workshop, process 77, since 2026-01-02T03:04:05Z"
    )
    assert "kill 77" in caught.value.hint
    assert leases.holder("release of jq") == _neighbour(world)


def test_other_names_are_other_leases(leases: Leases, world: SimWorld) -> None:
    leases.acquire("one", _neighbour(world), heartbeat=False)
    assert leases.acquire("two", Holder.of(world), heartbeat=False).token == 1


def test_released_lease_is_free_and_tokens_only_rise(leases: Leases, world: SimWorld) -> None:
    for token in (1, 2, 3):
        with leases.acquire("name", Holder.of(world), heartbeat=False) as lease:
            assert lease.token == token
            lease.check()
        assert leases.holder("name") is None
    lease.release()


def test_holder_that_renews_keeps_it_and_one_that_does_not_loses_it(
    leases: Leases, world: SimWorld
) -> None:
    lease = leases.acquire("name", _neighbour(world), heartbeat=False)
    for _ in range(3):
        world.clock.advance(LEASE_S - 1)
        lease.renew()
    world.clock.advance(LEASE_S - 1)
    with pytest.raises(UnavailableError, match="locked by"):
        leases.acquire("name", Holder.of(world), heartbeat=False)
    lease.check()
    world.clock.advance(1)
    with pytest.raises(UnavailableError, match="has lost"):
        lease.check()
    assert leases.acquire("name", Holder.of(world), heartbeat=False).token == 2


def test_holder_that_slept_finds_out_before_it_does_harm(leases: Leases, world: SimWorld) -> None:
    slept = leases.acquire("name", _neighbour(world), heartbeat=False)
    world.clock.advance(LEASE_S)
    awake = leases.acquire("name", Holder.of(world), heartbeat=False)
    for action in (slept.check, slept.renew):
        with pytest.raises(UnavailableError, match=r"has lost the lock.*maintainer on workshop"):
            action()
    slept.release()
    awake.check()


def test_lease_of_a_dead_process_is_taken_over_at_once(leases: Leases, world: SimWorld) -> None:
    leases.acquire("name", _neighbour(world), heartbeat=False)
    del world.processes.marks[77]
    assert leases.acquire("name", Holder.of(world), heartbeat=False).token == 2


def test_process_that_got_a_dead_ones_number_is_not_taken_for_it(
    leases: Leases, world: SimWorld
) -> None:
    leases.acquire("name", _neighbour(world), heartbeat=False)
    world.processes.marks[77] = ProcessMark(boot="1", namespace="1", started="10")
    assert leases.acquire("name", Holder.of(world), heartbeat=False).token == 2


def test_lease_from_before_a_reboot_is_taken_over(leases: Leases, world: SimWorld) -> None:
    leases.acquire("name", _neighbour(world, boot="0"), heartbeat=False)
    assert leases.acquire("name", Holder.of(world), heartbeat=False).token == 2


@pytest.mark.parametrize("elsewhere", ["another host", "a container"])
def test_process_that_cannot_be_seen_from_here_is_not_declared_dead(
    leases: Leases, world: SimWorld, elsewhere: str
) -> None:
    holder = _neighbour(world, namespace="1" if elsewhere == "another host" else "2")
    if elsewhere == "another host":
        holder = replace(holder, host="elsewhere")
    leases.acquire("name", holder, heartbeat=False)
    world.processes.marks.clear()
    with pytest.raises(UnavailableError, match="locked by"):
        leases.acquire("name", Holder.of(world), heartbeat=False)
    world.clock.advance(LEASE_S)
    assert leases.acquire("name", Holder.of(world), heartbeat=False).token == 2


def test_heart_beats_while_the_holder_works(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "HEARTBEAT_S", 0.02)
    monkeypatch.setattr(lease_module, "LEASE_S", 0.3)
    world = real_world()
    leases = Leases(engine, world.clock, world.processes)
    with leases.acquire("name", Holder.of(world)) as lease:
        time.sleep(0.5)
        lease.check()
        stolen = "UPDATE leases SET token = token + 1"
        with engine.begin() as connection:
            connection.exec_driver_sql(stolen)
        time.sleep(0.1)
        with pytest.raises(UnavailableError, match="has lost"):
            lease.check()


def test_lease_of_a_killed_process_is_taken_over(engine: sa.Engine, tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path;"
        "from sealift.base.edge.real import real_world;"
        "from sealift.base.flow.database import open_state;"
        "from sealift.base.flow.lease import Holder, Leases;"
        "w = real_world();"
        "Leases(open_state(Path(sys.argv[1])), w.clock, w.processes).acquire('n', Holder.of(w));"
        "print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "state.db")], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    world = real_world()
    leases = Leases(engine, world.clock, world.processes)
    try:
        with pytest.raises(UnavailableError, match=f"process {process.pid}"):
            leases.acquire("n", Holder.of(world))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    with leases.acquire("n", Holder.of(world)) as lease:
        assert lease.token == 2
