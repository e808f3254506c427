"""Whose signature on a tag counts: `allowed_signers` for SSH, `gpg_fingerprints` for OpenPGP.

`allowed_signers` is what `git -c gpg.ssh.allowedSignersFile=…` reads (ssh-keygen(1), ALLOWED
SIGNERS), each line restricted to the namespace `git`. Refuses private keys, options, and key types
that nobody should trust.

>>> parse_gpg("1d14 a522 c5ad 683b 948a f866 f589 4f9d 289d fa7e")
'1D14A522C5AD683B948AF866F5894F9D289DFA7E'
"""

import base64
import re
from pathlib import Path
from typing import Final

from sealift.base.edge.port import Files
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.stations.attest.model import (
    ALLOWED_SIGNERS_FILE,
    GPG_FINGERPRINTS_FILE,
    TrustedSigner,
)

_KEY_TYPES: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
_RSA_BYTES_MIN: Final = 256
_LENGTH_BYTES: Final = 4
_FINGERPRINT: Final = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?\Z")
_PRINCIPAL: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._@+-]{0,127}\Z")
_LINE: Final = re.compile(
    r'(?P<principal>\S+) namespaces="git" (?P<type>\S+) (?P<body>\S+)\Z', re.ASCII
)
_WITHOUT_NAME: Final = "maintainer"


def trust_signer(files: Files, folder: Path, text: str) -> TrustedSigner:
    """Add an SSH public key line or an OpenPGP fingerprint to those that count; idempotent.

    Raises ConfigError for anything else. The principal is the SSH key's comment when it is a plain
    name, else `maintainer`.
    """
    line = text.strip()
    if line.startswith(_KEY_TYPES):
        signer, row = _read_ssh(line)
        path = folder / ALLOWED_SIGNERS_FILE
    else:
        fingerprint = parse_gpg(line)
        signer, row = _gpg_signer(fingerprint), fingerprint
        path = folder / GPG_FINGERPRINTS_FILE
    rows = _rows(path)
    if row not in rows:
        files.make_folder(folder)
        data = "".join(f"{entry}\n" for entry in (*rows, row)).encode()
        files.write_durably(path, data, mode=0o644)
    return signer


def trusted_signers(folder: Path) -> tuple[TrustedSigner, ...]:
    """Return all signers that count, SSH first, in the order in which they were added."""
    found = []
    for row in _rows(folder / ALLOWED_SIGNERS_FILE):
        match = _LINE.match(row)
        if match is None:
            raise ConfigError(
                fact=f"a line of {ALLOWED_SIGNERS_FILE} is not one that was written here",
                expected='NAME namespaces="git" TYPE KEY',
                where=str(folder / ALLOWED_SIGNERS_FILE),
            )
        found.append(_ssh_signer(match["principal"], match["type"], match["body"]))
    rows = _rows(folder / GPG_FINGERPRINTS_FILE)
    return (*found, *(_gpg_signer(parse_gpg(row)) for row in rows))


def parse_gpg(text: str) -> str:
    """Return an OpenPGP fingerprint in upper case without spaces; raise ConfigError otherwise."""
    fingerprint = text.replace(" ", "").upper()
    if not _FINGERPRINT.match(fingerprint):
        raise ConfigError(
            fact="that is neither an SSH public key nor an OpenPGP fingerprint",
            expected="a line like `ssh-ed25519 AAAA… name`, or 40 hex digits",
            hint="cat ~/.ssh/id_ed25519.pub, or `gpg --fingerprint`",
        )
    return fingerprint


def _read_ssh(line: str) -> tuple[TrustedSigner, str]:
    kind, _, rest = line.partition(" ")
    body, _, comment = rest.strip().partition(" ")
    principal = comment if _PRINCIPAL.match(comment) else _WITHOUT_NAME
    signer = _ssh_signer(principal, kind, body)
    return signer, f'{principal} namespaces="git" {kind} {body}'


def _ssh_signer(principal: str, kind: str, body: str) -> TrustedSigner:
    fingerprint = _ssh_fingerprint(kind, body)
    return TrustedSigner(method="ssh", principal=principal, fingerprint=fingerprint)


def _ssh_fingerprint(kind: str, body: str) -> str:
    """Check an SSH public key (RFC 4253, 6.6) and return its fingerprint."""
    damaged = ConfigError(
        fact="the SSH public key is damaged", expected="the whole line of a .pub file"
    )
    try:
        blob = base64.b64decode(body, validate=True)
    except ValueError:
        raise damaged from None
    fields = _wire_fields(blob)
    if kind not in _KEY_TYPES or len(fields) <= 1 or fields[0] != kind.encode():
        raise damaged
    if kind == "ssh-rsa" and len(fields[-1].lstrip(b"\0")) < _RSA_BYTES_MIN:
        raise ConfigError(
            fact="the SSH key is RSA of less than 2048 bits", hint="ssh-keygen -t ed25519"
        )
    digest = bytes.fromhex(Digest.of(blob).hex)
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _wire_fields(blob: bytes) -> list[bytes]:
    """Split an SSH key into its strings (RFC 4251, section 5); nothing unless they fill it."""
    fields = []
    while blob:
        length = int.from_bytes(blob[:_LENGTH_BYTES], "big")
        field, blob = blob[_LENGTH_BYTES : _LENGTH_BYTES + length], blob[_LENGTH_BYTES + length :]
        if len(field) != length or not length:
            return []
        fields.append(field)
    return fields


def _gpg_signer(fingerprint: str) -> TrustedSigner:
    return TrustedSigner(method="gpg", principal="", fingerprint=fingerprint)


def _rows(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))
