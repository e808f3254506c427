"""Encrypt small secrets under a passphrase: scrypt, then AES-256-GCM.

A wrong passphrase and damaged bytes look the same, on purpose: whoever guesses learns nothing
else. Derivation parameters are read from the file within limits, so that a hostile file can
neither exhaust the memory nor ask for a key that is cheap to guess.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sealift.base.edge.port import Entropy
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import (
    KEY_DERIVATION_COST,
    KEY_DERIVATION_COST_MAX,
    PASSPHRASE_BYTES_MAX,
    PASSPHRASE_LENGTH_MIN,
)
from sealift.stations.attest.model import (
    DERIVATION_BLOCK_SIZE,
    DERIVATION_PARALLELISM,
    DERIVATION_SALT_BYTES,
    Derivation,
    Sealed,
)

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class WrongSecret(Exception):  # noqa: N818 - says what happened; callers turn it into words
    """The bytes did not open: a wrong secret or damage, not told apart."""


class SealingKey:
    """A derived encryption key; seals and opens, and never shows itself."""

    __slots__ = ("_cipher", "derivation")

    def __init__(self, secret: bytes, derivation: Derivation) -> None:
        """Derive the key: about 0.2 s and 64 MiB of memory."""
        self.derivation = derivation
        self._cipher = AESGCM(
            Scrypt(
                salt=derivation.salt,
                length=_KEY_BYTES,
                n=derivation.cost,
                r=derivation.block_size,
                p=derivation.parallelism,
            ).derive(secret)
        )

    def seal(self, data: bytes, *, context: bytes, entropy: Entropy) -> Sealed:
        """Encrypt `data`; `context` is authenticated with it."""
        nonce = entropy.token_bytes(_NONCE_BYTES)
        return Sealed(nonce=nonce, ciphertext=self._cipher.encrypt(nonce, data, context))

    def open(self, sealed: Sealed, *, context: bytes) -> bytes:
        """Decrypt what `seal` made with the same context; raise WrongSecret otherwise."""
        try:
            return self._cipher.decrypt(sealed.nonce, sealed.ciphertext, context)
        except (InvalidTag, ValueError):
            # Not chained: the cause would say which of the two it was.
            raise WrongSecret from None


def new_derivation(entropy: Entropy) -> Derivation:
    """Return parameters with a fresh salt."""
    return Derivation(salt=entropy.token_bytes(DERIVATION_SALT_BYTES))


def check_derivation(derivation: Derivation, *, where: str) -> None:
    """Raise IntegrityError unless the parameters are as strong as ours and affordable."""
    affordable = KEY_DERIVATION_COST <= derivation.cost <= KEY_DERIVATION_COST_MAX
    power_of_two = derivation.cost & (derivation.cost - 1) == 0
    shape = (derivation.block_size, derivation.parallelism, len(derivation.salt))
    wanted = (DERIVATION_BLOCK_SIZE, DERIVATION_PARALLELISM, DERIVATION_SALT_BYTES)
    if not (affordable and power_of_two and shape == wanted):
        raise IntegrityError(
            fact="the key derivation's parameters are out of bounds",
            expected=f"scrypt with n from {KEY_DERIVATION_COST}, r=8, p=1",
            where=where,
        )


def check_passphrase(passphrase: bytes) -> None:
    """Raise ConfigError for a new passphrase that is no text, too short or too long."""
    try:
        length = len(passphrase.decode())
    except UnicodeDecodeError:
        # Not chained: the cause quotes the passphrase.
        raise ConfigError(fact="the passphrase is not UTF-8 text", hint="type it again") from None
    if length < PASSPHRASE_LENGTH_MIN or len(passphrase) > PASSPHRASE_BYTES_MAX:
        raise ConfigError(
            fact=f"the passphrase has {length} characters",
            expected=f"at least {PASSPHRASE_LENGTH_MIN}, at most {PASSPHRASE_BYTES_MAX} bytes",
            hint="choose several words that nobody can guess",
        )
