import pytest

from sealift.core.errors import ConfigError, DriverError, UnavailableError
from sealift.stations.build.failures import (
    first_programs,
    install_hint,
    missing_program,
    stage_failure,
)


def failure(
    tail: tuple[str, ...],
    *,
    exit_code: int = 1,
    timed_out_after_s: int | None = None,
    disk_is_low: bool = False,
) -> Exception:
    return stage_failure(
        stage="compile",
        exit_code=exit_code,
        timed_out_after_s=timed_out_after_s,
        disk_is_low=disk_is_low,
        tail=tail,
        log_path="log",
    )


@pytest.mark.parametrize(
    "line",
    [
        "/bin/sh: 1: meson: not found",
        "sh: 3: meson: not found",
        "./build.sh: line 7: meson: command not found",
        "/usr/bin/env: \u2018meson\u2019: No such file or directory",
        "env: 'meson': No such file or directory",
    ],
)
def test_missing_program_is_read_from_the_words_of_each_shell(line: str) -> None:
    error = failure(("configuring", line), exit_code=127)
    assert isinstance(error, ConfigError)
    assert "program `meson`" in error.fact
    assert error.hint == "run `apt-get install meson`"


def test_missing_program_inside_make_is_recognised_by_its_error_127() -> None:
    tail = ("make: bison: No such file or directory", "make: *** [Makefile:2: all] Error 127")
    assert isinstance(failure(tail, exit_code=2), ConfigError)
    plain = ("make: input.y: No such file or directory", "make: *** [Makefile:2: all] Error 1")
    assert isinstance(failure(plain, exit_code=2), DriverError)


def test_same_words_with_another_exit_code_are_the_stages_own_failure() -> None:
    assert isinstance(failure(("sh: 1: meson: not found",), exit_code=1), DriverError)
    assert isinstance(failure(("nothing of the kind",), exit_code=127), DriverError)


def test_full_disk_is_believed_only_when_the_disk_is_low() -> None:
    tail = ("cc: error writing: No space left on device",)
    assert isinstance(failure(tail, disk_is_low=True), UnavailableError)
    assert isinstance(failure(tail, disk_is_low=False), DriverError)
    assert isinstance(failure(("other",), disk_is_low=True), DriverError)


def test_signal_and_exit_code_are_told_apart() -> None:
    assert "signal 9" in str(failure((), exit_code=-9))
    assert "exit code 9" in str(failure((), exit_code=9))
    assert "time limit of 5 s" in str(failure((), exit_code=-9, timed_out_after_s=5))


def test_first_programs_are_what_a_line_plainly_starts_with() -> None:
    lines = (
        "./configure --prefix=/usr",
        "make -j4",
        "CC=gcc meson setup build",
        "cd build && ninja",
        '"$tool" run',
        "$tool run",
        "# comment",
        "helper() { true; }",
        "helper x",
        "for x in a; do",
        "python3.11 -m build",
        "",
    )
    assert first_programs(lines) == ("make", "meson", "python3.11")


def test_unknown_program_has_a_hint_that_finds_its_package() -> None:
    assert install_hint("gcc") == "run `apt-get install gcc`"
    assert "apt-file search bin/frob" in install_hint("frob")
    assert missing_program(()) is None
