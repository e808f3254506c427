"""The signing process from inside: what it answers, line for line."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.codec import from_json, to_json
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.signing import KeyRole
from sealift.stations.attest.keypair import KeyPair
from sealift.stations.attest.protocol import Answer, OpenRequest, SignRequest
from sealift.stations.attest.signer import serve
from sealift.testing.signing_desk import InMemoryDesk

from .conftest import PASSPHRASE, Ring

AT_S = 1_900_000_000


def _talk(*requests: bytes) -> list[Answer]:
    answers = BytesIO()
    serve(BytesIO(b"".join(line + b"\n" for line in requests)), answers)
    return [from_json(Answer, line) for line in answers.getvalue().splitlines()]


def _open(ring: Ring, *roles: KeyRole, passphrase: bytes | None = None) -> bytes:
    return to_json(
        OpenRequest(folder=str(ring.folder), passphrase=passphrase, online_secret="", roles=roles)
    )


def _sign(role: KeyRole) -> bytes:
    return to_json(SignRequest(role=role, payload=b"x", at_s=AT_S, form="raw"))


def test_process_shows_the_keys_and_then_signs(shared_ring: Ring) -> None:
    opened, signed = _talk(_open(shared_ring, KeyRole.TIMESTAMP), _sign(KeyRole.TIMESTAMP))
    assert len(opened.keys) == len(KeyRole)
    assert signed.signature is not None


def test_nothing_is_signed_before_the_keyring_was_opened(shared_ring: Ring) -> None:
    refused, opened = _talk(_sign(KeyRole.TIMESTAMP), _open(shared_ring, KeyRole.TIMESTAMP))
    assert refused.signature is None
    assert refused.error is not None
    assert opened.keys


def test_passphrase_is_not_in_the_words_for_any_bad_request(shared_ring: Ring) -> None:
    wrong = b"a wrong guess " + PASSPHRASE
    answers = _talk(
        _open(shared_ring, *KeyRole, passphrase=wrong),
        to_json({"passphrase": wrong.decode(), "folder": 3}),
        wrong,
    )
    assert all(answer.error for answer in answers)
    assert PASSPHRASE not in b"".join(to_json(answer) for answer in answers)


def test_representations_of_requests_and_keys_show_no_secret() -> None:
    request = OpenRequest(folder="/", passphrase=PASSPHRASE, online_secret="", roles=())
    assert PASSPHRASE.decode() not in repr(request)
    pair = KeyPair.generate(KeyRole.APT, _Zeros(), project="jq", at_s=0)
    assert "PRIVATE" not in repr(pair)
    assert "PRIVATE" in pair.secret().decode()


@given(st.binary(max_size=200).filter(lambda line: b"\n" not in line))
def test_every_line_gets_one_answer_in_words(line: bytes) -> None:
    (answer,) = _talk(line)
    assert answer.error is not None
    assert answer.signature is None


class _Zeros:
    def token_bytes(self, count: int) -> bytes:
        return bytes(count)


class _Ones:
    def token_bytes(self, count: int) -> bytes:
        return b"\xff" * count


def test_key_of_another_kind_is_refused() -> None:
    root = KeyPair.generate(KeyRole.ROOT, _Ones(), project="jq", at_s=0)
    assert KeyPair.parse(KeyRole.ROOT, root.secret()).public == root.public
    for role in (KeyRole.BUILDER, KeyRole.APT):
        with pytest.raises(IntegrityError):
            KeyPair.parse(role, root.secret())
    with pytest.raises(IntegrityError):
        KeyPair.parse(KeyRole.ROOT, b"not a key")


def test_forms_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="gives no signature `openpgp-detached`"):
        InMemoryDesk().sign(KeyRole.BUILDER, b"x", at_s=AT_S, form="openpgp-detached")
