import os
import sys
import threading
import time
from pathlib import Path

import pytest

from sealift.base.edge.port import Command
from sealift.base.edge.processes import SystemProcesses
from sealift.core.errors import ConfigError, UnavailableError

_PATH = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def processes() -> SystemProcesses:
    return SystemProcesses(_PATH)


def _shell(script: str, **options: object) -> Command:
    return Command(**{"argv": ("sh", "-c", script), "environment": _PATH, **options})  # type: ignore[arg-type] # the options are the tests' own


def _is_alive(process_id: int) -> bool:
    return SystemProcesses(_PATH).mark(process_id) is not None


def _await_end(process_id: int) -> None:
    until = time.monotonic() + 5
    while _is_alive(process_id):
        assert time.monotonic() < until, "the process lives on"
        time.sleep(0.01)


def test_program_ends_with_its_output_and_code(processes: SystemProcesses) -> None:
    done = processes.run(_shell("echo out; echo err >&2; exit 3"))
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert not done.timed_out
    assert not done.truncated


def test_program_that_dies_by_a_signal_has_a_negative_code(processes: SystemProcesses) -> None:
    assert processes.run(_shell("kill -9 $$")).exit_code == -9


def test_input_of_any_size_reaches_the_program(processes: SystemProcesses) -> None:
    data = os.urandom(1_000_000)
    command = Command(argv=("cat",), environment=_PATH, input=data)
    assert processes.run(command).stdout == data


def test_program_may_leave_its_input_unread(processes: SystemProcesses) -> None:
    assert processes.run(_shell("exit 0", input=b"x" * 1_000_000)).exit_code == 0


def test_program_without_input_reads_nothing(processes: SystemProcesses) -> None:
    assert processes.run(Command(argv=("cat",), environment=_PATH)).stdout == b""


def test_environment_is_what_was_given_and_nothing_else(
    processes: SystemProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "secret")
    done = processes.run(Command(argv=("env",), environment={"ONLY": "this"}))
    assert done.stdout == b"ONLY=this\n"


def test_folder_and_umask_are_as_given(processes: SystemProcesses, tmp_path: Path) -> None:
    done = processes.run(_shell("pwd; umask", folder=tmp_path, umask=0o077))
    assert done.stdout == f"{tmp_path}\n0077\n".encode()


def test_lines_come_as_they_are_written_with_both_streams_in_order(
    processes: SystemProcesses,
) -> None:
    seen: list[tuple[bytes, float]] = []
    done = processes.run(
        _shell(
            "echo one; echo two >&2; sleep 0.2; printf 'three'",
            on_line=lambda line: seen.append((line, time.monotonic())),
        )
    )
    assert [line for line, _ in seen] == [b"one", b"two", b"three"]
    assert seen[2][1] - seen[0][1] > 0.1
    assert (done.stdout, done.stderr) == (b"one\ntwo\nthree", b"")


def test_endless_line_is_cut_into_pieces(processes: SystemProcesses) -> None:
    seen: list[bytes] = []
    processes.run(_shell("head -c 200000 /dev/zero", on_line=seen.append))
    assert sum(map(len, seen)) == 200_000
    assert max(map(len, seen)) <= 65_536 * 2


def test_output_beyond_the_limit_is_dropped_and_noted(processes: SystemProcesses) -> None:
    exact = processes.run(_shell("head -c 1000 /dev/zero", output_bytes_max=1000))
    assert (len(exact.stdout), exact.truncated) == (1000, False)
    more = processes.run(_shell("head -c 1001 /dev/zero", output_bytes_max=1000))
    assert (len(more.stdout), more.truncated) == (1000, True)
    flood = processes.run(_shell("head -c 9000000 /dev/zero", output_bytes_max=1000))
    assert (flood.exit_code, len(flood.stdout), flood.truncated) == (0, 1000, True)


def test_time_limit_ends_the_whole_group(processes: SystemProcesses, tmp_path: Path) -> None:
    mark = tmp_path / "child"
    begun = time.monotonic()
    done = processes.run(_shell(f"sleep 60 & echo $! > {mark}; wait", timeout_s=0.3))
    assert done.timed_out
    assert done.exit_code != 0
    assert time.monotonic() - begun < 3
    _await_end(int(mark.read_text()))


def test_program_that_ignores_the_polite_signal_is_killed(processes: SystemProcesses) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    done = processes.run(_shell(script, timeout_s=0.3))
    assert done.timed_out
    assert done.exit_code == -9


def test_what_a_program_leaves_behind_is_ended(processes: SystemProcesses, tmp_path: Path) -> None:
    mark = tmp_path / "child"
    begun = time.monotonic()
    done = processes.run(_shell(f"sleep 60 & echo $! > {mark}; echo done"))
    assert (done.exit_code, done.stdout, done.timed_out) == (0, b"done\n", False)
    assert time.monotonic() - begun < 3
    _await_end(int(mark.read_text()))


def test_interruption_ends_the_group_and_passes_on(
    processes: SystemProcesses, tmp_path: Path
) -> None:
    mark = tmp_path / "child"

    def interrupt(line: bytes) -> None:
        del line
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processes.run(_shell(f"sleep 60 & echo $! > {mark}; echo ready; wait", on_line=interrupt))
    _await_end(int(mark.read_text()))


def test_stop_ends_what_runs_and_refuses_what_comes(processes: SystemProcesses) -> None:
    stopper = threading.Timer(0.2, processes.stop_all)
    stopper.start()
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match="interrupted"):
        processes.run(_shell("sleep 60"))
    assert time.monotonic() - begun < 3
    with pytest.raises(UnavailableError, match="interrupted"):
        processes.run(_shell("sleep 60"))
    stopper.join()


def test_missing_program_is_named_with_its_package(
    processes: SystemProcesses, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="`no-such-program` is not installed"):
        processes.run(Command(argv=("no-such-program",), environment=_PATH))
    with pytest.raises(ConfigError) as caught:
        processes.run(Command(argv=(f"{tmp_path}/bwrap",), environment=_PATH))
    assert caught.value.hint == "run `apt-get install bubblewrap`"


def test_file_that_is_no_program_and_folder_that_is_not_there_are_told_apart(
    processes: SystemProcesses, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no program")
    with pytest.raises(ConfigError, match="may not be run"):
        processes.run(Command(argv=(f"{tmp_path}/text",), environment=_PATH))
    with pytest.raises(ConfigError, match="folder"):
        processes.run(_shell("true", folder=tmp_path / "nowhere"))


def test_programs_are_found_on_the_given_path_only(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\necho mine\n")
    (tmp_path / "tool").chmod(0o755)
    assert SystemProcesses({"PATH": str(tmp_path)}).find("tool") == tmp_path / "tool"
    assert SystemProcesses(_PATH).find("tool") is None


def test_mark_tells_processes_apart(processes: SystemProcesses) -> None:
    ours = processes.mark(os.getpid())
    assert ours == processes.mark(os.getpid())
    assert ours != processes.mark(1)
    assert processes.mark(2**22 + 1) is None


def test_descriptors_are_passed_only_when_named(processes: SystemProcesses) -> None:
    reading, writing = os.pipe()
    script = f"import os; os.write({writing}, b'through')"
    try:
        hidden = processes.run(Command(argv=(sys.executable, "-c", script)))
        assert hidden.exit_code != 0
        passed = processes.run(Command(argv=(sys.executable, "-c", script), pass_fds=(writing,)))
        assert passed.exit_code == 0
        assert os.read(reading, 20) == b"through"
    finally:
        os.close(reading)
        os.close(writing)


def test_whoever_watches_can_end_a_program_early(processes: SystemProcesses) -> None:
    asked: list[float] = []

    def should_end() -> bool:
        asked.append(time.monotonic())
        return len(asked) == 2

    begun = time.monotonic()
    done = processes.run(Command(argv=("sleep", "30"), timeout_s=20, should_end=should_end))
    assert time.monotonic() - begun < 10
    assert (done.timed_out, len(asked)) == (False, 2)
    assert asked[1] - asked[0] > 0.2
    patient = Command(argv=("sleep", "0.6"), should_end=lambda: False)
    assert processes.run(patient).exit_code == 0
