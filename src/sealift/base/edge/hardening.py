"""Keep a process that holds secrets to itself: no dumps, no files, no children."""

import ctypes
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def forbid_memory_dumps() -> bool:
    """Forbid core dumps and tracing of this process; return whether both took effect.

    Only Linux knows the second; elsewhere the first still holds.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (AttributeError, OSError):
        return False


def confine_process() -> None:
    """Forbid this process to write files, and (unless it is root's) to start others.

    Pipes stay open: the limit is on the size of files.
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
