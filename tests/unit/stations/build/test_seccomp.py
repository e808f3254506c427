import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.stations.build.seccomp import denied_calls, filter_program
from sealift.testing.workbench import Workbench

X86_64, AARCH64, I386 = 0xC000003E, 0xC00000B7, 0x40000003
MACHINES = {X86_64: 0, AARCH64: 1, I386: 2}
ALLOWED = 0x7FFF0000
EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97
HEADERS = {
    0: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    1: Path("/usr/include/asm-generic/unistd.h"),
    2: Path("/usr/include/x86_64-linux-gnu/asm/unistd_32.h"),
}


def judge(number: int, *arguments: int, machine: int = X86_64) -> int:
    """Run the program as the kernel does; return 0 for an allowed call, else the error."""
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, machine, 0, *padded)
    program = list(struct.iter_unpack("<HBBI", filter_program()))
    at = accumulator = 0
    while True:
        code, when_true, when_false, operand = program[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            return 0 if operand == ALLOWED else operand & 0xFFFF
        else:
            holds = {
                0x15: accumulator == operand,
                0x35: accumulator >= operand,
                0x45: bool(accumulator & operand),
            }[code]
            at += when_true if holds else when_false


@pytest.mark.parametrize("machine", MACHINES)
def test_every_listed_call_is_denied_on_every_machine_that_has_it(machine: int) -> None:
    for name, numbers in denied_calls().items():
        number = numbers[MACHINES[machine]]
        assert number is None or judge(number, machine=machine) == EPERM, name


@given(st.integers(0, 500), st.sampled_from(list(MACHINES)))
def test_every_other_call_is_allowed(number: int, machine: int) -> None:
    column = MACHINES[machine]
    looked_at = {
        *(numbers[column] for numbers in denied_calls().values()),
        *((56, 435, 272, 41, 53, 16), (220, 435, 97, 198, 199, 29), (120, 435, 310, 359, 360, 54))[
            column
        ],
    }
    assert number in looked_at or judge(number, machine=machine) == 0


def test_new_namespaces_are_denied_and_threads_are_not() -> None:
    threads, child, user = 0x3D0F00, 0x11, 0x10000000
    for clone, machine in ((56, X86_64), (220, AARCH64), (120, I386)):
        assert judge(clone, threads, machine=machine) == 0
        assert judge(clone, child, machine=machine) == 0
        assert judge(clone, child | user, machine=machine) == EPERM
    assert judge(272, 0x200) == 0  # unshare of the folder alone
    assert judge(272, 0x80) == EPERM  # a time namespace
    assert judge(435) == ENOSYS


def test_sockets_stay_within_families_that_a_network_namespace_contains() -> None:
    assert [judge(41, family) for family in (1, 2, 10, 16)] == [0] * 4
    assert [judge(41, family) for family in (17, 38, 40)] == [EAFNOSUPPORT] * 3


def test_typing_into_the_terminal_is_denied_and_other_requests_are_not() -> None:
    assert judge(16, 0, 0x5412) == EPERM
    assert judge(16, 0, 0x541C) == EPERM
    assert judge(16, 0, 0x5401) == 0


def test_calls_of_foreign_machines_do_not_exist() -> None:
    assert judge(1, machine=0xC0000016) == ENOSYS
    assert judge(0x40000000 | 250) == ENOSYS  # x32


def test_numbers_are_those_of_the_kernels_headers() -> None:
    seen = 0
    for column, path in HEADERS.items():
        if not path.is_file():
            continue
        text = path.read_text()
        known = dict(re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)$", text, re.MULTILINE))
        for name, numbers in denied_calls().items():
            if name in known:
                assert numbers[column] == int(known[name]), (name, path)
                seen += 1
    if not seen:
        pytest.skip("no kernel headers are installed")


def test_denied_calls_fail_inside_the_sandbox_and_ordinary_ones_work(bench: Workbench) -> None:
    said = bench.output(
        "python3 - <<'END'\n"
        "import ctypes, os, threading\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "keyctl, userfaultfd, io_uring = "
        "((250, 323, 425) if os.uname().machine == 'x86_64' else (219, 282, 425))\n"
        "for number in (keyctl, userfaultfd, io_uring):\n"
        "    print(libc.syscall(number, 0, 0, 0), ctypes.get_errno())\n"
        "print(libc.unshare(0x10000000), ctypes.get_errno())\n"
        "thread = threading.Thread(target=print, args=('thread',))\n"
        "thread.start()\n"
        "thread.join()\n"
        "END\n"
    )
    assert said.splitlines() == ["-1 1"] * 4 + ["thread"]
