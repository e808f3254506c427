"""OpenPGP version 4 signatures by Ed25519 keys: as much of RFC 4880 as an apt archive needs.

Writes a certificate with one user id, a transferable secret key, detached and cleartext
signatures, byte for byte as GnuPG 2.2 writes them. Written here rather than asked of gpg so that
the archive key never lies on a disk unencrypted, no agent keeps it in memory, and the signed bytes
do not depend on which gpg is installed; gpg and gpgv are the judges in the tests.

Refuses text that readers of a cleartext signature would not see as it was signed.
"""

import base64
import hashlib
import struct
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealift.core.errors import ConfigError, IntegrityError

_VERSION: Final = 4
_EDDSA: Final = 22
_SHA512: Final = 10
_CURVE_ED25519: Final = bytes.fromhex("2b06010401da470f01")
_POINT_PREFIX: Final = b"\x40"
_SEED_BYTES: Final = 32
_KEY_ID_BYTES: Final = 8

# RFC 4880, 4.3: packet tags, in the old packet format that GnuPG writes.
_SIGNATURE_PACKET: Final = 2
_SECRET_KEY_PACKET: Final = 5
_PUBLIC_KEY_PACKET: Final = 6
_USER_ID_PACKET: Final = 13

# RFC 4880, 5.2.1: signature types.
_BINARY_DOCUMENT: Final = 0x00
_TEXT_DOCUMENT: Final = 0x01
_POSITIVE_CERTIFICATION: Final = 0x13

# RFC 4880, 5.2.3.1 (33: RFC 4880bis): subpacket types.
_CREATION_TIME: Final = 2
_ISSUER_KEY_ID: Final = 16
_PREFERRED_HASHES: Final = 21
_KEY_FLAGS: Final = 27
_FEATURES: Final = 30
_ISSUER_FINGERPRINT: Final = 33

_CERTIFY_AND_SIGN: Final = b"\x03"
_MODIFICATION_DETECTION: Final = b"\x01"
_SHA512_THEN_SHA256: Final = b"\x0a\x08"

_ONE_OCTET_LENGTH_MAX: Final = 0xFF
_ARMOUR_COLUMNS: Final = 64
_CRC_START: Final = 0xB704CE
_CRC_POLYNOMIAL: Final = 0x1864CFB
_CRC_OVERFLOW: Final = 0x1000000


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPgpKey:
    """A signing key: its Ed25519 seed, when it was made (seconds), and whose it says it is."""

    seed: bytes = field(repr=False)
    created_at_s: int
    user_id: str

    @classmethod
    def parse(cls, secret_armour: str) -> Self:
        """Read what `secret_armour` wrote; raise IntegrityError for anything else."""
        packets = dict(_packets(_unarmour(secret_armour)))
        try:
            body = packets[_SECRET_KEY_PACKET]
            user_id = packets[_USER_ID_PACKET].decode()
            (created_at_s,) = struct.unpack(">I", body[1:5])
            offset = len(_public_body(bytes(_SEED_BYTES), 0)) + 1
            seed = _read_integer(body[offset:]).rjust(_SEED_BYTES, b"\0")
        except (KeyError, ValueError, struct.error) as error:
            raise IntegrityError(fact="the OpenPGP key is not readable") from error
        key = cls(seed=seed, created_at_s=created_at_s, user_id=user_id)
        if key.secret_armour() != secret_armour:
            raise IntegrityError(fact="the OpenPGP key is not one that was made here")
        return key

    @property
    def fingerprint(self) -> str:
        """The version 4 fingerprint in upper-case hex (RFC 4880, 12.2)."""
        return _fingerprint(self._public()).hex().upper()

    def secret_armour(self) -> str:
        """Return the transferable secret key, unencrypted: `gpg --import` reads it."""
        secret = _integer(self.seed)
        checksum = struct.pack(">H", sum(secret) & 0xFFFF)
        body = self._public() + b"\0" + secret + checksum
        return _armour(
            "PGP PRIVATE KEY BLOCK", _packet(_SECRET_KEY_PACKET, body) + self._identity()
        )

    def certificate(self) -> str:
        """Return the armoured certificate: what users put under `Signed-By`."""
        body = _packet(_PUBLIC_KEY_PACKET, self._public()) + self._identity()
        return _armour("PGP PUBLIC KEY BLOCK", body)

    def sign_detached(self, data: bytes, *, at_s: int) -> bytes:
        """Return an armoured signature over `data` as it is, dated `at_s`."""
        packet = self._signature(_BINARY_DOCUMENT, data, self._document_facts(at_s))
        return _armour("PGP SIGNATURE", packet).encode()

    def sign_clear(self, data: bytes, *, at_s: int) -> bytes:
        """Return `data` inside a cleartext signature, dated `at_s` (RFC 4880, section 7).

        `data` is UTF-8 text of whole lines without blanks at their ends: the form strips these,
        so that what a reader sees would not be what was signed. Raises IntegrityError otherwise.
        """
        lines = _text_lines(data)
        packet = self._signature(
            _TEXT_DOCUMENT, "\r\n".join(lines).encode(), self._document_facts(at_s)
        )
        # RFC 4880, 7.1: a dash would look like an armour header; GnuPG escapes `From ` as well.
        escaped = [f"- {line}" if line.startswith(("-", "From ")) else line for line in lines]
        head = ["-----BEGIN PGP SIGNED MESSAGE-----", "Hash: SHA512", ""]
        return ("\n".join([*head, *escaped, ""]) + _armour("PGP SIGNATURE", packet)).encode()

    def _public(self) -> bytes:
        point = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return _public_body(point.public_bytes(Encoding.Raw, PublicFormat.Raw), self.created_at_s)

    def _identity(self) -> bytes:
        """Return the user id and the key's own certification of it."""
        user_id = self.user_id.encode()
        public = self._public()
        # RFC 4880, 5.2.4: what a certification is computed over.
        certified = (
            struct.pack(">BH", 0x99, len(public))
            + public
            + struct.pack(">BI", 0xB4, len(user_id))
            + user_id
        )
        facts = (
            self._document_facts(self.created_at_s)
            + _subpacket(_KEY_FLAGS, _CERTIFY_AND_SIGN)
            + _subpacket(_PREFERRED_HASHES, _SHA512_THEN_SHA256)
            + _subpacket(_FEATURES, _MODIFICATION_DETECTION)
        )
        return _packet(_USER_ID_PACKET, user_id) + self._signature(
            _POSITIVE_CERTIFICATION, certified, facts
        )

    def _document_facts(self, at_s: int) -> bytes:
        if at_s < self.created_at_s:
            raise ConfigError(
                fact=f"the signing time {at_s} lies before the archive key was made",
                expected=f"{self.created_at_s} or later",
                hint="check the clock of this machine with `date`",
            )
        fingerprint = bytes([_VERSION]) + _fingerprint(self._public())
        return _subpacket(_ISSUER_FINGERPRINT, fingerprint) + _subpacket(
            _CREATION_TIME, struct.pack(">I", at_s)
        )

    def _signature(self, kind: int, data: bytes, facts: bytes) -> bytes:
        hashed = struct.pack(">BBBBH", _VERSION, kind, _EDDSA, _SHA512, len(facts)) + facts
        trailer = hashed + struct.pack(">BBI", _VERSION, 0xFF, len(hashed))
        digest = hashlib.sha512(data + trailer).digest()
        value = Ed25519PrivateKey.from_private_bytes(self.seed).sign(digest)
        issuer = _subpacket(_ISSUER_KEY_ID, _fingerprint(self._public())[-_KEY_ID_BYTES:])
        body = (
            hashed
            + struct.pack(">H", len(issuer))
            + issuer
            + digest[:2]
            + _integer(value[:_SEED_BYTES])
            + _integer(value[_SEED_BYTES:])
        )
        return _packet(_SIGNATURE_PACKET, body)


def _public_body(point: bytes, created_at_s: int) -> bytes:
    return (
        struct.pack(">BIB", _VERSION, created_at_s, _EDDSA)
        + bytes([len(_CURVE_ED25519)])
        + _CURVE_ED25519
        + _integer(_POINT_PREFIX + point)
    )


def _fingerprint(public: bytes) -> bytes:
    # RFC 4880, 12.2: SHA-1 names the key here, it proves nothing.
    framed = struct.pack(">BH", 0x99, len(public)) + public
    return hashlib.sha1(framed, usedforsecurity=False).digest()


def _integer(data: bytes) -> bytes:
    """Write a multiprecision integer (RFC 4880, 3.2): its length in bits, no leading zeros."""
    value = int.from_bytes(data, "big")
    return struct.pack(">H", value.bit_length()) + value.to_bytes(
        (value.bit_length() + 7) // 8, "big"
    )


def _read_integer(data: bytes) -> bytes:
    (bits,) = struct.unpack(">H", data[:2])
    return data[2 : 2 + (bits + 7) // 8]


def _subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


def _packet(tag: int, body: bytes) -> bytes:
    """Write a packet in the old format (RFC 4880, 4.2.1)."""
    if len(body) <= _ONE_OCTET_LENGTH_MAX:
        return struct.pack(">BB", 0x80 | tag << 2, len(body)) + body
    return struct.pack(">BH", 0x81 | tag << 2, len(body)) + body


def _packets(data: bytes) -> list[tuple[int, bytes]]:
    """Split packets of the old format with lengths of one or two octets."""
    found = []
    while data:
        wide = data[0] & 1
        length = int.from_bytes(data[1 : 2 + wide], "big")
        start = 2 + wide
        found.append((data[0] >> 2 & 0xF, data[start : start + length]))
        data = data[start + length :]
    return found


def _armour(title: str, data: bytes) -> str:
    """Write ASCII armour (RFC 4880, 6.2)."""
    text = base64.b64encode(data).decode()
    rows = [text[at : at + _ARMOUR_COLUMNS] for at in range(0, len(text), _ARMOUR_COLUMNS)]
    checksum = base64.b64encode(_crc24(data).to_bytes(3, "big")).decode()
    lines = [f"-----BEGIN {title}-----", "", *rows, f"={checksum}", f"-----END {title}-----", ""]
    return "\n".join(lines)


def _unarmour(text: str) -> bytes:
    rows = text.splitlines()[2:-2]
    try:
        return base64.b64decode("".join(rows), validate=True)
    except ValueError as error:
        raise IntegrityError(fact="the OpenPGP armour is damaged") from error


def _crc24(data: bytes) -> int:
    """Return the checksum of RFC 4880, 6.1."""
    value = _CRC_START
    for octet in data:
        value ^= octet << 16
        for _ in range(8):
            value <<= 1
            if value & _CRC_OVERFLOW:
                value ^= _CRC_POLYNOMIAL
    return value


def _text_lines(data: bytes) -> list[str]:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise IntegrityError(
            fact="the text to sign is not UTF-8", expected="UTF-8 text of whole lines"
        ) from error
    lines = text.split("\n")
    if lines.pop() != "" or not lines:
        raise IntegrityError(fact="the text to sign ends within a line", expected="whole lines")
    for number, line in enumerate(lines, start=1):
        if line != line.rstrip(" \t\r") or "\r" in line or "\0" in line:
            raise IntegrityError(
                fact=f"line {number} of the text to sign holds blanks that nobody sees",
                expected="no blanks at a line's end, no carriage returns",
            )
    return lines
