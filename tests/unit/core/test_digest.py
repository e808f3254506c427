import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_digest_of_nothing_is_the_known_sha256() -> None:
    assert Digest.of(b"") == Digest(EMPTY)
    assert str(Digest.of(b"")) == f"sha256:{EMPTY}"


@given(st.binary())
def test_digest_survives_text_and_pickle(data: bytes) -> None:
    digest = Digest.of(data)
    assert Digest.parse(str(digest)) == digest
    assert pickle.loads(pickle.dumps(digest)) == digest  # noqa: S301 - our own bytes
    assert hash(Digest(digest.hex)) == hash(digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        EMPTY,
        f"sha512:{EMPTY}",
        f"sha256:{EMPTY.upper()}",
        f"sha256:{EMPTY[:-1]}",
        f"sha256:{EMPTY}\n",
        f" sha256:{EMPTY}",
    ],
)
def test_digest_refuses_every_other_form(text: str) -> None:
    with pytest.raises(IntegrityError):
        Digest.parse(text)


def test_digest_cannot_be_changed() -> None:
    digest = Digest.of(b"")
    with pytest.raises(AttributeError):
        digest.hex = "0" * 64


def test_digests_sort_by_their_text() -> None:
    assert sorted([Digest("b" * 64), Digest("a" * 64)]) == [Digest("a" * 64), Digest("b" * 64)]
    assert Digest("a" * 64) != "a" * 64
