import doctest
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.base.edge.port import World
from sealift.core.errors import ConfigError
from sealift.stations.attest import signers
from sealift.stations.attest.signers import parse_gpg, trust_signer, trusted_signers

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIf5nAZyeCqd1hVhGyLZgTYxKWTvzkWH5ZDPSwq9Bl0t"
SSH_KEYGEN = shutil.which("ssh-keygen")
FINGERPRINT = "1D14A522C5AD683B948AF866F5894F9D289DFA7E"


def _key_body() -> str:
    return KEY.split()[1]


def test_ssh_key_counts_once_and_for_git_only(world: World, tmp_path: Path) -> None:
    signer = trust_signer(world.files, tmp_path, f"{KEY} me@example.org\n")
    again = trust_signer(world.files, tmp_path, f"{KEY} me@example.org")
    assert signer == again
    assert signer.principal == "me@example.org"
    assert signer.fingerprint.startswith("SHA256:")
    written = (tmp_path / "allowed_signers").read_text()
    assert written == f'me@example.org namespaces="git" {KEY}\n'
    assert trusted_signers(tmp_path) == (signer,)
    assert stat.S_IMODE((tmp_path / "allowed_signers").stat().st_mode) == 0o644


def test_openpgp_fingerprint_counts_however_it_is_spaced(world: World, tmp_path: Path) -> None:
    spaced = "1d14 A522 C5AD 683B 948A  F866 F589 4F9D 289D FA7E"
    trust_signer(world.files, tmp_path, spaced)
    trust_signer(world.files, tmp_path, FINGERPRINT)
    assert (tmp_path / "gpg_fingerprints").read_text() == f"{FINGERPRINT}\n"
    assert [signer.method for signer in trusted_signers(tmp_path)] == ["gpg"]


def test_nobody_counts_before_someone_was_named(tmp_path: Path) -> None:
    assert trusted_signers(tmp_path) == ()


@pytest.mark.parametrize("comment", ["", "*", "a b c", 'x" namespaces="file', "!me"])
def test_comment_never_becomes_a_pattern_or_an_option(
    world: World, tmp_path: Path, comment: str
) -> None:
    trust_signer(world.files, tmp_path, f"{KEY} {comment}")
    assert (tmp_path / "allowed_signers").read_text() == f'maintainer namespaces="git" {KEY}\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 !!!!",
        f"ssh-rsa {_key_body()}",
        f"ssh-dss {_key_body()}",
        f"cert-authority {KEY}",
        f"{KEY[:-4]}",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        FINGERPRINT[:-1],
        FINGERPRINT[-16:],
        "0x" + FINGERPRINT,
        f"{KEY}\n{KEY}",
        f"{FINGERPRINT}\n{FINGERPRINT}",
    ],
)
def test_anything_else_is_refused_and_nothing_written(
    world: World, tmp_path: Path, text: str
) -> None:
    with pytest.raises(ConfigError):
        trust_signer(world.files, tmp_path, text)
    assert not list(tmp_path.iterdir())


def test_line_that_someone_else_wrote_is_not_read_over(tmp_path: Path) -> None:
    (tmp_path / "allowed_signers").write_text(f"* {KEY}\n")
    with pytest.raises(ConfigError, match="not one that was written here"):
        trusted_signers(tmp_path)


@given(st.text())
def test_fingerprint_parser_refuses_in_words(text: str) -> None:
    try:
        assert set(parse_gpg(text)) <= set("0123456789ABCDEF")
    except ConfigError:
        return


@pytest.mark.skipif(SSH_KEYGEN is None, reason="ssh-keygen is not installed")
def test_ssh_keygen_accepts_the_signer_in_namespace_git_and_no_other(
    world: World, tmp_path: Path
) -> None:
    key, letter = tmp_path / "key", tmp_path / "letter"
    _ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", str(key))
    line = key.with_suffix(".pub").read_text()
    signer = trust_signer(world.files, tmp_path, line)
    assert signer.fingerprint in _ssh_keygen("-l", "-f", str(key))[1]
    letter.write_text("a tag")
    for namespace, accepted in (("git", True), ("file", False)):
        signature = tmp_path / "letter.sig"
        signature.unlink(missing_ok=True)
        _ssh_keygen("-q", "-Y", "sign", "-f", str(key), "-n", namespace, str(letter))
        status, _ = _ssh_keygen(
            "-Y", "verify", "-f", str(tmp_path / "allowed_signers"), "-I", signer.principal,
            "-n", namespace, "-s", str(signature), data=letter.read_bytes(),
        )  # fmt: skip
        assert (status == 0) is accepted


def _ssh_keygen(*arguments: str, data: bytes = b"") -> tuple[int, str]:
    done = subprocess.run(
        [str(SSH_KEYGEN), *arguments], input=data, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode()


def test_examples_in_the_text_hold() -> None:
    assert doctest.testmod(signers).failed == 0
