import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.errors import ConfigError, IntegrityError
from sealift.stations.attest.openpgp import OpenPgpKey

MADE_AT_S = 1_700_000_000
AT_S = 1_700_000_500
# A leading zero octet: integers lose it on the way out and must find it again.
KEY = OpenPgpKey(seed=b"\0" + bytes(range(31)), created_at_s=MADE_AT_S, user_id="jq archive")
TEXT = "Origin: jq\n- a dash\n--- more\nFrom here\n\n indented\nüñí\n".encode()

needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")


@dataclass(frozen=True, slots=True, kw_only=True)
class GnuPg:
    """gpg with a home of its own, which holds the secret key."""

    home: Path

    def run(self, program: str, *arguments: str, data: bytes = b"") -> bytes:
        done = subprocess.run(
            [program, "--homedir", str(self.home), *arguments],
            input=data,
            capture_output=True,
            check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def sign(self, form: str, data: bytes) -> bytes:
        return self.run(
            "gpg", "--batch", f"--faked-system-time={AT_S}!", "--digest-algo", "SHA512",
            "--armor", form, "--output", "-", data=data,
        )  # fmt: skip


@pytest.fixture(scope="module")
def gnupg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GnuPg]:
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    program = GnuPg(home=home)
    program.run("gpg", "--batch", "--quiet", "--import", data=KEY.secret_armour().encode())
    (home / "trusted.gpg").write_bytes(program.run("gpg", "--export"))
    yield program
    program.run("gpgconf", "--kill", "all")


@needs_gpg
def test_gpg_reads_the_key_and_agrees_on_its_fingerprint(gnupg: GnuPg) -> None:
    listing = gnupg.run("gpg", "--batch", "--with-colons", "--list-keys").decode()
    assert f"fpr:::::::::{KEY.fingerprint}:" in listing
    assert gnupg.run("gpg", "--armor", "--export").decode() == KEY.certificate()


@needs_gpg
def test_signatures_are_byte_for_byte_what_gpg_makes(gnupg: GnuPg) -> None:
    assert gnupg.sign("--detach-sign", TEXT) == KEY.sign_detached(TEXT, at_s=AT_S)
    assert gnupg.sign("--clearsign", TEXT) == KEY.sign_clear(TEXT, at_s=AT_S)


@needs_gpg
def test_gpgv_accepts_both_forms_and_refuses_one_changed_byte(gnupg: GnuPg, tmp_path: Path) -> None:
    clear = tmp_path / "InRelease"
    clear.write_bytes(KEY.sign_clear(TEXT, at_s=AT_S))
    arguments = ["--keyring", str(gnupg.home / "trusted.gpg"), "--output", "-", str(clear)]
    assert gnupg.run("gpgv", *arguments) == TEXT
    clear.write_bytes(clear.read_bytes().replace(b"Origin: jq", b"Origin: jQ"))
    with pytest.raises(AssertionError, match="BAD signature"):
        gnupg.run("gpgv", *arguments)


def test_key_survives_being_written_and_read() -> None:
    assert OpenPgpKey.parse(KEY.secret_armour()) == KEY


@pytest.mark.parametrize("damage", ["QQ==", "%%%", ""])
def test_damaged_key_is_refused(damage: str) -> None:
    lines = KEY.secret_armour().splitlines(keepends=True)
    with pytest.raises(IntegrityError):
        OpenPgpKey.parse("".join([*lines[:2], f"{damage}\n", *lines[-2:]]))


def test_key_with_one_changed_letter_is_refused() -> None:
    armour = KEY.secret_armour()
    changed = armour.replace("a", "b", 1) if "a" in armour else armour.replace("A", "B", 1)
    with pytest.raises(IntegrityError):
        OpenPgpKey.parse(changed)


def test_representation_does_not_show_the_seed() -> None:
    assert repr(KEY.seed) not in repr(KEY)


@pytest.mark.parametrize(
    "text",
    [
        b"ends within a line",
        b"",
        b"blank at the end \n",
        b"tab\t\n",
        b"dos\r\n",
        b"\xff\n",
        b"\0\n",
    ],
)
def test_text_that_readers_would_see_differently_is_not_signed(text: bytes) -> None:
    with pytest.raises(IntegrityError):
        KEY.sign_clear(text, at_s=AT_S)


def test_signature_before_the_key_was_made_is_refused() -> None:
    KEY.sign_detached(TEXT, at_s=MADE_AT_S)
    with pytest.raises(ConfigError, match="before the archive key was made"):
        KEY.sign_detached(TEXT, at_s=MADE_AT_S - 1)


@given(seed=st.binary(min_size=32, max_size=32), created_at_s=st.integers(0, 2**32 - 1))
def test_every_key_survives_being_written_and_read(seed: bytes, created_at_s: int) -> None:
    key = OpenPgpKey(seed=seed, created_at_s=created_at_s, user_id="ü archive (Sealift)")
    assert OpenPgpKey.parse(key.secret_armour()) == key


@given(text=st.text(max_size=2_000))
def test_reading_a_damaged_key_never_raises_anything_but_integrity(text: str) -> None:
    with pytest.raises(IntegrityError):
        OpenPgpKey.parse(text)


@given(data=st.binary(max_size=400), at=st.integers(0, 300))
def test_any_bytes_within_the_armour_are_refused_in_words(data: bytes, at: int) -> None:
    armour = KEY.secret_armour()
    damaged = armour[:at] + data.decode("latin-1") + armour[at + 1 :]
    if damaged != armour:
        with pytest.raises(IntegrityError):
            OpenPgpKey.parse(damaged)
