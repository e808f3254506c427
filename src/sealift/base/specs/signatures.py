"""Verify signatures by public key: Ed25519, and ECDSA on P-256 with sha256 in DER.

A scheme is taken from the trusted side and must fit the key; what the signer says about itself is
never asked. Known answers are pinned with the vectors of C2SP/wycheproof.
"""

import hashlib
from typing import TypeGuard

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from sealift.core.errors import IntegrityError


def verify_signature(*, key_pem: str, scheme: str, payload: bytes, signature: bytes) -> None:
    """Return if `signature` over `payload` was made by the key; raise IntegrityError otherwise.

    `scheme` is `ed25519` (64 raw bytes) or `ecdsa-p256-sha256` (DER).
    """
    key = load_public_key(key_pem)
    try:
        if scheme == "ed25519" and isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, payload)
        elif scheme == "ecdsa-p256-sha256" and _is_p256(key):
            key.verify(signature, payload, ec.ECDSA(hashes.SHA256()))
        else:
            raise IntegrityError(
                fact=f"scheme `{scheme[:40]}` does not fit a key of type {type(key).__name__}",
                expected="ed25519 or ecdsa-p256-sha256 with a key of that kind",
            )
    except InvalidSignature as error:
        raise IntegrityError(
            fact="signature does not match", expected=f"one by key {key_id_of(key_pem)[:12]}"
        ) from error


def key_id_of(key_pem: str) -> str:
    """Return the key's id: the lower-case hex sha256 of its SubjectPublicKeyInfo in DER."""
    der = load_public_key(key_pem).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


def load_public_key(key_pem: str) -> PublicKeyTypes:
    """Read a public key in PEM; raise IntegrityError for anything else."""
    try:
        return serialization.load_pem_public_key(key_pem.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IntegrityError(
            fact="public key is not readable", expected="a SubjectPublicKeyInfo in PEM"
        ) from error


def _is_p256(key: PublicKeyTypes) -> TypeGuard[ec.EllipticCurvePublicKey]:
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
