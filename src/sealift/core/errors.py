"""Errors as values: whose fault it is, what was found, what was expected, and a command as a hint.

The exit codes are stable; docs/reference/errors.md lists them. A bug is any other exception: the
command line prints its traceback and exits with 1.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What `sealift` exits with."""

    OK = 0
    BUG = 1
    CONFIG = 2
    POLICY = 3
    INTEGRITY = 4
    UNAVAILABLE = 5
    DRIVER = 6
    INTERRUPTED = 130


@dataclass(eq=False, kw_only=True)
class SealiftError(Exception):
    """What every error of ours carries.

    `fact` states what was found; `expected` what should have been; `hint` is a command (or a short
    instruction) that leads on; `where` names the file with line and column, or the stage; `log` is
    the tail of a log that belongs to the failure.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG
    code: ClassVar[str] = "error"

    fact: str
    expected: str = ""
    hint: str = ""
    where: str = ""
    log: str = ""

    def __str__(self) -> str:
        """Return the one-line message: place, fact, expectation."""
        place = f"{self.where}: " if self.where else ""
        wanted = f", expected {self.expected}" if self.expected else ""
        return f"{place}{self.fact}{wanted}"

    def details(self) -> dict[str, str]:
        """Return the fields for the journal and for `--json`; `error_from_details` reads them."""
        return {
            "code": self.code,
            "fact": self.fact,
            "expected": self.expected,
            "hint": self.hint,
            "where": self.where,
            "log": self.log,
        }


class ConfigError(SealiftError):
    """What the user wrote, or what the machine lacks, makes the request impossible."""

    exit_code = ExitCode.CONFIG
    code = "config"


class PolicyDenied(SealiftError):  # noqa: N818 - DESIGN.md names it so: a denial, not a mishap
    """A gate refused, with reasons; nothing was published."""

    exit_code = ExitCode.POLICY
    code = "policy-denied"


class IntegrityError(SealiftError):
    """Bytes, signatures or history are not what was promised. Never retried on the same source."""

    exit_code = ExitCode.INTEGRITY
    code = "integrity"


class UnavailableError(SealiftError):
    """Something outside is missing for now (network, disk, lock). The only retryable error."""

    exit_code = ExitCode.UNAVAILABLE
    code = "unavailable"


class DriverError(SealiftError):
    """A tool or a stage's command that we ran has failed."""

    exit_code = ExitCode.DRIVER
    code = "driver"


_KINDS: dict[str, type[SealiftError]] = {
    kind.code: kind
    for kind in (ConfigError, PolicyDenied, IntegrityError, UnavailableError, DriverError)
}


def error_from_details(details: dict[str, str]) -> SealiftError:
    """Rebuild the error that `details` described; raise KeyError for a foreign code."""
    fields = {key: value for key, value in details.items() if key != "code"}
    return _KINDS[details["code"]](**fields)
