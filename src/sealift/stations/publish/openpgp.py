"""Take the ASCII armour off an OpenPGP certificate (RFC 9580, section 6).

apt reads both forms; older versions want the binary one in `/etc/apt/keyrings/NAME.gpg`.
"""

import base64
import binascii
from typing import Final

from sealift.core.errors import IntegrityError

_BEGIN: Final = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END: Final = "-----END PGP PUBLIC KEY BLOCK-----"
_CRC_START: Final = 0xB704CE
_CRC_POLYNOMIAL: Final = 0x1864CFB
_CRC_MASK: Final = 0xFFFFFF
_CRC_TOP: Final = 0x1000000


def dearmour(text: str) -> bytes:
    """Return the binary form of one armoured certificate; IntegrityError when it is damaged."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    if not lines or lines[0] != _BEGIN or lines[-1] != _END or "" not in lines:
        raise _bad("it has no armour of a public key block")
    body = [line for line in lines[lines.index("") + 1 : -1] if line]
    checksum = body.pop()[1:] if body and body[-1].startswith("=") else None
    try:
        data = base64.b64decode("".join(body), validate=True)
        wanted = base64.b64decode(checksum, validate=True) if checksum is not None else None
    except binascii.Error as error:
        raise _bad(str(error)) from error
    if not data:
        raise _bad("it is empty")
    if wanted is not None and wanted != _crc24(data).to_bytes(3, "big"):
        raise _bad("its checksum does not match")
    return data


def _crc24(data: bytes) -> int:
    """Compute the armour's checksum (RFC 9580, 6.1.1)."""
    crc = _CRC_START
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & _CRC_TOP:
                crc ^= _CRC_POLYNOMIAL
    return crc & _CRC_MASK


def _bad(reason: str) -> IntegrityError:
    return IntegrityError(
        fact=f"the apt key is no OpenPGP certificate: {reason}",
        hint="run `sealift keys show`",
    )
