"""A signing desk without a process, and the suite that every desk passes.

A test class joins the suite by giving three fixtures: `desk` (every role), `locked_desk` (no
passphrase was given) and `refresh_desk` (restricted to timestamp and apt; one of its own for each
story, since one of them closes it):

    class TestInMemoryDesk(SigningDeskSuite):
        @pytest.fixture
        def desk(self) -> SigningDesk: ...
"""

import hashlib
from collections.abc import Collection
from functools import partial
from typing import Final

from sealift.base.specs.signatures import key_id_of, verify_signature
from sealift.core.errors import ConfigError, IntegrityError, PolicyDenied, SealiftError
from sealift.core.signing import (
    OFFLINE_ROLES,
    ONLINE_ROLES,
    SCHEMES,
    KeyRole,
    PublicKey,
    Signature,
    SignatureForm,
    SigningDesk,
)
from sealift.stations.attest.keypair import KeyPair
from sealift.stations.attest.protocol import SignRequest
from sealift.stations.attest.signer import sign_as
from sealift.testing.expect import expect, expect_error

KEYS_MADE_AT_S: Final = 1_577_836_800
"""2020-01-01: when the keys of an in-memory desk were made; sign at this time or later."""


class InMemoryDesk:
    """A desk with keys drawn from a seed: equal seeds give equal keys and signatures."""

    def __init__(
        self,
        *,
        seed: bytes = b"sealift",
        project: str = "sample",
        locked: bool = False,
        roles: Collection[KeyRole] = tuple(KeyRole),
    ) -> None:
        entropy = _SeededEntropy(seed)
        every = {
            role: KeyPair.generate(role, entropy, project=project, at_s=KEYS_MADE_AT_S)
            for role in KeyRole
        }
        self._keys = tuple(pair.public for pair in every.values())
        self._allowed = tuple(role for role in KeyRole if role in roles)
        unlocked = ONLINE_ROLES if locked else tuple(KeyRole)
        self._pairs = {role: every[role] for role in self._allowed if role in unlocked}

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Return the public key of every role, in the order of `KeyRole`."""
        return self._keys

    def sign(
        self, role: KeyRole, payload: bytes, *, at_s: int, form: SignatureForm = "raw"
    ) -> Signature:
        """Sign `payload` as `role`; see `SigningDesk.sign`."""
        request = SignRequest(role=role, payload=payload, at_s=at_s, form=form)
        return sign_as(self._pairs, self._allowed, request)

    def close(self) -> None:
        """Forget the keys; idempotent."""
        self._pairs = {}


class SigningDeskSuite:
    """What every desk must do; see the module's text for how to join."""

    at_s: int = 1_900_000_000
    payload: bytes = b"Origin: sample\nSuite: stable\n"

    def test_desk_shows_one_public_key_a_role_in_order(self, desk: SigningDesk) -> None:
        """Every role has a key of the scheme that core names, under the id of its bytes."""
        keys = desk.public_keys()
        expect(tuple(key.role for key in keys) == tuple(KeyRole), "one key a role, in order")
        expect(len({key.key_id for key in keys}) == len(keys), "no key serves two roles")
        for key in keys:
            expect(key.scheme == SCHEMES[key.role], f"the scheme of {key.role}")
            if key.scheme != "openpgp-ed25519":
                expect(key.key_id == key_id_of(key.text), f"the key id of {key.role}")

    def test_signatures_of_every_role_verify_with_its_public_key(self, desk: SigningDesk) -> None:
        """A signature holds for the payload, and for no other."""
        for key in desk.public_keys():
            if key.role is KeyRole.APT:
                continue
            signature = desk.sign(key.role, self.payload, at_s=self.at_s)
            expect(signature.key_id == key.key_id, "the signature names its key")
            verify_signature(
                key_pem=key.text,
                scheme=key.scheme,
                payload=self.payload,
                signature=signature.value,
            )
            check = partial(verify_signature, key_pem=key.text, scheme=key.scheme)
            expect_error(
                IntegrityError, partial(check, payload=b"other", signature=signature.value)
            )

    def test_the_same_payload_and_time_give_the_same_bytes(self, desk: SigningDesk) -> None:
        """A resumed release signs again what it signed before."""
        for role in KeyRole:
            form: SignatureForm = "openpgp-detached" if role is KeyRole.APT else "raw"
            first = desk.sign(role, self.payload, at_s=self.at_s, form=form)
            again = desk.sign(role, self.payload, at_s=self.at_s, form=form)
            expect(first == again, f"{role} signs deterministically")

    def test_openpgp_signatures_carry_the_time_they_are_given(self, desk: SigningDesk) -> None:
        """Another time is another signature; the clear form shows the text."""
        clear = desk.sign(KeyRole.APT, self.payload, at_s=self.at_s, form="openpgp-clear")
        later = desk.sign(KeyRole.APT, self.payload, at_s=self.at_s + 1, form="openpgp-clear")
        expect(self.payload in clear.value, "the text is readable")
        expect(clear.value != later.value, "the time is signed")

    def test_a_key_gives_no_signature_of_another_form(self, desk: SigningDesk) -> None:
        """Raw bytes come from raw keys, documents from the OpenPGP key."""
        expect_error(ConfigError, lambda: desk.sign(KeyRole.APT, b"x\n", at_s=self.at_s))
        expect_error(
            ConfigError,
            lambda: desk.sign(KeyRole.ROOT, b"x\n", at_s=self.at_s, form="openpgp-clear"),
        )

    def test_an_empty_payload_is_signed_like_any_other(self, desk: SigningDesk) -> None:
        """Length zero is a length."""
        key = next(key for key in desk.public_keys() if key.role is KeyRole.BUILDER)
        value = desk.sign(KeyRole.BUILDER, b"", at_s=self.at_s).value
        verify_signature(key_pem=key.text, scheme=key.scheme, payload=b"", signature=value)

    def test_a_locked_desk_signs_online_roles_only(self, locked_desk: SigningDesk) -> None:
        """Without the passphrase nothing new can be released."""
        for role in ONLINE_ROLES:
            form: SignatureForm = "openpgp-clear" if role is KeyRole.APT else "raw"
            locked_desk.sign(role, self.payload, at_s=self.at_s, form=form)
        for role in OFFLINE_ROLES:
            expect_error(ConfigError, partial(locked_desk.sign, role, b"x", at_s=self.at_s))

    def test_a_desk_for_refreshing_signs_for_no_other_role(self, refresh_desk: SigningDesk) -> None:
        """What a timer holds can date again what is there, and no more."""
        refresh_desk.sign(KeyRole.TIMESTAMP, self.payload, at_s=self.at_s)
        for role in KeyRole:
            if role not in {KeyRole.TIMESTAMP, KeyRole.APT}:
                expect_error(PolicyDenied, partial(refresh_desk.sign, role, b"x", at_s=self.at_s))

    def test_closing_twice_is_fine_and_nothing_is_signed_after(
        self, refresh_desk: SigningDesk
    ) -> None:
        """A closed desk has no keys."""
        refresh_desk.close()
        refresh_desk.close()
        expect_error(
            SealiftError, lambda: refresh_desk.sign(KeyRole.TIMESTAMP, b"x", at_s=self.at_s)
        )


class _SeededEntropy:
    """Bytes from a seed: for tests only."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def token_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        self._drawn += 1
        return hashlib.shake_256(self._seed + self._drawn.to_bytes(8, "big")).digest(count)
