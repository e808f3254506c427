"""The signing process: the only one that holds private keys while a release runs.

Started by `desk.py` with an empty environment; reads requests from standard input and answers on
standard output until the input ends, so it never outlives its caller. It leaves no core dump,
cannot be traced by the user's other processes, writes no file and starts no process. What it
answers are signatures, public keys, and errors in words that hold no secret.
"""

import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from sealift.base.edge.hardening import confine_process, forbid_memory_dumps
from sealift.core.codec import from_json, to_json
from sealift.core.errors import ConfigError, PolicyDenied, SealiftError
from sealift.core.signing import OFFLINE_ROLES, ONLINE_ROLES, KeyRole, Signature
from sealift.stations.attest.keypair import KeyPair
from sealift.stations.attest.keyring import read_public, unlock_offline, unlock_online
from sealift.stations.attest.protocol import MESSAGE_BYTES_MAX, Answer, OpenRequest, SignRequest


def sign_as(
    pairs: Mapping[KeyRole, KeyPair], allowed: tuple[KeyRole, ...], request: SignRequest
) -> Signature:
    """Sign with the role's key; PolicyDenied outside `allowed`, ConfigError for a locked key."""
    if request.role not in allowed:
        raise PolicyDenied(
            fact=f"this desk may not sign as `{request.role}`",
            expected=f"one of {', '.join(allowed)}",
            hint="sealift release",
        )
    if request.role not in pairs:
        raise ConfigError(
            fact=f"the key of role `{request.role}` is locked",
            expected="the passphrase of the offline keys",
            hint="run `sealift release` and enter the passphrase",
        )
    return pairs[request.role].sign(request.payload, at_s=request.at_s, form=request.form)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests, the first one opening the keyring, until the input ends."""
    allowed: tuple[KeyRole, ...] = ()
    pairs: dict[KeyRole, KeyPair] | None = None
    while line := requests.readline(MESSAGE_BYTES_MAX + 1):
        try:
            if pairs is None:
                request = from_json(OpenRequest, line)
                allowed, pairs = request.roles, _unlock(request)
                answer = Answer(keys=read_public(Path(request.folder)).keys)
            else:
                answer = Answer(signature=sign_as(pairs, allowed, from_json(SignRequest, line)))
        except SealiftError as error:
            answer = Answer(error=error.details())
        except Exception as error:  # noqa: BLE001 - told to the caller, who raises it as a bug
            # Places only: a message of a library may quote what it was given.
            places = "".join(traceback.format_tb(error.__traceback__))
            answer = Answer(bug=f"{type(error).__name__}\n{places}")
        answers.write(to_json(answer) + b"\n")
        answers.flush()


def _unlock(request: OpenRequest) -> dict[KeyRole, KeyPair]:
    folder = Path(request.folder)
    pairs: dict[KeyRole, KeyPair] = {}
    online = [role for role in ONLINE_ROLES if role in request.roles]
    offline = [role for role in OFFLINE_ROLES if role in request.roles]
    if online:
        place = Path(request.online_secret) if request.online_secret else None
        pairs |= unlock_online(folder, online_secret=place, roles=online)
    if offline and request.passphrase is not None:
        pairs |= unlock_offline(folder, request.passphrase, roles=offline)
    return pairs


def main() -> None:
    """Run as a process."""
    forbid_memory_dumps()
    confine_process()
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
