"""What hostile or broken projects do, one story each: a clear error, and nothing taken along.

After every story no process of the sandbox lives, the work folder is gone, its control group too,
and the next stage builds as if nothing had been.
"""

import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.core.errors import DriverError
from sealift.core.limits import ACTION_PROCESSES_MAX, GIB, MIB, TREE_BYTES_MAX
from sealift.stations.build.executor import LocalExecutor
from sealift.stations.build.work_watch import WorkLimits
from sealift.testing.workbench import Workbench

NEVER = 120  # seconds: a story that takes this long was not ended early


def small(bench: Workbench, limits: WorkLimits) -> LocalExecutor:
    """Return an executor like the bench's own, with less room."""
    return LocalExecutor(
        world=bench.world,
        store=bench.store,
        sandbox=bench.sandbox,
        toolchain=bench.toolchain,
        scratch=bench.scratch,
        logs=bench.logs,
        limits=limits,
    )


def sandboxed(bench: Workbench) -> list[int]:
    """Return the processes that run in the bench's work folders, or that a sandbox left."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                arguments = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(bench.scratch) in arguments or b"hostile-marker" in arguments:
                found.append(int(folder.name))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left(bench: Workbench) -> Iterator[None]:
    """Look around after each story, and build something."""
    yield
    until = time.monotonic() + 10
    while sandboxed(bench) and time.monotonic() < until:
        time.sleep(0.05)
    assert sandboxed(bench) == []
    assert list(bench.scratch.iterdir()) == []
    own = f"-{bench.world.process_id}-"
    groups = [name for _, names, _ in os.walk("/sys/fs/cgroup") for name in names]
    assert [name for name in groups if name.startswith("sealift-") and own in name] == []
    kept = sum(path.stat().st_blocks * 512 for path in bench.folder.rglob("*"))
    assert kept < 100 * MIB
    assert bench.output("echo usable") == "usable\n"


def failure(bench: Workbench, script: str, **limits: int) -> DriverError:
    """Run a script as stage `odd`, all of whose files are outputs, and return how it failed."""
    executor = small(bench, WorkLimits(**limits))
    action = bench.shell(script, name="odd", outputs={"all": "**"}, timeout_s=NEVER)
    begun = time.monotonic()
    with pytest.raises(DriverError) as caught:
        executor.execute(action)
    assert time.monotonic() - begun < NEVER
    assert caught.value.where == "stage `odd`"
    assert int(caught.value.exit_code) == 6
    return caught.value


def has_control(bench: Workbench, fact: str) -> bool:
    return "control group" in dict(bench.sandbox.isolation().facts)[fact]


FORK_BOMB = """
exec python3 - hostile-marker <<'END'
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
END
"""


def test_a_fork_bomb_is_ended_when_it_reaches_the_limit(bench: Workbench) -> None:
    if not has_control(bench, "processes"):
        pytest.skip("no control group limits processes here")
    error = failure(bench, FORK_BOMB)
    assert error.fact == (
        f"the command was ended: it started more than {ACTION_PROCESSES_MAX} processes"
    )


def test_many_processes_below_the_limit_are_fine(bench: Workbench) -> None:
    assert bench.output("for n in $(seq 300); do sleep 0.2 & done; wait; echo all") == "all\n"


def test_memory_beyond_the_limit_ends_the_command_and_says_so(bench: Workbench) -> None:
    if not has_control(bench, "memory"):
        pytest.skip("no control group limits memory here")
    hungry = (
        'exec python3 -c "import os\nfor _ in range(4):\n  if os.fork() == 0:\n'
        "    x = bytearray(100 << 20)\n    os._exit(0)\n"
        'for _ in range(4):\n  assert os.wait()[1] == 0"'
    )
    assert bench.perform(bench.shell(hungry, memory_bytes=GIB)).result
    with pytest.raises(DriverError, match="used more than its 167772160 bytes of memory"):
        bench.perform(
            bench.shell(
                hungry.replace("os._exit", "import time; time.sleep(1); os._exit"),
                memory_bytes=160 * MIB,
            )
        )


def test_a_file_of_a_hundred_gigabytes_cannot_even_be_announced(bench: Workbench) -> None:
    error = failure(bench, "exec truncate -s 100G $SEALIFT_OUT/huge")
    assert "huge" in error.log or str(TREE_BYTES_MAX) in error.fact


def test_sparse_files_that_together_are_too_much_are_refused_unread(bench: Workbench) -> None:
    error = failure(bench, "for n in $(seq 20); do truncate -s 7G $SEALIFT_OUT/$n; done")
    assert f"more than {TREE_BYTES_MAX} bytes of files" in error.fact


def test_output_without_end_is_ended_before_it_fills_the_disk(bench: Workbench) -> None:
    script = (
        "n=0; while true; do n=$((n+1)); dd if=/dev/zero of=file$n bs=1M count=8 status=none; done"
    )
    error = failure(bench, script, bytes_max=64 * MIB)
    assert error.fact == (
        f"the command was ended: it wrote more than {64 * MIB} bytes to its work folder"
    )


def test_files_without_number_are_ended_before_they_take_all_inodes(bench: Workbench) -> None:
    script = "exec python3 -c \"n = 0\nwhile True:\n    open(f'{n}', 'w').close()\n    n += 1\""
    error = failure(bench, f"cd $SEALIFT_OUT; {script}", files_max=3_000)
    assert error.fact == "the command was ended: it made more than 3000 files"


@pytest.mark.slow
def test_a_million_files_are_refused_and_removed(bench: Workbench) -> None:
    script = "exec python3 -c \"for n in range(1_000_000):\n    open(f'{n}', 'w').close()\""
    action = bench.shell(f"cd $SEALIFT_OUT; {script}", outputs={"all": "**"}, timeout_s=600)
    with pytest.raises(DriverError, match="more than 200000 files"):
        bench.executor.execute(action)


def test_a_log_without_end_is_ended_and_what_is_kept_is_short(bench: Workbench) -> None:
    error = failure(bench, "exec yes hostile", log_bytes_max=8 * MIB)
    assert error.fact == f"the command was ended: it wrote more than {8 * MIB} bytes to its log"
    assert error.log.splitlines()[-1].startswith("hostile")
    kept = sum(path.stat().st_size for path in bench.logs.iterdir())
    assert kept < 65 * MIB


@pytest.mark.parametrize(
    "script",
    [
        "sleep 600",
        "trap '' TERM HUP INT; while true; do sleep 1; done",
        "(setsid sh -c 'trap \"\" TERM; exec sleep 601' hostile-marker &) ; sleep 600",
    ],
    ids=["waits", "ignores-signals", "double-forks"],
)
def test_a_command_that_never_ends_is_ended_with_all_that_it_started(
    bench: Workbench, script: str
) -> None:
    with pytest.raises(DriverError, match="after its time limit of 1 s"):
        bench.executor.execute(bench.shell(script, timeout_s=1))


def test_what_goes_on_in_the_background_ends_with_the_command(bench: Workbench) -> None:
    said = bench.output("(setsid sleep 602 hostile-marker >&- 2>&- &); echo done")
    assert said == "done\n"


def test_folders_too_deep_for_a_path_are_refused_and_removed(bench: Workbench) -> None:
    dig = (
        'cd $SEALIFT_OUT; exec python3 -c "import os\n'
        "for _ in range(3000):\n    os.mkdir('deep')\n    os.chdir('deep')\n"
        "open('bottom', 'w').close()\""
    )
    error = failure(bench, dig)
    assert error.fact.startswith("an output cannot be kept: ")
    # Where no output lies that deep, it is the stage's own matter, and removed all the same.
    action = bench.shell(dig.replace("$SEALIFT_OUT", "/build/work"))
    assert bench.executor.execute(action).tree.entries == ()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("ln -s ../../../../etc/passwd out", "out of the tree"),
        ("ln -s /etc/passwd out", "points to"),
        ("mkfifo out", "a named pipe"),
        ("printf x > 'a\nb'", "not allowed in a tree"),
        ("printf x > \"$(printf 'a\\377b')\"", "not allowed in a tree"),
        ("python3 -c \"import socket as s; s.socket(s.AF_UNIX).bind('out')\"", "a socket"),
        ("echo x > out; chmod 4755 out", "set-user-id"),
    ],
)
def test_what_no_tree_can_hold_is_refused_by_its_name(
    bench: Workbench, script: str, words: str
) -> None:
    assert words in failure(bench, f"cd $SEALIFT_OUT; {script}").fact


def test_a_device_cannot_even_be_made(bench: Workbench) -> None:
    error = failure(bench, "mknod $SEALIFT_OUT/disk b 8 0")
    assert "Operation not permitted" in error.log


def test_nothing_of_the_machines_processes_can_be_read(bench: Workbench) -> None:
    own = os.getpid()
    script = f"ls /proc | grep -c '^[0-9]' ; cat /proc/{own}/environ /proc/{own}/maps 2>&1 || true"
    said = bench.output(script)
    assert int(said.splitlines()[0]) < 10
    assert "No such file" in said
    assert "python" not in said


def test_other_stages_never_see_what_one_wrote_into_its_inputs(bench: Workbench) -> None:
    first = bench.perform(
        bench.shell("echo good > $SEALIFT_OUT/file", name="first", outputs={"all": "*"})
    )
    tree = bench.store.read(first.result.tree, size_bytes_max=MIB)
    inputs = {"first": bench.tree({"file": b"good\n"})}
    spoil = bench.shell("echo evil > $SEALIFT_INPUTS/first/file", inputs=inputs)
    bench.perform(spoil)
    said = bench.output("cat $SEALIFT_INPUTS/first/file", inputs=inputs)
    assert said == "good\n"
    assert bench.store.read(first.result.tree, size_bytes_max=MIB) == tree


def test_the_network_is_not_there(bench: Workbench) -> None:
    script = (
        "python3 - <<'END'\nimport socket\n"
        "for family, address in ((socket.AF_INET, ('192.0.2.1', 80)), (40, (2, 80))):\n"
        "    try:\n        socket.socket(family).connect(address)\n        print('reached')\n"
        "    except OSError as error:\n        print(error.errno)\nEND\n"
    )
    unreachable, unknown_family = 101, 97
    assert bench.output(script).split() == [str(unreachable), str(unknown_family)]


def test_limits_are_part_of_what_the_record_says_of_the_isolation(bench: Workbench) -> None:
    facts = dict(bench.perform(bench.shell("true")).result.isolation.facts)
    assert facts["seccomp"] == "yes"
    assert facts["disk"] == str(WorkLimits())
    assert {"memory", "processes"} <= facts.keys()
    assert dataclasses.replace(WorkLimits(), files_max=1) != WorkLimits()
