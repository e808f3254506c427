"""What a keyring is on disk, as frozen values (docs/formats.md, "Keyring").

Private keys appear here only sealed. A sealed key says which role and key it is, and the
encryption authenticates that, so that one key cannot be passed off as another.
"""

from dataclasses import dataclass
from typing import Final, Literal

from sealift.core.digest import Digest
from sealift.core.limits import KEY_DERIVATION_COST
from sealift.core.signing import KeyRole, KeyScheme, PublicKey

KEYRING_FORMAT: Final = "sealift-keyring-v1"
PUBLIC_KEYS_FORMAT: Final = "sealift-public-keys-v1"
BACKUP_FORMAT: Final = "sealift-keyring-backup-v1"
BACKUP_RECORD_FORMAT: Final = "sealift-backup-record-v1"

OFFLINE_FILE: Final = "offline.json"
ONLINE_FILE: Final = "online.json"
ONLINE_SECRET_FILE: Final = "online.secret"  # noqa: S105 - a file's name
PUBLIC_FILE: Final = "public.json"
BACKUP_FILE: Final = "backup.json"
CREATING_FILE: Final = "creating.json"
ROOT_FILE: Final = "root.json"
ALLOWED_SIGNERS_FILE: Final = "allowed_signers"
GPG_FINGERPRINTS_FILE: Final = "gpg_fingerprints"

DERIVATION_BLOCK_SIZE: Final = 8
DERIVATION_PARALLELISM: Final = 1
DERIVATION_SALT_BYTES: Final = 16

PartName = Literal["offline", "online"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """How the encryption key comes from a passphrase: scrypt (RFC 7914)."""

    name: Literal["scrypt"] = "scrypt"
    cost: int = KEY_DERIVATION_COST
    block_size: int = DERIVATION_BLOCK_SIZE
    parallelism: int = DERIVATION_PARALLELISM
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Bytes under AES-256-GCM."""

    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A private key: PKCS #8 in DER, or for OpenPGP the armoured secret key; sealed."""

    role: KeyRole
    key_id: str
    scheme: KeyScheme
    sealed: Sealed

    @property
    def context(self) -> bytes:
        """What the encryption authenticates besides the key: format, role and key id."""
        return key_context(self.role, self.key_id)


def key_context(role: KeyRole, key_id: str) -> bytes:
    """Return the associated data of a sealed key."""
    return f"{KEYRING_FORMAT}\n{role}\n{key_id}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyringPart:
    """`offline.json` or `online.json`: one salt, and the sealed keys in the order of `KeyRole`."""

    format: Literal["sealift-keyring-v1"] = KEYRING_FORMAT
    part: PartName
    project: str
    created_at: str
    derivation: Derivation
    keys: tuple[SealedKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeys:
    """`public.json`: every public key in the order of `KeyRole`; written last."""

    format: Literal["sealift-public-keys-v1"] = PUBLIC_KEYS_FORMAT
    project: str
    created_at: str
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A further file of the folder, as it is: root.json, allowed_signers, gpg_fingerprints."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A whole keyring in one file.

    Every secret in it is under the passphrase: `online_secret` under the offline part's key.
    """

    format: Literal["sealift-keyring-backup-v1"] = BACKUP_FORMAT
    project: str
    made_at: str
    offline: KeyringPart
    online: KeyringPart
    online_secret: Sealed
    public: PublicKeys
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRecord:
    """`backup.json`: when the last backup was made, its digest, and the keys that it covers."""

    format: Literal["sealift-backup-record-v1"] = BACKUP_RECORD_FORMAT
    made_at: str
    file: Digest
    covers: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReceipt:
    """A backup that was written and read back. `keys` counts the private keys in it."""

    path: str
    file: Digest
    made_at: str
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSigner:
    """Someone whose signature on a tag counts.

    `fingerprint` is `SHA256:…` as ssh-keygen prints it, or the OpenPGP fingerprint.
    """

    method: Literal["ssh", "gpg"]
    principal: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyringReport:
    """What is in a keyring, for people: no secrets."""

    project: str
    folder: str
    created_at: str
    keys: tuple[PublicKey, ...]
    root_fingerprint: Digest | None
    backup: BackupRecord | None
    signers: tuple[TrustedSigner, ...]
    warnings: tuple[str, ...]
