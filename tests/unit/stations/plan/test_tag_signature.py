"""Who signed the tag: a trusted signer, a stranger, nobody, or nobody knows."""

from pathlib import Path

import pytest

from sealift.base.edge.port import Command, Completed
from sealift.core.errors import ConfigError
from sealift.core.release import TagSignature
from sealift.stations.plan.git import Git
from sealift.stations.plan.tag_signature import verify_tag
from sealift.testing.checkout import Checkout
from sealift.testing.simulation import SimProcesses, completed


@pytest.fixture
def key(checkout: Checkout) -> Path:
    place = checkout.folder.parent / "key"
    checkout.program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place))
    return place


@pytest.fixture
def signers(key: Path) -> Path:
    place = key.with_name("signers")
    place.write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    return place


def sign(checkout: Checkout, key: Path, tag: str) -> None:
    settings = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}.pub")
    checkout.run(*settings, "tag", "--sign", "--message", tag, tag)


def judged(checkout: Checkout, tag: str, signers: Path | None) -> TagSignature:
    git = checkout.git()
    return verify_tag(git, tag, commit=git.head_commit(), allowed_signers=signers)


def test_tag_of_a_trusted_signer_passes_and_names_them(
    checkout: Checkout, key: Path, signers: Path
) -> None:
    sign(checkout, key, "v1.0")
    found = judged(checkout, "v1.0", signers)
    assert (found.outcome, found.method) == ("pass", "ssh")
    assert found.signer.startswith("ada@example.org (SHA256:")


def test_tag_of_a_stranger_fails_and_shows_the_key(
    checkout: Checkout, key: Path, signers: Path
) -> None:
    other = key.with_name("other")
    checkout.program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
    sign(checkout, other, "v1.0")
    found = judged(checkout, "v1.0", signers)
    assert (found.outcome, found.method, found.signer) == ("fail", "ssh", "")
    assert "SHA256:" in found.reason


def test_signed_tag_is_unknown_while_nobody_is_trusted(
    checkout: Checkout, key: Path, tmp_path: Path
) -> None:
    sign(checkout, key, "v1.0")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for signers in (None, tmp_path / "absent", empty):
        found = judged(checkout, "v1.0", signers)
        assert (found.outcome, found.method) == ("unknown", "ssh")
        assert "sealift keys trust-signer" in found.reason


@pytest.mark.parametrize("options", [(), ("--annotate", "--message", "v1.0")])
def test_unsigned_tag_fails(checkout: Checkout, signers: Path, options: tuple[str, ...]) -> None:
    checkout.run("tag", *options, "v1.0")
    found = judged(checkout, "v1.0", signers)
    assert (found.outcome, found.method) == ("fail", "none")
    assert "git tag -s" in found.reason


def test_signed_tag_moved_under_another_name_fails(
    checkout: Checkout, key: Path, signers: Path
) -> None:
    sign(checkout, key, "v1.0")
    checkout.run("update-ref", "refs/tags/v2.0", "refs/tags/v1.0")
    found = judged(checkout, "v2.0", signers)
    assert found.outcome == "fail"
    assert "not of the name `v2.0`" in found.reason


def test_signed_tag_of_another_commit_fails(checkout: Checkout, key: Path, signers: Path) -> None:
    sign(checkout, key, "v1.0")
    checkout.commit()
    checkout.write("more", "")
    checkout.commit()
    assert judged(checkout, "v1.0", signers).outcome == "fail"


def test_tag_whose_text_was_changed_after_signing_fails(
    checkout: Checkout, key: Path, signers: Path
) -> None:
    sign(checkout, key, "v1.0")
    text = checkout.run("cat-file", "tag", "v1.0")
    forged = checkout.folder.parent / "forged"
    forged.write_text(text.replace("\n\nv1.0\n", "\n\nv1.0 with a change\n") + "\n")
    changed = checkout.run("hash-object", "-t", "tag", "-w", str(forged))
    checkout.run("update-ref", "refs/tags/v1.0", changed)
    found = judged(checkout, "v1.0", signers)
    assert (found.outcome, found.method) == ("fail", "ssh")


def test_tag_that_is_gone_fails(checkout: Checkout, signers: Path) -> None:
    assert judged(checkout, "v1.0", signers).reason == "tag `v1.0` is gone"


@pytest.mark.parametrize(("exit_code", "outcome"), [(0, "pass"), (1, "fail")])
def test_good_words_of_a_program_that_fails_do_not_count(
    tmp_path: Path, exit_code: int, outcome: str
) -> None:
    signers = tmp_path / "signers"
    signers.write_text("ada@example.org ssh-ed25519 AAAA\n")
    words = b'Good "git" signature for ada@example.org with ED25519 key SHA256:abc\n'

    def answer(command: Command) -> Completed:
        if "verify-tag" in command.argv:
            return completed(stderr=words, exit_code=exit_code)
        return completed(
            b"tag\n" if "-t" in command.argv else OBJECT.replace("PGP", "SSH").encode()
        )

    processes = SimProcesses([(("/usr/bin/git",), answer), (("/usr/bin/ssh-keygen",), completed())])
    git = Git(processes=processes, environment={}, folder=tmp_path)
    found = verify_tag(git, "v1.0", commit=COMMIT, allowed_signers=signers)
    assert (found.outcome, found.method) == (outcome, "ssh")


# --- GPG ----------------------------------------------------------------------------------------

COMMIT = "1" * 40
FINGERPRINT = "A" * 40
OBJECT = (
    f"object {COMMIT}\ntype commit\ntag v1.0\ntagger Ada <ada@example.org> 1 +0000\n\n"
    "v1.0\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n"
)
VALID = f"[GNUPG:] VALIDSIG {FINGERPRINT} 2026-01-01 1 0 4 0 22 8 00 {FINGERPRINT}\n"
GOOD = "[GNUPG:] GOODSIG AAAAAAAAAAAAAAAA Ada <ada@example.org>\n"


def judged_by_gpg(
    folder: Path, status: str, *, exit_code: int = 0, trusted: tuple[str, ...] = (FINGERPRINT,)
) -> TagSignature:
    """Judge a tag whose signature gpg reports on with these status lines."""
    processes = SimProcesses()

    def answer_git(command: Command) -> Completed:
        if "verify-tag" in command.argv:
            return completed(stderr=status.encode(), exit_code=exit_code)
        return completed(b"tag\n" if "-t" in command.argv else OBJECT.encode())

    processes.answers += [(("/usr/bin/git",), answer_git), (("/usr/bin/gpg",), completed())]
    git = Git(processes=processes, environment={}, folder=folder)
    return verify_tag(git, "v1.0", commit=COMMIT, allowed_signers=None, gpg_fingerprints=trusted)


def test_gpg_tag_of_a_trusted_key_passes(tmp_path: Path) -> None:
    found = judged_by_gpg(tmp_path, GOOD + VALID)
    assert (found.outcome, found.method) == ("pass", "gpg")
    assert found.signer == f"Ada <ada@example.org> ({FINGERPRINT})"


@pytest.mark.parametrize(
    ("status", "exit_code", "trusted", "outcome"),
    [
        (GOOD + VALID, 0, ("B" * 40,), "fail"),
        (GOOD + VALID, 0, (), "unknown"),
        (GOOD + VALID, 1, (FINGERPRINT,), "fail"),
        (VALID, 0, (FINGERPRINT,), "fail"),
        (GOOD, 0, (FINGERPRINT,), "fail"),
        ("[GNUPG:] EXPKEYSIG A Ada\n" + VALID, 0, (FINGERPRINT,), "fail"),
        ("[GNUPG:] BADSIG A Ada\n", 1, (FINGERPRINT,), "fail"),
        ("[GNUPG:] NO_PUBKEY A\n", 1, (FINGERPRINT,), "unknown"),
        (f"[GNUPG:] NOTATION_DATA {GOOD}", 0, (FINGERPRINT,), "fail"),
    ],
)
def test_gpg_tag_without_all_of_it_does_not_pass(
    tmp_path: Path, status: str, exit_code: int, trusted: tuple[str, ...], outcome: str
) -> None:
    found = judged_by_gpg(tmp_path, status, exit_code=exit_code, trusted=trusted)
    assert (found.outcome, found.signer) == (outcome, "")


def test_missing_verifier_is_told_how_to_install(tmp_path: Path) -> None:
    processes = SimProcesses()
    processes.answers.append(
        (
            ("/usr/bin/git",),
            lambda command: completed(b"tag\n" if "-t" in command.argv else OBJECT.encode()),
        )
    )
    git = Git(processes=processes, environment={}, folder=tmp_path)
    with pytest.raises(ConfigError) as caught:
        verify_tag(
            git,
            "v1.0",
            commit=COMMIT,
            allowed_signers=None,
            gpg_fingerprints=(FINGERPRINT,),
        )
    assert caught.value.hint == "apt-get install gnupg"


@pytest.mark.slow
def test_real_gpg_tag_passes_for_its_fingerprint_and_fails_for_another(
    checkout: Checkout,
) -> None:
    user = "Ada <ada@example.org>"
    home = checkout.folder.parent / ".gnupg"
    home.mkdir(mode=0o700)
    batch = ("gpg", "--batch", "--quiet", "--passphrase", "")
    checkout.program(*batch, "--quick-generate-key", user, "ed25519", "sign", "never")
    listing = checkout.program("gpg", "--list-keys", "--with-colons")
    fingerprint = next(line for line in listing.splitlines() if line.startswith("fpr"))
    fingerprint = fingerprint.strip("fpr:")
    checkout.run("-c", f"user.signingkey={fingerprint}", "tag", "-s", "-m", "v1.0", "v1.0")
    git = checkout.git()
    commit = git.head_commit()
    found = verify_tag(
        git, "v1.0", commit=commit, allowed_signers=None, gpg_fingerprints=(fingerprint,)
    )
    assert (found.outcome, found.method) == ("pass", "gpg")
    other = verify_tag(
        git, "v1.0", commit=commit, allowed_signers=None, gpg_fingerprints=("B" * 40,)
    )
    assert other.outcome == "fail"
    checkout.program("gpgconf", "--kill", "all")
