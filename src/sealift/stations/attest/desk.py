"""The signing desk whose keys are in a process of its own.

`open_desk` starts the process, hands it the passphrase over its input, and from then on payloads go
in and signatures come out. Closing the desk, or the end of this process, ends it.
"""

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final, Self

from sealift.base.edge.port import Command, Conversation, Conversations
from sealift.core.codec import from_json, to_json
from sealift.core.errors import ConfigError, DriverError, IntegrityError, error_from_details
from sealift.core.limits import SIGNING_PAYLOAD_BYTES_MAX, SIGNING_TIMEOUT_S
from sealift.core.signing import OFFLINE_ROLES, KeyRole, PublicKey, Signature, SignatureForm
from sealift.stations.attest.protocol import MESSAGE_BYTES_MAX, Answer, OpenRequest, SignRequest

REFRESH_ROLES: Final = (KeyRole.TIMESTAMP, KeyRole.APT)
"""What `sealift site refresh` may sign: it dates again what is there, and no more."""

# Isolated (-I): neither the caller's folder nor its variables choose what code gets the passphrase.
_SIGNER: Final = ("-I", "-B", "-m", "sealift.stations.attest.signer")
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_PRIVATE_UMASK: Final = 0o077


class ProcessSigningDesk:
    """A desk over a conversation with the signing process; `SigningDesk` in words."""

    def __init__(self, conversation: Conversation, request: OpenRequest) -> None:
        self._conversation = conversation
        try:
            self._keys = self._ask(request).keys
        except BaseException:
            self._conversation.close()
            raise

    @property
    def process_id(self) -> int:
        """The signing process's id."""
        return self._conversation.process_id

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Return the public key of every role, in the order of `KeyRole`."""
        return self._keys

    def sign(
        self, role: KeyRole, payload: bytes, *, at_s: int, form: SignatureForm = "raw"
    ) -> Signature:
        """Sign `payload` as `role`; see `SigningDesk.sign`."""
        if len(payload) > SIGNING_PAYLOAD_BYTES_MAX:
            raise IntegrityError(
                fact=f"the payload to sign has {len(payload)} bytes",
                expected=f"at most {SIGNING_PAYLOAD_BYTES_MAX}",
            )
        answer = self._ask(SignRequest(role=role, payload=payload, at_s=at_s, form=form))
        if answer.signature is None:
            raise DriverError(fact="the signing process gave no signature", expected="one")
        return answer.signature

    def close(self) -> None:
        """End the signing process; idempotent."""
        self._conversation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _ask(self, request: OpenRequest | SignRequest) -> Answer:
        line = self._conversation.ask(
            to_json(request), timeout_s=SIGNING_TIMEOUT_S, answer_bytes_max=MESSAGE_BYTES_MAX
        )
        answer = from_json(Answer, line)
        if answer.error is not None:
            raise error_from_details(answer.error)
        if answer.bug:
            raise RuntimeError(f"the signing process failed: {answer.bug}")
        return answer


def open_desk(
    conversations: Conversations,
    folder: Path,
    *,
    passphrase: bytes | None = None,
    online_secret: Path | None = None,
    roles: Collection[KeyRole] = tuple(KeyRole),
    python: str = sys.executable,
) -> ProcessSigningDesk:
    """Start the signing process for the keyring in `folder`.

    Without a passphrase only online roles sign. `roles` restricts the desk: the process then never
    decrypts the other keys. Raises ConfigError for a missing keyring or a wrong passphrase.
    """
    if not folder.is_dir():
        raise ConfigError(
            fact=f"project `{folder.name}` has no keys",
            expected=f"a keyring at {folder}",
            hint="sealift keys init",
        )
    command = Command(
        argv=(python, *_SIGNER), environment=_ENVIRONMENT, folder=folder, umask=_PRIVATE_UMASK
    )
    # Whoever may sign online only is not told the passphrase either.
    needed = any(role in OFFLINE_ROLES for role in roles)
    request = OpenRequest(
        folder=str(folder.absolute()),
        passphrase=passphrase if needed else None,
        online_secret=str(online_secret.absolute()) if online_secret else "",
        roles=tuple(role for role in KeyRole if role in roles),
    )
    return ProcessSigningDesk(conversations.start(command), request)
