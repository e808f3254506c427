"""What is said over the pipes between the desk and the signing process: one JSON object a line.

The first line opens the keyring, each further one asks for a signature. The passphrase travels in
the first line only, never in arguments or environment. An answer holds one of its fields.
"""

from dataclasses import dataclass, field
from typing import Final

from sealift.core.limits import KIB, SIGNING_PAYLOAD_BYTES_MAX
from sealift.core.signing import KeyRole, PublicKey, Signature, SignatureForm

# Base64 makes four bytes of three; the rest of a message is short.
MESSAGE_BYTES_MAX: Final = SIGNING_PAYLOAD_BYTES_MAX // 3 * 4 + 64 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """Open the keyring in `folder` for `roles` only.

    Without a passphrase the offline keys stay locked. `online_secret` is empty when the secret
    lies in the keyring.
    """

    folder: str
    passphrase: bytes | None = field(repr=False)
    online_secret: str
    roles: tuple[KeyRole, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRequest:
    """Sign `payload` as `role`, dated `at_s`."""

    role: KeyRole
    payload: bytes
    at_s: int
    form: SignatureForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a request: public keys, a signature, an error's details, or a bug's place."""

    keys: tuple[PublicKey, ...] = ()
    signature: Signature | None = None
    error: dict[str, str] | None = None
    bug: str = ""
