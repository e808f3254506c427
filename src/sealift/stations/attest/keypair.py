"""One private key: made, read, and signing.

Every signature is deterministic: Ed25519 by its nature, ECDSA by RFC 6979, OpenPGP with the time
that it is given. A resumed release thus signs the same bytes again.
"""

from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from sealift.base.edge.port import Entropy
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.signing import SCHEMES, KeyRole, PublicKey, Signature, SignatureForm
from sealift.stations.attest.openpgp import OpenPgpKey

_SEED_BYTES: Final = 32
# NIST FIPS 186-5, A.2.1: 64 bits more than the order has, reduced, leave no bias that matters.
_SCALAR_BYTES: Final = 40
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_Private = Ed25519PrivateKey | EllipticCurvePrivateKey | OpenPgpKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A key that can sign. Its representation shows the public half only."""

    public: PublicKey
    _private: _Private = field(repr=False)

    @classmethod
    def generate(cls, role: KeyRole, entropy: Entropy, *, project: str, at_s: int) -> Self:
        """Make a key for `role`. `project` and `at_s` enter the OpenPGP key only."""
        match SCHEMES[role]:
            case "ed25519":
                return cls._of(
                    role, Ed25519PrivateKey.from_private_bytes(entropy.token_bytes(_SEED_BYTES))
                )
            case "ecdsa-p256-sha256":
                number = int.from_bytes(entropy.token_bytes(_SCALAR_BYTES), "big")
                return cls._of(
                    role, derive_private_key(number % (_P256_ORDER - 1) + 1, SECP256R1())
                )
            case "openpgp-ed25519":
                return cls._of(
                    role,
                    OpenPgpKey(
                        seed=entropy.token_bytes(_SEED_BYTES),
                        created_at_s=at_s,
                        user_id=f"{project} archive (Sealift)",
                    ),
                )

    @classmethod
    def parse(cls, role: KeyRole, secret: bytes) -> Self:
        """Read what `secret` returned; raise IntegrityError for another kind of key."""
        if SCHEMES[role] == "openpgp-ed25519":
            # Armour is ASCII; what does not decode fails its own check, without being quoted.
            return cls._of(role, OpenPgpKey.parse(secret.decode("ascii", errors="replace")))
        try:
            private = load_der_private_key(secret, password=None)
        except (ValueError, UnsupportedAlgorithm):
            # Not chained: parsers like to quote what they choked on.
            raise IntegrityError(fact=f"the key of role `{role}` is not readable") from None
        wanted = Ed25519PrivateKey if SCHEMES[role] == "ed25519" else EllipticCurvePrivateKey
        if not isinstance(private, wanted):
            raise IntegrityError(
                fact=f"the key of role `{role}` is of another kind", expected=SCHEMES[role]
            )
        return cls._of(role, private)

    @classmethod
    def _of(
        cls, role: KeyRole, private: Ed25519PrivateKey | EllipticCurvePrivateKey | OpenPgpKey
    ) -> Self:
        if isinstance(private, OpenPgpKey):
            key_id, text = private.fingerprint, private.certificate()
        else:
            public = private.public_key()
            der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            key_id = Digest.of(der).hex
            text = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return cls(
            public=PublicKey(role=role, key_id=key_id, scheme=SCHEMES[role], text=text),
            _private=private,
        )

    def secret(self) -> bytes:
        """Return the private key, to be sealed: PKCS #8 in DER, or the armoured OpenPGP key."""
        if isinstance(self._private, OpenPgpKey):
            return self._private.secret_armour().encode()
        return self._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, payload: bytes, *, at_s: int, form: SignatureForm) -> Signature:
        """Sign; raise ConfigError for a form that this key cannot give."""
        return Signature(key_id=self.public.key_id, value=self._sign(payload, at_s, form))

    def _sign(self, payload: bytes, at_s: int, form: SignatureForm) -> bytes:
        match self._private, form:
            case Ed25519PrivateKey() as key, "raw":
                return key.sign(payload)
            case EllipticCurvePrivateKey() as key, "raw":
                return key.sign(payload, ECDSA(SHA256(), deterministic_signing=True))
            case OpenPgpKey() as key, "openpgp-clear":
                return key.sign_clear(payload, at_s=at_s)
            case OpenPgpKey() as key, "openpgp-detached":
                return key.sign_detached(payload, at_s=at_s)
            case _:
                raise ConfigError(
                    fact=f"a key of role `{self.public.role}` gives no signature `{form}`",
                    expected="openpgp-clear or openpgp-detached for apt, raw for all others",
                )
