"""What a hostile stage tries, inside the real sandbox of this machine."""

import os
import socket
import time
from pathlib import Path

import pytest

from sealift.core.errors import ConfigError, DriverError
from sealift.core.limits import MIB
from sealift.testing.workbench import Workbench


def test_stage_reaches_no_network_not_even_this_machines_loopback(bench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        said = bench.output(
            "python3 - <<'END'\n"
            "import socket\n"
            f"for address in [('127.0.0.1', {port}), ('192.0.2.1', 80)]:\n"
            "    try:\n"
            "        socket.create_connection(address, timeout=2)\n"
            "        print('reached', address)\n"
            "    except OSError as error:\n"
            "        print('refused')\n"
            "END\n"
        )
    assert said.split() == ["refused", "refused"]


def test_stage_sees_only_the_variables_of_its_action(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_PASSPHRASE", "correct horse")
    names = {line.partition("=")[0] for line in bench.output("env").splitlines()}
    assert names == {
        *("HOME", "LANG", "LC_ALL", "PATH", "PWD", "SEALIFT_INPUTS", "SEALIFT_OUT"),
        *("SOURCE_DATE_EPOCH", "TMPDIR", "TZ"),
    }
    environments = bench.output("cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    assert "correct horse" not in environments


def test_stage_finds_no_secret_that_was_planted_around_it(bench: Workbench) -> None:
    secret = "planted-b7f2c1"
    for place in (bench.folder / "keys", bench.scratch, bench.folder / ".sealift"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "secret").write_text(secret)
    said = bench.output(
        f"echo looking; grep -rlsI --exclude-dir=proc --exclude-dir=usr {secret} / || true"
    )
    assert said.split() == ["looking"]


def test_stage_sees_no_folder_of_the_machine_but_the_listed_ones(bench: Workbench) -> None:
    assert set(bench.output("ls /").split()) <= {
        *("bin", "build", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run"),
        *("sbin", "tmp", "usr", "var"),
    }
    assert bench.output("ls -A /usr/local /run /tmp /build/home /dev/shm | grep -v :").split() == []
    shown = set(bench.output("ls /etc").split())
    assert "passwd" in shown
    assert shown.isdisjoint({"shadow", "pip.conf", "resolv.conf", "ssh", "machine-id", "ssl"})
    for hidden in (Path.home(), bench.folder, Path.cwd()):
        assert bench.output(f"test -e {hidden} && echo there || echo absent") == "absent\n"


def test_stage_can_write_to_its_own_folders_and_nowhere_else(bench: Workbench) -> None:
    script = "for place in {}; do (echo x > $place/file) 2>&- && echo $place || true; done"
    own = "/build/out /build/work /build/home /build/inputs $TMPDIR"
    assert len(bench.output(script.format(own)).split()) == 5
    foreign = "/ /usr /usr/bin /etc /usr/local /var /run /etc/alternatives /build/../proc"
    assert bench.output(script.format(foreign)).split() == []


def test_root_outside_is_no_root_for_the_kernels_switches(bench: Workbench) -> None:
    before = Path("/proc/sys/kernel/core_pattern").read_text()
    with pytest.raises(DriverError):
        bench.output("echo core > /proc/sys/kernel/core_pattern")
    with pytest.raises(DriverError):
        bench.output("echo h > /proc/sysrq-trigger")
    assert Path("/proc/sys/kernel/core_pattern").read_text() == before


def test_stage_runs_as_a_plain_user_of_a_fixed_name_on_a_fixed_host(bench: Workbench) -> None:
    said = bench.output("id -u; id -g; id -un; uname -n; cat /etc/hostname; hostname -f")
    assert said.split() == ["1000", "1000", "builder", "sealift", "sealift", "sealift"]


def test_stage_has_no_capability_and_cannot_gain_one(bench: Workbench) -> None:
    said = bench.output("grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status")
    assert [line.split()[1] for line in said.splitlines()] == ["0" * 16] * 5 + ["1"]
    with pytest.raises(DriverError):
        bench.output("mount -t tmpfs none /tmp")
    with pytest.raises(DriverError):
        bench.output("unshare --user --map-root-user true")


def test_stage_sees_its_own_processes_only(bench: Workbench) -> None:
    said = bench.output("for each in /proc/[0-9]*; do cat $each/comm; done")
    assert set(said.split()) <= {"bwrap", "sh", "cat"}


def test_stage_inherits_no_open_file(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "open").write_text("secret")
    with (tmp_path / "open").open() as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - the system call's own form
        assert bench.output("ls /proc/self/fd").split() == ["0", "1", "2", "3"]
        assert bench.output("readlink /proc/self/fd/0") == "/dev/null\n"


def test_inputs_are_copies_that_a_stage_may_spoil_without_harm(bench: Workbench) -> None:
    tree = bench.tree({"a.txt": b"kept", "run": b"#!/bin/sh\necho ran\n"})
    spoil = (
        "cd $SEALIFT_INPUTS/tools; ./run; stat -c '%a %Y %U' a.txt run; echo spoilt > a.txt; rm run"
    )
    expected = "ran\n644 0 builder\n755 0 builder\n"
    assert bench.output(spoil, inputs={"tools": tree}) == expected
    assert bench.output(f"true; {spoil}", inputs={"tools": tree}) == expected


def test_source_is_the_working_folder_when_it_is_an_input(bench: Workbench) -> None:
    tree = bench.tree({"README": b""})
    assert bench.output("pwd; ls", inputs={"source": tree}) == "/build/source\nREADME\n"
    assert bench.output("pwd; ls") == "/build/work\n"


def test_time_limit_ends_the_stage_and_all_that_it_started(bench: Workbench) -> None:
    begun = time.monotonic()
    mark = "54321.25"
    script = f"(setsid sleep {mark} &) ; trap '' TERM; echo begun; sleep {mark}"
    with pytest.raises(DriverError, match=r"stage `slow`.*time limit of 1 s") as caught:
        bench.perform(bench.shell(script, name="slow", timeout_s=1))
    assert caught.value.log == "begun"
    assert time.monotonic() - begun < 10
    left = [each for each in Path("/proc").glob("[0-9]*") if mark in _command_line(each)]
    assert left == []


def test_memory_limit_stops_a_process_and_leaves_its_neighbour_under_it(bench: Workbench) -> None:
    grow = "python3 -c 'x = bytearray({mib} << 20); print(len(x) >> 20)'"
    fits = bench.shell(grow.format(mib=100), memory_bytes=400 * MIB)
    assert bench.perform(fits).result.log
    with pytest.raises(DriverError, match="exit code 1"):
        bench.perform(bench.shell(grow.format(mib=500), memory_bytes=400 * MIB))


def test_isolation_states_what_the_probe_saw(bench: Workbench) -> None:
    isolation = bench.perform(bench.shell("true")).result.isolation
    facts = dict(isolation.facts)
    assert (isolation.sandbox, isolation.network) == ("bubblewrap", False)
    assert facts["interfaces"] == "lo"
    assert facts["capabilities"] == "none"
    assert {"mnt", "net", "pid", "user"} <= set(facts["namespaces"].split())
    assert facts["seccomp"] == "yes"
    assert facts["memory"] in {
        "of all processes, by control group",
        "data of each process",
        "not limited",
    }


def test_action_that_asks_for_the_network_is_refused(bench: Workbench) -> None:
    action = bench.shell("true")
    with_network = type(action)(
        **{name: getattr(action, name) for name in action.__slots__} | {"network": True}
    )
    with pytest.raises(ConfigError, match="network"):
        bench.perform(with_network)


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
