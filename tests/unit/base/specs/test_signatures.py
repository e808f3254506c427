import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from sealift.base.specs.signatures import key_id_of, verify_signature
from sealift.core.errors import IntegrityError

CORPUS = Path(__file__).parents[5] / "shared" / "corpora" / "ed25519-ecdsa"


def pem_of(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.mark.parametrize(
    ("file", "scheme", "count"),
    [
        ("ed25519_test.json", "ed25519", 151),
        ("ecdsa_secp256r1_sha256_test.json", "ecdsa-p256-sha256", 484),
    ],
)
def test_the_public_vectors_are_judged_as_they_say(file: str, scheme: str, count: int) -> None:
    if not CORPUS.is_dir():
        pytest.skip("../shared/corpora/ed25519-ecdsa is not there")
    judged = {}
    for group in json.loads((CORPUS / file).read_text())["testGroups"]:
        for case in group["tests"]:
            try:
                verify_signature(
                    key_pem=group["publicKeyPem"],
                    scheme=scheme,
                    payload=bytes.fromhex(case["msg"]),
                    signature=bytes.fromhex(case["sig"]),
                )
                judged[case["tcId"]] = "valid"
            except IntegrityError:
                judged[case["tcId"]] = "invalid"
            assert judged[case["tcId"]] == case["result"], (case["tcId"], case["comment"])
    assert len(judged) == count


def test_a_signature_is_refused_under_another_scheme_key_or_payload() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
    pem = pem_of(key.public_key())
    signature = key.sign(b"payload")
    verify_signature(key_pem=pem, scheme="ed25519", payload=b"payload", signature=signature)
    other = pem_of(ed25519.Ed25519PrivateKey.from_private_bytes(b"\2" * 32).public_key())
    for key_pem, scheme, payload in (
        (pem, "ed25519", b"payloae"),
        (pem, "ecdsa-p256-sha256", b"payload"),
        (pem, "rsa", b"payload"),
        (other, "ed25519", b"payload"),
        ("no key", "ed25519", b"payload"),
    ):
        with pytest.raises(IntegrityError):
            verify_signature(key_pem=key_pem, scheme=scheme, payload=payload, signature=signature)


def test_another_curve_is_refused_even_where_its_signature_is_good() -> None:
    key = ec.derive_private_key(7, ec.SECP384R1())
    signature = key.sign(b"payload", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(IntegrityError, match="does not fit"):
        verify_signature(
            key_pem=pem_of(key.public_key()),
            scheme="ecdsa-p256-sha256",
            payload=b"payload",
            signature=signature,
        )


def test_the_key_id_is_the_digest_of_the_public_key_in_der() -> None:
    pem = pem_of(ed25519.Ed25519PrivateKey.from_private_bytes(b"\1" * 32).public_key())
    assert key_id_of(pem) == key_id_of(pem.replace("\n", "\r\n"))
    assert len(key_id_of(pem)) == 64
