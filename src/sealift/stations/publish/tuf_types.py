"""The names of python-tuf and securesystemslib that this station speaks of.

Both packages offer them under `tuf.api.metadata` and `securesystemslib.signer` without saying so in
`__all__`, which strict type checking takes for private. So they are named here, once.
"""

from typing import TypeVar

from securesystemslib.signer._key import SSlibKey
from securesystemslib.signer._signature import Signature as TufSignature
from tuf.api._payload import (
    DelegatedRole,
    Delegations,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

__all__ = [
    "DelegatedRole",
    "Delegations",
    "MetaFile",
    "Payload",
    "Root",
    "SSlibKey",
    "Snapshot",
    "TargetFile",
    "Targets",
    "Timestamp",
    "TufSignature",
]

# Constrained as python-tuf's own: metadata of one of the four types.
Payload = TypeVar("Payload", Root, Timestamp, Snapshot, Targets)
