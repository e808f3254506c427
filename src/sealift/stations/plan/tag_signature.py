"""Who signed a tag, by git's own word: SSH against a list of signers, GPG against fingerprints.

Three outcomes: `pass` names the signer; `fail` is a tag that is unsigned, damaged, signed by a
stranger, or another tag's object under this name; `unknown` is a signature that nobody was named
to judge.
"""

import re
from pathlib import Path
from typing import Final

from sealift.core.errors import ConfigError
from sealift.core.release import TagSignature
from sealift.stations.plan.git import Git

_SSH_MARK: Final = "-----BEGIN SSH SIGNATURE-----"
_GPG_MARK: Final = "-----BEGIN PGP SIGNATURE-----"
_SSH_GOOD: Final = re.compile(r'Good "git" signature for (?P<who>.+) with \S+ key (?P<key>\S+)\Z')
_SSH_STRANGER: Final = re.compile(r'Good "git" signature with \S+ key (?P<key>\S+)\Z')
_VALID: Final = re.compile(
    r"\[GNUPG:\] VALIDSIG (?P<key>[0-9A-F]{40,64})(?: \S+){8} (?P<primary>[0-9A-F]{40,64})\Z"
)
_GOOD: Final = re.compile(r"\[GNUPG:\] GOODSIG \S+ (?P<who>.+)\Z")
_TRUST_HINT: Final = "run `sealift keys trust-signer`"


def verify_tag(
    git: Git,
    tag: str,
    *,
    commit: str,
    allowed_signers: Path | None,
    gpg_fingerprints: tuple[str, ...] = (),
) -> TagSignature:
    """Judge the signature of `tag`, which must be an annotated tag of this name on `commit`.

    `allowed_signers` is a file as ssh-keygen(1) describes it; `gpg_fingerprints` are upper-case
    fingerprints of primary keys, whose certificates lie in the user's keyring. Raises ConfigError
    when the program that verifies is missing.
    """
    kind = git.run("cat-file", "-t", f"refs/tags/{tag}")
    if kind.exit_code != 0:
        return _unsigned(f"tag `{tag}` is gone")
    if kind.stdout.strip() != b"tag":
        return _unsigned(f"`{tag}` is a lightweight tag, which nobody can sign; use `git tag -s`")
    header, _, message = git.text("cat-file", "tag", f"refs/tags/{tag}").partition("\n\n")
    # A good signature of another tag, moved under this name, proves nothing about this one.
    if header.split("\n")[:3] != [f"object {commit}", "type commit", f"tag {tag}"]:
        return _unsigned(f"the tag object is not of the name `{tag}` on commit {commit[:12]}")
    if _SSH_MARK in message:
        return _ssh(git, tag, allowed_signers)
    if _GPG_MARK in message:
        return _gpg(git, tag, tuple(one.upper().replace(" ", "") for one in gpg_fingerprints))
    return _unsigned(f"tag `{tag}` is not signed with SSH or GPG; use `git tag -s`")


def _ssh(git: Git, tag: str, allowed_signers: Path | None) -> TagSignature:
    known = allowed_signers is not None and allowed_signers.is_file()
    if allowed_signers is None or not known or not allowed_signers.read_bytes().strip():
        return TagSignature(
            outcome="unknown",
            method="ssh",
            signer="",
            reason=f"tag `{tag}` is signed, but no trusted signers are known; {_TRUST_HINT}",
        )
    _require(git, "ssh-keygen", "openssh-client")
    completed = git.run(
        "verify-tag",
        "--raw",
        f"refs/tags/{tag}",
        settings=(f"gpg.ssh.allowedSignersFile={allowed_signers.resolve()}",),
    )
    lines = _lines(completed.stderr)
    for line in lines:
        good = _SSH_GOOD.match(line)
        if good and completed.exit_code == 0:
            return TagSignature(
                outcome="pass",
                method="ssh",
                signer=f"{good['who']} ({good['key']})",
                reason=f"tag `{tag}` is signed by {good['who']}",
            )
    stranger = next((found for line in lines if (found := _SSH_STRANGER.match(line))), None)
    reason = (
        f"tag `{tag}` is signed with key {stranger['key']}, which no trusted signer has; "
        f"if it is yours, {_TRUST_HINT}"
        if stranger
        else f"the signature of tag `{tag}` does not verify: {lines[0] if lines else 'no reason'}"
    )
    return TagSignature(outcome="fail", method="ssh", signer="", reason=reason)


def _gpg(git: Git, tag: str, fingerprints: tuple[str, ...]) -> TagSignature:
    if not fingerprints:
        return TagSignature(
            outcome="unknown",
            method="gpg",
            signer="",
            reason=f"tag `{tag}` is signed, but no trusted signers are known; {_TRUST_HINT}",
        )
    _require(git, "gpg", "gnupg")
    completed = git.run("verify-tag", "--raw", f"refs/tags/{tag}")
    lines = _lines(completed.stderr)
    valid = next((found for line in lines if (found := _VALID.match(line))), None)
    good = next((found for line in lines if (found := _GOOD.match(line))), None)
    if completed.exit_code == 0 and valid and good:
        if not {valid["key"], valid["primary"]} & set(fingerprints):
            return TagSignature(
                outcome="fail",
                method="gpg",
                signer="",
                reason=f"tag `{tag}` is signed with key {valid['primary']}, which no trusted "
                f"signer has; if it is yours, {_TRUST_HINT}",
            )
        return TagSignature(
            outcome="pass",
            method="gpg",
            signer=f"{good['who']} ({valid['primary']})",
            reason=f"tag `{tag}` is signed by {good['who']}",
        )
    if any(line.startswith("[GNUPG:] NO_PUBKEY") for line in lines):
        return TagSignature(
            outcome="unknown",
            method="gpg",
            signer="",
            reason=f"the key that signed tag `{tag}` is not in the keyring; run `gpg --import`",
        )
    return TagSignature(
        outcome="fail",
        method="gpg",
        signer="",
        reason=f"the signature of tag `{tag}` does not verify, or its key expired or was revoked",
    )


def _require(git: Git, program: str, package: str) -> None:
    if git.find(program) is None:
        raise ConfigError(
            fact=f"{program} is not installed, which verifies the tag's signature",
            expected=f"the program `{program}`",
            hint=f"apt-get install {package}",
        )


def _unsigned(reason: str) -> TagSignature:
    return TagSignature(outcome="fail", method="none", signer="", reason=reason)


def _lines(output: bytes) -> list[str]:
    text = output.decode("utf-8", errors="replace")
    return [line.strip() for line in text.split("\n") if line.strip()]
