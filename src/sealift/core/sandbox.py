"""The contract of the inside (ARCHITECTURE.md, "Inside the sandbox"), which several stations speak.

Paths and variables are fixed, so that an action means the same on every executor and no outside
path can leak into its outputs.
"""

from collections.abc import Sequence
from typing import Final

BUILD_FOLDER: Final = "/build"
SOURCE_FOLDER: Final = "/build/source"
INPUTS_FOLDER: Final = "/build/inputs"
OUT_FOLDER: Final = "/build/out"
HOME_FOLDER: Final = "/build/home"
WORK_FOLDER: Final = "/build/work"
TEMPORARY_FOLDER: Final = "/tmp"  # noqa: S108 - the path inside the sandbox
SOURCE_INPUT: Final = "source"
SANDBOX_PATH: Final = "/usr/bin:/bin"


def sandbox_environment(
    *, epoch_s: int, python_sites: Sequence[str] = ()
) -> tuple[tuple[str, str], ...]:
    """Return every variable that an action sees, sorted.

    `epoch_s` is the commit's time; `python_sites` are folders for Python's path, in its order.
    """
    variables = {
        "HOME": HOME_FOLDER,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PATH": SANDBOX_PATH,
        "SEALIFT_INPUTS": INPUTS_FOLDER,
        "SEALIFT_OUT": OUT_FOLDER,
        "SOURCE_DATE_EPOCH": str(epoch_s),
        "TMPDIR": TEMPORARY_FOLDER,
        "TZ": "UTC",
    }
    if python_sites:
        variables["PYTHONPATH"] = ":".join(python_sites)
        variables["PYTHONHASHSEED"] = "0"
    return tuple(sorted(variables.items()))


def selection_name(stage: str, name: str) -> str:
    """Return the name of the action that narrows input `name` of `stage`; no stage has a dot."""
    return f"{stage}.{name}"


def shown_name(name: str) -> str:
    """Return what an input is called inside: a narrowed one keeps the name of the whole."""
    return name.rpartition(".")[2]
