"""Keep a process's memory out of files: no core dump, no tracing by other processes of the user."""

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
