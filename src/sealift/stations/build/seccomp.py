"""The system call filter of the sandbox, as a classic BPF program for seccomp.

Denied is what no build needs and what a hole in the kernel would be reached by: keyrings, bpf,
perf, userfaultfd, io_uring, mounts, new namespaces, loading of code into the kernel, its clock and
its name, and sockets that a network namespace does not contain (vsock reaches the hypervisor).
`ptrace` stays: leak sanitizers and debuggers use it, and the PID namespace holds nobody else.

A denied call gives EPERM, as one without rights does; `clone3` gives ENOSYS, since its flags lie in
memory where no filter can look, and every C library then falls back to `clone`. A foreign machine's
calls (x32 too) give ENOSYS. See seccomp(2) and linux/filter.h.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

_LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
_EPERM: Final = 1
_ENOSYS: Final = 38
_EAFNOSUPPORT: Final = 97

# Offsets in struct seccomp_data: the number, the machine, the low words of the arguments.
_NUMBER: Final = 0
_MACHINE: Final = 4
_FIRST_ARGUMENT: Final = 16
_SECOND_ARGUMENT: Final = 24

_X32_BIT: Final = 0x40000000
_NEW_NAMESPACES: Final = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
_NEW_TIME: Final = 0x80  # for unshare alone: in clone these bits are the exit signal
_SOCKET_FAMILIES: Final = (0, 1, 2, 10, 16)  # unspecified, unix, inet, inet6, netlink
_TERMINAL_INPUT: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: type into the terminal

# Names and numbers on x86_64, aarch64 and i386; None where the machine has no such call.
_DENIED: Final[Mapping[str, tuple[int | None, int | None, int | None]]] = {
    "acct": (163, 89, 51),
    "add_key": (248, 217, 286),
    "bpf": (321, 280, 357),
    "chroot": (161, 51, 61),
    "clock_adjtime": (305, 266, 343),
    "clock_settime": (227, 112, 264),
    "create_module": (174, None, 127),
    "delete_module": (176, 106, 129),
    "finit_module": (313, 273, 350),
    "fsconfig": (431, 431, 431),
    "fsmount": (432, 432, 432),
    "fsopen": (430, 430, 430),
    "fspick": (433, 433, 433),
    "init_module": (175, 105, 128),
    "io_uring_enter": (426, 426, 426),
    "io_uring_register": (427, 427, 427),
    "io_uring_setup": (425, 425, 425),
    "ioperm": (173, None, 101),
    "iopl": (172, None, 110),
    "kexec_file_load": (320, 294, None),
    "kexec_load": (246, 104, 283),
    "keyctl": (250, 219, 288),
    "lookup_dcookie": (212, 18, 253),
    "mount": (165, 40, 21),
    "mount_setattr": (442, 442, 442),
    "move_mount": (429, 429, 429),
    "open_by_handle_at": (304, 265, 342),
    "open_tree": (428, 428, 428),
    "perf_event_open": (298, 241, 336),
    "pivot_root": (155, 41, 217),
    "quotactl": (179, 60, 131),
    "quotactl_fd": (443, 443, 443),
    "reboot": (169, 142, 88),
    "request_key": (249, 218, 287),
    "setdomainname": (171, 162, 121),
    "sethostname": (170, 161, 74),
    "setns": (308, 268, 346),
    "settimeofday": (164, 170, 79),
    "swapoff": (168, 225, 115),
    "swapon": (167, 224, 87),
    "syslog": (103, 116, 103),
    "umount": (None, None, 22),
    "umount2": (166, 39, 52),
    "uselib": (134, None, 86),
    "userfaultfd": (323, 282, 374),
    "vhangup": (153, 58, 111),
    # Its arguments lie in memory; direct calls exist since Linux 4.3.
    "socketcall": (None, None, 102),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """A machine's AUDIT_ARCH, its column above, and the calls whose arguments are looked at."""

    audit: int
    column: int
    clone: int
    clone3: int
    unshare: int
    sockets: tuple[int, int]
    ioctl: int


_MACHINES: Final = (
    _Machine(
        audit=0xC000003E,
        column=0,
        clone=56,
        clone3=435,
        unshare=272,
        sockets=(41, 53),
        ioctl=16,
    ),
    _Machine(
        audit=0xC00000B7,
        column=1,
        clone=220,
        clone3=435,
        unshare=97,
        sockets=(198, 199),
        ioctl=29,
    ),
    _Machine(
        audit=0x40000003,
        column=2,
        clone=120,
        clone3=435,
        unshare=310,
        sockets=(359, 360),
        ioctl=54,
    ),
)


@dataclass(frozen=True, slots=True)
class _Instruction:
    """One struct sock_filter; the jumps count instructions to pass over."""

    code: int
    operand: int
    when_true: int = 0
    when_false: int = 0

    def packed(self) -> bytes:
        # Both families of machines are little-endian under Linux distributions that we know.
        return struct.pack("<HBBI", self.code, self.when_true, self.when_false, self.operand)


@cache
def filter_program() -> bytes:
    """Return the program, as `bwrap --seccomp` reads it; the same bytes for every machine."""
    program = [_Instruction(_LOAD_WORD, _MACHINE)]
    for machine in _MACHINES:
        rules = list(_rules(machine))
        program += [_Instruction(_JUMP_EQUAL, machine.audit, 0, len(rules)), *rules]
    program.append(_refuse(_ENOSYS))
    return b"".join(each.packed() for each in program)


def denied_calls() -> Mapping[str, tuple[int | None, int | None, int | None]]:
    """Return what is denied whatever its arguments: numbers on x86_64, aarch64 and i386."""
    return _DENIED


def _rules(machine: _Machine) -> Iterable[_Instruction]:
    yield _Instruction(_LOAD_WORD, _NUMBER)
    yield from (_Instruction(_JUMP_AT_LEAST, _X32_BIT, 0, 1), _refuse(_ENOSYS))
    for numbers in _DENIED.values():
        number = numbers[machine.column]
        if number is not None:
            yield from _on(number, _refuse(_EPERM))
    yield from _on(machine.clone3, _refuse(_ENOSYS))
    yield from _on(machine.clone, *_unless_bits(_NEW_NAMESPACES))
    yield from _on(machine.unshare, *_unless_bits(_NEW_NAMESPACES | _NEW_TIME))
    for number in machine.sockets:
        yield from _on(
            number,
            *_compared(_FIRST_ARGUMENT, _SOCKET_FAMILIES, _Instruction(_RETURN, _ALLOW)),
            _refuse(_EAFNOSUPPORT),
        )
    yield from _on(
        machine.ioctl,
        *_compared(_SECOND_ARGUMENT, _TERMINAL_INPUT, _refuse(_EPERM)),
        _Instruction(_RETURN, _ALLOW),
    )
    yield _Instruction(_RETURN, _ALLOW)


def _on(number: int, *rules: _Instruction) -> Iterable[_Instruction]:
    """Apply rules, which end in a return, to one system call."""
    yield _Instruction(_JUMP_EQUAL, number, 0, len(rules))
    yield from rules


def _unless_bits(mask: int) -> tuple[_Instruction, ...]:
    return (
        _Instruction(_LOAD_WORD, _FIRST_ARGUMENT),
        _Instruction(_JUMP_ANY_BIT, mask, 0, 1),
        _refuse(_EPERM),
        _Instruction(_RETURN, _ALLOW),
    )


def _compared(
    offset: int, values: tuple[int, ...], verdict: _Instruction
) -> Iterable[_Instruction]:
    yield _Instruction(_LOAD_WORD, offset)
    for value in values:
        yield from (_Instruction(_JUMP_EQUAL, value, 0, 1), verdict)


def _refuse(error: int) -> _Instruction:
    return _Instruction(_RETURN, _ERROR | error)
