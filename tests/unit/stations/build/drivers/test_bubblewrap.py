from pathlib import Path

import pytest

from sealift.core.errors import ConfigError
from sealift.stations.build.drivers.bubblewrap import BubblewrapSandbox
from sealift.stations.build.model import Root
from sealift.testing.simulation import SimProcesses, completed, sim_world
from sealift.testing.workbench import Workbench

EMPTY = Root(mounts=(), links=(), hidden=())
BWRAP = "/usr/bin/bwrap"


def sandbox(folder: Path, processes: SimProcesses) -> BubblewrapSandbox:
    world = sim_world(1, folder)
    world.processes.answers += processes.answers
    return BubblewrapSandbox(world, root=EMPTY)


def test_machine_without_bubblewrap_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bubblewrap is not installed") as caught:
        sandbox(tmp_path, SimProcesses()).isolation()
    assert caught.value.hint == "run `apt-get install bubblewrap`"


def test_machine_that_refuses_namespaces_stops_the_build_with_bubblewraps_words(
    tmp_path: Path,
) -> None:
    words = b"bwrap: No permissions to create new namespace\n"
    refused = SimProcesses([((BWRAP,), completed(stderr=words, exit_code=1))])
    with pytest.raises(ConfigError, match="No permissions to create new namespace") as caught:
        sandbox(tmp_path, refused).isolation()
    assert caught.value.hint


def test_probe_that_sees_a_hole_stops_the_build(tmp_path: Path) -> None:
    open_house = SimProcesses([((BWRAP,), completed(b"uid 0\ninterface eth0\n"))])
    with pytest.raises(ConfigError, match="the sandbox has a hole"):
        sandbox(tmp_path, open_house).isolation()


def test_probe_passes_on_this_machine_and_runs_once(bench: Workbench) -> None:
    first = bench.sandbox.isolation()
    assert bench.sandbox.isolation() is first
    assert dict(first.facts)["root"] == "read-only"


def test_toolchain_that_is_not_there_is_no_failing_stage(bench: Workbench) -> None:
    broken = BubblewrapSandbox(bench.world, root=EMPTY)
    with pytest.raises(ConfigError):
        broken.isolation()
