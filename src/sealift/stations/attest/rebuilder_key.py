"""The key of a rebuilder: a plain private key in PEM, ECDSA on P-256, in a file of its owner's.

A rebuilder is a stranger to the project: no keyring, no role in its policy. Its signature counts
for whom trusts its key. The file is read after all builds have ended, never before.
"""

from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from sealift.base.specs.bundle import encode_bundle, signed_payload
from sealift.base.specs.predicates import REBUILD_VERDICT
from sealift.base.specs.statement import Statement, Subject, encode_statement
from sealift.core.codec import to_plain
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.limits import KEYRING_FILE_BYTES_MAX
from sealift.core.rebuild import RebuildVerdict

_OTHERS: Final = 0o077
_HINT: Final = "openssl ecparam -name prime256v1 -genkey -noout -out rebuilder.pem"


def check_key_file(path: Path) -> None:
    """Return if a key can be read from `path`; raise ConfigError before any work is done."""
    _load(path)


def sign_verdict(path: Path, verdict: RebuildVerdict) -> tuple[bytes, str]:
    """Return the verdict as a Sigstore bundle on one line, and the key's id. Deterministic.

    Its subjects are the published files that were rebuilt. Raises ConfigError for a key that
    others can read, that is encrypted, or that is not on P-256.
    """
    key = _load(path)
    statement = verdict_statement(verdict)
    data = encode_statement(statement)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signature = key.sign(signed_payload(data), ECDSA(SHA256(), deterministic_signing=True))
    key_id = Digest.of(der).hex
    return encode_bundle(data, signature, key_id), key_id


def verdict_statement(verdict: RebuildVerdict) -> Statement:
    """Return the in-toto statement of a verdict; its predicate is the verdict as written."""
    return Statement(
        subjects=tuple(Subject(name=file.name, digest=file.published) for file in verdict.files),
        predicate_type=REBUILD_VERDICT,
        predicate=to_plain(verdict),
    )


def _load(path: Path) -> EllipticCurvePrivateKey:
    if not path.is_file():
        raise ConfigError(
            fact=f"`{path}` is no file", expected="a rebuilder's private key in PEM", hint=_HINT
        )
    if path.stat().st_mode & _OTHERS:
        raise ConfigError(
            fact=f"`{path}` can be read by others",
            expected="a file of mode 0600",
            hint=f"chmod 600 {path}",
        )
    with path.open("rb") as stream:
        data = stream.read(KEYRING_FILE_BYTES_MAX)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not chained: parsers like to quote what they choked on.
        raise ConfigError(
            fact=f"`{path}` holds no private key that can be read",
            expected="an unencrypted key in PEM",
            hint=_HINT,
        ) from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ConfigError(
            fact=f"`{path}` holds a key of another kind", expected="ECDSA on P-256", hint=_HINT
        )
    return key
