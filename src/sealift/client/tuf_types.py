"""The names of python-tuf that the client speaks of.

python-tuf offers them under `tuf.api.metadata` without saying so in `__all__`, which strict type
checking takes for private. So they are named here, once.
"""

from typing import TypeVar

from tuf.api._payload import MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

__all__ = ["MetaFile", "Payload", "Root", "Snapshot", "TargetFile", "Targets", "Timestamp"]

# Constrained as python-tuf's own: metadata of one of the four types.
Payload = TypeVar("Payload", Root, Timestamp, Snapshot, Targets)
