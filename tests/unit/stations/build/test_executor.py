import dataclasses

import pytest

from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, DriverError
from sealift.core.platform import Platform
from sealift.stations.build.executor import remove_leftovers
from sealift.stations.build.model import UNPERTURBED
from sealift.testing.workbench import Workbench

LAY = "mkdir -p $SEALIFT_OUT/usr/bin $SEALIFT_OUT/usr/lib; cd $SEALIFT_OUT; "


def test_outputs_are_what_the_globs_name_and_nothing_else(bench: Workbench) -> None:
    script = LAY + "echo x > usr/bin/tool; chmod +x usr/bin/tool; ln -s ../bin/tool usr/lib/alias; "
    script += "echo undeclared > scrap; mkdir usr/empty"
    execution = bench.executor.execute(bench.shell(script, outputs={"tree": "usr/**"}))
    assert [(entry.path, entry.executable, entry.target) for entry in execution.tree.entries] == [
        ("usr/bin/tool", True, ""),
        ("usr/lib/alias", False, "../bin/tool"),
    ]
    assert bench.store.has(execution.tree.digest)


def test_declared_output_that_matches_nothing_names_stage_and_glob(bench: Workbench) -> None:
    action = bench.shell(
        "touch $SEALIFT_OUT/a.whl", name="dist", outputs={"wheel": "*.whl", "sdist": "*.tar.gz"}
    )
    with pytest.raises(DriverError, match=r"stage `dist`: output `sdist` \(`\*\.tar\.gz`\)"):
        bench.executor.execute(action)
    both = dataclasses.replace(action, outputs=(("wheel", "*.whl"),))
    assert len(bench.executor.execute(both).tree.entries) == 1


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("ln -s /etc/passwd out", "points to"),
        ("ln -s ../../../../etc/passwd out", "out of the tree"),
        ("mkfifo out", "named pipe"),
        ("printf x > 'a\nb'", "not allowed in a tree"),
        ("printf x > \"$(printf 'a\\377b')\"", "not allowed in a tree"),
        ("echo x > out; chmod 4755 out", "set-user-id"),
        ("rmdir $SEALIFT_OUT; ln -s /etc $SEALIFT_OUT", "replaced the output folder"),
        ("rmdir $SEALIFT_OUT; echo x > $SEALIFT_OUT", "replaced the output folder"),
    ],
)
def test_hostile_output_is_refused_and_the_stage_named(
    bench: Workbench, script: str, words: str
) -> None:
    action = bench.shell(f"cd $SEALIFT_OUT; {script}", name="odd", outputs={"all": "**"})
    with pytest.raises(DriverError, match=words) as caught:
        bench.executor.execute(action)
    assert caught.value.where == "stage `odd`"


def test_failing_command_shows_exit_code_log_tail_and_where_the_rest_is(bench: Workbench) -> None:
    action = bench.shell(
        "for n in $(seq 50); do echo line $n; done; printf '\\033[31mred\\n' >&2; exit 3",
        name="compile",
    )
    with pytest.raises(DriverError, match=r"stage `compile`: .* exit code 3") as caught:
        bench.executor.execute(action)
    tail = caught.value.log.splitlines()
    assert (tail[0], tail[-1], len(tail)) == ("line 32", "[31mred", 20)
    path = f".sealift/logs/compile-{action.digest.short}.log"
    assert path in caught.value.hint
    assert len((bench.folder / path).read_bytes().splitlines()) == 51


def test_missing_tool_is_the_machines_fault_and_says_what_to_install(bench: Workbench) -> None:
    with pytest.raises(ConfigError, match="program `frobnicate`") as caught:
        bench.executor.execute(bench.shell("frobnicate --all", name="compile"))
    assert "frobnicate" in caught.value.hint
    direct = dataclasses.replace(bench.shell("true"), command=("frobnicate",))
    with pytest.raises(ConfigError, match="program `frobnicate`"):
        bench.executor.execute(direct)


def test_failing_stage_leaves_no_work_folder_behind(bench: Workbench) -> None:
    with pytest.raises(DriverError):
        bench.executor.execute(bench.shell("mkdir locked; chmod 0 locked; false"))
    assert list(bench.scratch.iterdir()) == []


def test_leftovers_of_dead_processes_are_removed_and_of_living_ones_kept(bench: Workbench) -> None:
    own = bench.world.process_id
    for name in ("999999999-abc", f"{own}-abc", "notes"):
        (bench.scratch / name).mkdir(parents=True)
    remove_leftovers(bench.world, bench.scratch)
    assert sorted(each.name for each in bench.scratch.iterdir()) == [f"{own}-abc", "notes"]
    remove_leftovers(bench.world, bench.folder / "absent")


def test_toolchain_that_changed_since_the_plan_is_refused(bench: Workbench) -> None:
    action = dataclasses.replace(bench.shell("true"), toolchain_fingerprint=Digest("0" * 64))
    with pytest.raises(ConfigError, match="no longer what the plan says"):
        bench.executor.execute(action)


def test_platform_of_another_machine_is_refused(bench: Workbench) -> None:
    assert bench.executor.execute(bench.shell("true", platform=bench.platform)).tree.entries == ()
    with pytest.raises(ConfigError, match="cannot be built on"):
        bench.executor.execute(bench.shell("true", platform=Platform("linux/riscv64")))


def test_second_run_has_a_log_of_its_own(bench: Workbench) -> None:
    action = bench.shell("echo said", name="twice")
    bench.executor.execute(action, perturbation=UNPERTURBED)
    bench.executor.execute(action, perturbation=bench.executor.perturbation())
    names = sorted(path.name for path in bench.logs.iterdir())
    assert names == [
        f"twice-{action.digest.short}.again.log",
        f"twice-{action.digest.short}.log",
    ]
