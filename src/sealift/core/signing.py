"""Who signs what: roles, public keys, and the port to the signing desk.

Offline roles are unlocked by a person for one release; online roles work unattended and can only
freeze, or choose among released versions (DESIGN.md, section 9). The desk runs in a process of its
own: callers hand over payloads and get signatures, never keys.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol


class KeyRole(StrEnum):
    """What a key is for. One key a role in the embedded mode."""

    ROOT = "root"
    RELEASES = "releases"
    BUILDER = "builder"
    CHECKSUMS = "checksums"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"
    CHANNELS = "channels"
    APT = "apt"


OFFLINE_ROLES: Final = (KeyRole.ROOT, KeyRole.RELEASES, KeyRole.BUILDER, KeyRole.CHECKSUMS)
ONLINE_ROLES: Final = (KeyRole.SNAPSHOT, KeyRole.TIMESTAMP, KeyRole.CHANNELS, KeyRole.APT)

KeyScheme = Literal["ed25519", "ecdsa-p256-sha256", "openpgp-ed25519"]

SCHEMES: Final[dict[KeyRole, KeyScheme]] = {
    KeyRole.ROOT: "ed25519",
    KeyRole.RELEASES: "ed25519",
    KeyRole.BUILDER: "ecdsa-p256-sha256",
    KeyRole.CHECKSUMS: "ecdsa-p256-sha256",
    KeyRole.SNAPSHOT: "ed25519",
    KeyRole.TIMESTAMP: "ed25519",
    KeyRole.CHANNELS: "ed25519",
    KeyRole.APT: "openpgp-ed25519",
}

SignatureForm = Literal["raw", "openpgp-clear", "openpgp-detached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key.

    `key_id` is the lower-case hex sha256 of the SubjectPublicKeyInfo in DER; for OpenPGP the
    upper-case fingerprint. `text` is PEM, for OpenPGP the armoured certificate.
    """

    role: KeyRole
    key_id: str
    scheme: KeyScheme
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature: raw for ed25519, DER for ECDSA, a whole document for the OpenPGP forms."""

    key_id: str
    value: bytes


class SigningDesk(Protocol):
    """Sign for roles. The suite is `sealift.testing.signing_desk`."""

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Return the public key of every role that the desk knows, in the order of `KeyRole`."""

    def sign(
        self, role: KeyRole, payload: bytes, *, at_s: int, form: SignatureForm = "raw"
    ) -> Signature:
        """Sign `payload` as `role`.

        Deterministic: the same payload, role and `at_s` give the same bytes (Ed25519; ECDSA by RFC
        6979; OpenPGP with `at_s` as its time). Raises ConfigError when the role's key is locked or
        missing, PolicyDenied when this desk may not sign for the role.
        """

    def close(self) -> None:
        """End the signing process; idempotent."""
