from pathlib import Path

from sealift.core.limits import GIB
from sealift.stations.build.drivers.control_group import ControlGroups
from sealift.testing.simulation import SimClock


def groups(folder: Path, own: str, *, family: str = "f", process_id: int = 1) -> ControlGroups:
    (folder / "own").write_text(own)
    return ControlGroups(
        clock=SimClock(),
        family=family,
        process_id=process_id,
        own_groups=folder / "own",
        mount_point=folder,
    )


def test_version_one_gets_a_group_in_the_tree_of_each_controller(tmp_path: Path) -> None:
    for name in ("memory/mine", "pids"):
        (tmp_path / name).mkdir(parents=True)
    made = groups(tmp_path, "9:cpu:/\n8:pids:/\n4:memory:/mine\n0::/\n")
    assert made.controllers == {"memory", "pids"}
    with made.open(memory_bytes=GIB, processes_max=7) as group:
        pids, memory = tmp_path / "pids/sealift-f-1-1", tmp_path / "memory/mine/sealift-f-1-1"
        assert (pids / "pids.max").read_text() == "7"
        assert (memory / "memory.limit_in_bytes").read_text() == str(GIB)
        assert group.joining()[-3:] == (
            f"{pids}/cgroup.procs",
            f"{memory}/cgroup.procs",
            "--",
        )
        assert group.limits_hit() == ()
        (pids / "pids.events").write_text("max 3\n")
        assert group.limits_hit() == ("processes",)
        (memory / "memory.oom_control").write_text("oom_kill_disable 0\noom_kill 1\n")
        assert group.limits_hit() == ("memory", "processes")


def test_version_two_needs_a_group_whose_children_have_the_controllers(tmp_path: Path) -> None:
    place = tmp_path / "user.slice/session.scope"
    place.mkdir(parents=True)
    (place / "cgroup.subtree_control").write_text("\n")
    assert groups(tmp_path, "0::/user.slice/session.scope\n").controllers == frozenset()
    (tmp_path / "user.slice/cgroup.subtree_control").write_text("cpu memory pids\n")
    made = groups(tmp_path, "0::/user.slice/session.scope\n")
    assert made.controllers == {"memory", "pids"}
    with made.open(memory_bytes=GIB, processes_max=7) as group:
        folder = tmp_path / "user.slice/sealift-f-1-1"
        assert (folder / "memory.max").read_text() == str(GIB)
        (folder / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
        assert group.limits_hit() == ("memory",)


def test_machine_without_groups_has_none_and_runs_all_the_same(tmp_path: Path) -> None:
    made = ControlGroups(
        clock=SimClock(),
        family="f",
        process_id=1,
        own_groups=tmp_path / "absent",
        mount_point=tmp_path,
    )
    assert made.controllers == frozenset()
    with made.open(memory_bytes=GIB, processes_max=7) as group:
        assert (group.joining(), group.limits_hit()) == ((), ())


def test_group_of_a_killed_process_is_removed_by_the_next_and_others_are_kept(
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    names = ("sealift-f-999999999-4", "sealift-f-1-4", "sealift-g-999999999-4", "others")
    for name in names:
        (pids / name).mkdir(parents=True)
    groups(tmp_path, "8:pids:/\n", process_id=2)
    left = {path.name for path in pids.iterdir() if not path.name.endswith("-0")}
    assert left == set(names[1:])
