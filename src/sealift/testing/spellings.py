"""How a secret may be spelled in a file: raw, in hex, in base64 at any place of a longer text.

assert not found_in(path.read_bytes(), spellings(passphrase))
"""

import base64
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

_GROUP_BYTES: Final = 3  # of base64, which writes them as four characters
_GROUP_CHARACTERS: Final = 4


def spellings(secret: bytes) -> frozenset[bytes]:
    """Return every spelling; raise ValueError for a secret that would be found by accident."""
    if len(secret) < 2 * _GROUP_BYTES:
        raise ValueError(f"a secret of {len(secret)} bytes is found anywhere")
    hexadecimal = secret.hex().encode()
    found = {secret, hexadecimal, hexadecimal.upper()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found |= {_inner(encode, secret, offset) for offset in range(_GROUP_BYTES)}
    return frozenset(found)


def _inner(encode: Callable[[bytes], bytes], secret: bytes, offset: int) -> bytes:
    """Return the characters that depend on the secret alone when `offset` bytes stand before it."""
    begun = _GROUP_CHARACTERS if offset else 0
    whole = (offset + len(secret)) // _GROUP_BYTES * _GROUP_CHARACTERS
    return encode(bytes(offset) + secret)[begun:whole]


def found_in(data: bytes, secrets: Mapping[str, Iterable[bytes]]) -> list[str]:
    """Return the names of the secrets of which `data` holds a spelling."""
    return [name for name, ways in secrets.items() if any(way in data for way in ways)]


def leaks(folder: Path, secrets: Mapping[str, Iterable[bytes]]) -> list[tuple[str, str]]:
    """Return every file below `folder`, by its path, with the name of a secret that it holds.

    Names of files and targets of links count as much as contents.
    """
    found: list[tuple[str, str]] = []
    for path in sorted(folder.rglob("*")):
        data = path.relative_to(folder).as_posix().encode()
        if path.is_symlink():
            data += b"\n" + bytes(path.readlink())
        elif path.is_file():
            data += b"\n" + path.read_bytes()
        found += [(str(path.relative_to(folder)), name) for name in found_in(data, secrets)]
    return found
