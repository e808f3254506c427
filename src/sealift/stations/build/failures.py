"""What went wrong in a stage, whose fault it is, and what to do: pure judgements over its log."""

import re
import signal
from collections.abc import Sequence
from typing import Final

from sealift.core.errors import ConfigError, DriverError, SealiftError, UnavailableError
from sealift.core.limits import ACTION_PROCESSES_MAX, TREE_BYTES_MAX

NOT_FOUND_EXIT: Final = 127
_SIGNALLED: Final = 128  # a shell adds the signal's number to this

_PACKAGES: Final = {
    "aclocal": "automake",
    "autoconf": "autoconf",
    "automake": "automake",
    "autoreconf": "autoconf",
    "bison": "bison",
    "c++": "g++",
    "cargo": "cargo",
    "cc": "gcc",
    "cmake": "cmake",
    "dpkg-shlibdeps": "dpkg-dev",
    "flex": "flex",
    "g++": "g++",
    "gcc": "gcc",
    "git": "git",
    "go": "golang-go",
    "gzip": "gzip",
    "libtoolize": "libtool",
    "m4": "m4",
    "make": "make",
    "makeinfo": "texinfo",
    "meson": "meson",
    "msgfmt": "gettext",
    "ninja": "ninja-build",
    "node": "nodejs",
    "npm": "npm",
    "patch": "patch",
    "perl": "perl",
    "pkg-config": "pkg-config",
    "python3": "python3",
    "rustc": "rustc",
    "tar": "tar",
    "unzip": "unzip",
    "xz": "xz-utils",
    "zip": "zip",
    "zstd": "zstd",
}

# dash, bash, env and make each have their own words for the same.
_NOT_FOUND: Final = (
    re.compile(r"^(?:/bin/)?sh: (?:line )?\d+: (?P<name>\S+): not found$"),
    re.compile(r"^\S+: line \d+: (?P<name>\S+): command not found$"),
    re.compile(
        r"^(?:/usr/bin/)?env: [\u2018'](?P<name>[^\u2019']+)[\u2019']: No such file or directory$"
    ),
    re.compile(r"^make(?:\[\d+\])?: (?P<name>[^\s:]+): (?:No such file or directory|not found)$"),
)
_DISK_FULL: Final = ("No space left on device", "Disk quota exceeded", "disk quota exceeded")

# Words that a shell knows by itself.
_SHELL_WORDS: Final = """
[ [[ alias bg break case cd command continue do done echo elif else esac eval exec exit export false
fg fi for function getopts hash if in jobs kill local printf pwd read readonly return set shift test
then time times trap true type ulimit umask unalias unset until wait while
"""
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")


def stage_failure(
    *,
    stage: str,
    exit_code: int,
    timed_out_after_s: int | None,
    disk_is_low: bool,
    tail: Sequence[str],
    log_path: str,
    limits_hit: Sequence[str] = (),
    memory_bytes: int = 0,
) -> SealiftError:
    """Return the error of a command that failed; `tail` is the end of its log.

    `disk_is_low` must bear out the words for a full disk: the kernel has other uses for them.
    `limits_hit` are those of `SandboxOutcome`.
    """
    where, log = f"stage `{stage}`", "\n".join(tail)
    hint = f"run `less {log_path}` for the whole log"
    if timed_out_after_s is not None:
        return DriverError(
            fact=f"the command was ended after its time limit of {timed_out_after_s} s",
            expected=f"it to finish, or a longer `timeout` in [stages.{stage}]",
            where=where,
            log=log,
            hint=hint,
        )
    limit = _limit_words(exit_code, limits_hit, memory_bytes=memory_bytes)
    if limit is not None:
        return DriverError(fact=limit[0], expected=limit[1], where=where, log=log, hint=hint)
    missing = missing_program(tail) if exit_code in _exits_of_a_missing_program(tail) else None
    if missing is not None:
        return ConfigError(
            fact=f"program `{missing}` is not there inside the sandbox",
            expected="it below /usr/bin of the toolchain",
            where=where,
            log=log,
            hint=install_hint(missing),
        )
    if disk_is_low and any(words in line for line in tail for words in _DISK_FULL):
        return disk_full(where, log=log)
    how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return DriverError(fact=f"the command failed with {how}", where=where, log=log, hint=hint)


def disk_full(where: str, *, log: str = "") -> UnavailableError:
    """Return the error for a stage that found, or would soon have found, no room."""
    return UnavailableError(
        fact="the disk is full",
        expected="room for the stage's work folder",
        where=where,
        log=log,
        hint="free some space (`df -h`) and run the same command again",
    )


def _limit_words(
    exit_code: int, limits_hit: Sequence[str], *, memory_bytes: int
) -> tuple[str, str] | None:
    """Return fact and expectation for a command that a limit stopped; None for any other."""
    if "processes" in limits_hit:
        return (
            f"the command was ended: it started more than {ACTION_PROCESSES_MAX} processes",
            f"at most {ACTION_PROCESSES_MAX} at a time",
        )
    if "memory" in limits_hit:
        return (
            f"the command used more than its {memory_bytes} bytes of memory and was ended",
            f"at most {memory_bytes} bytes",
        )
    if exit_code in {-signal.SIGXFSZ, _SIGNALLED + signal.SIGXFSZ}:
        return (
            f"the command wrote a file of more than {TREE_BYTES_MAX} bytes",
            f"at most {TREE_BYTES_MAX} bytes",
        )
    return None


def missing_program(tail: Sequence[str]) -> str | None:
    """Return the program that the log says was not found, or None."""
    for line in reversed(tail):
        for pattern in _NOT_FOUND:
            match = pattern.match(line.strip())
            if match:
                return match["name"]
    return None


def install_hint(program: str) -> str:
    """Return the command that brings a program to a Debian machine."""
    package = _PACKAGES.get(program)
    if package is not None:
        return f"run `apt-get install {package}`"
    return f"run `apt-file search bin/{program}` and install what has it"


def first_programs(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the program that each line of a script starts with, where that is plain to see.

    Left out is what a shell knows itself, what has a path, a variable or quotes, and functions.
    """
    script = "\n".join(lines)
    found: dict[str, None] = {}
    for line in lines:
        words = line.split()
        while words and re.match(r"[A-Za-z_][A-Za-z0-9_]*=", words[0]):
            words.pop(0)
        if not words or not _PLAIN_WORD.match(words[0]) or words[0] in _SHELL_WORDS.split():
            continue
        if not re.search(rf"(?m)^\s*{re.escape(words[0])}\s*\(\)", script):
            found[words[0]] = None
    return tuple(found)


def missing_at_start(stage: str, program: str, *, toolchain: str) -> ConfigError:
    """Return the error for a program that no run of the stage could find."""
    return ConfigError(
        fact=f"program `{program}` is not part of toolchain `{toolchain}`",
        expected="it below /usr/bin",
        where=f"stage `{stage}`",
        hint=install_hint(program),
    )


def _exits_of_a_missing_program(tail: Sequence[str]) -> frozenset[int]:
    """Return the exit codes that may mean so: make has one of its own, and says 127 in words."""
    make_says_so = any(f"Error {NOT_FOUND_EXIT}" in line for line in tail)
    return frozenset({NOT_FOUND_EXIT, 2} if make_says_so else {NOT_FOUND_EXIT})
