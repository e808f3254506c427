"""The signed apt repository of the tree: `apt/dists/stable` and `apt/pool`.

Indices are rebuilt from the control paragraphs that the offline key signed for (each release keeps
`FILE.deb.control` as a TUF target), never from the `Packages` file that lies there: the apt key is
online, and re-signing what was found on disk would launder it. Clients fetch indices by hash
(`Acquire-By-Hash`), so that the switch of `InRelease` is atomic for them; `Valid-Until` follows the
timestamp. Format: https://wiki.debian.org/DebianRepository/Format.
"""

import gzip
import lzma
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import TIMESTAMP_EXPIRY_DAYS
from sealift.core.published import release_target
from sealift.core.signing import KeyRole, PublicKey, SigningDesk
from sealift.stations.publish.deb import parse_control
from sealift.stations.publish.model import Catalogue, LinkedFile, TreeFile, WrittenFile
from sealift.stations.publish.openpgp import dearmour

SUITE: Final = "stable"
COMPONENT: Final = "main"
_ALL: Final = "all"
_ARCHITECTURE_BY_DEFAULT: Final = "amd64"
_SITE_PLACEHOLDER: Final = "http://ADDRESS-OF-THIS-SITE"


class AptRepository:
    """The `Publisher` of Debian packages. Signs with the online apt key."""

    def __init__(self, desk: SigningDesk) -> None:
        self._desk = desk

    def publish(self, catalogue: Catalogue, at: datetime) -> tuple[TreeFile, ...]:
        """Return pool, indices, key, and the signed `Release`, entry object last."""
        stanzas = _stanzas(catalogue)
        if not stanzas:
            return ()
        indices = _indices(stanzas)
        release = _release(catalogue, indices, at)
        dists = f"apt/dists/{SUITE}"
        return (
            *_pool(catalogue),
            *self._key_files(catalogue),
            *(
                file
                for path, data in indices.items()
                for file in (
                    WrittenFile(path=f"{dists}/{path}", data=data),
                    LinkedFile(path=_by_hash(dists, path, data), source=f"{dists}/{path}"),
                )
            ),
            WrittenFile(path=f"{dists}/Release", data=release),
            WrittenFile(path=f"{dists}/Release.gpg", data=self._sign_detached(release, at)),
            WrittenFile(path=f"{dists}/InRelease", data=self._sign_clear(release, at)),
        )

    def _key_files(self, catalogue: Catalogue) -> tuple[TreeFile, ...]:
        key = apt_key(self._desk)
        name = catalogue.project.name
        return (
            WrittenFile(path=f"apt/{keyring_name(name)}.asc", data=key.text.encode()),
            WrittenFile(path=f"apt/{keyring_name(name)}.gpg", data=dearmour(key.text)),
            WrittenFile(path=f"apt/{name}.sources", data=sources_example(catalogue).encode()),
        )

    def _sign_detached(self, release: bytes, at: datetime) -> bytes:
        return self._desk.sign(
            KeyRole.APT, release, at_s=int(at.timestamp()), form="openpgp-detached"
        ).value

    def _sign_clear(self, release: bytes, at: datetime) -> bytes:
        signed = self._desk.sign(
            KeyRole.APT, release, at_s=int(at.timestamp()), form="openpgp-clear"
        ).value
        # Read back: what apt will see must be the text that was to be signed, and nothing more.
        body = signed.partition(b"\n\n")[2].partition(b"-----BEGIN PGP SIGNATURE-----")[0]
        if body != release or not signed.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----\n"):
            raise IntegrityError(
                fact="the signed `InRelease` does not hold the text that was to be signed"
            )
        return signed


def apt_key(desk: SigningDesk) -> PublicKey:
    """Return the public apt key; ConfigError when there is none."""
    for key in desk.public_keys():
        if key.role is KeyRole.APT:
            return key
    raise ConfigError(
        fact="a Debian package is to be published, but there is no apt key",
        expected="one key a role",
        hint="run `sealift keys init`",
    )


def keyring_name(project: str) -> str:
    """Return the name, without suffix, under which users keep the key."""
    return f"{project}-archive-keyring"


def sources_example(catalogue: Catalogue) -> str:
    """Write the deb822 source that users put into `/etc/apt/sources.list.d`."""
    project = catalogue.project
    architectures = _architectures(_stanzas(catalogue))
    return (
        f"# {project.name}, released with Sealift. Put this file into /etc/apt/sources.list.d/\n"
        f"# and {keyring_name(project.name)}.asc into /etc/apt/keyrings/.\n"
        "Types: deb\n"
        f"URIs: {project.url or _SITE_PLACEHOLDER}/apt\n"
        f"Suites: {SUITE}\n"
        f"Components: {COMPONENT}\n"
        f"Architectures: {' '.join(architectures)}\n"
        f"Signed-By: /etc/apt/keyrings/{keyring_name(project.name)}.asc\n"
    )


def _pool_path(project: str, name: str) -> str:
    # Debian's rule: libraries by four letters, all others by one.
    prefix = project[:4] if project.startswith("lib") else project[:1]
    return f"pool/{COMPONENT}/{prefix}/{project}/{name}"


def _pool(catalogue: Catalogue) -> tuple[TreeFile, ...]:
    return tuple(
        LinkedFile(
            path=f"apt/{_pool_path(catalogue.project.name, file.artifact.name)}",
            source=release_target(release.document.version, file.artifact.name),
        )
        for release in catalogue.releases
        for file in release.files
        if file.artifact.kind == "deb"
    )


def _stanzas(catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    """Return (architecture, stanza) of every package, in the order of their release."""
    return tuple(
        _stanza(
            file.metadata,
            filename=_pool_path(catalogue.project.name, file.artifact.name),
            size_bytes=file.artifact.size_bytes,
            sha256=file.artifact.sha256,
        )
        for release in catalogue.releases
        for file in release.files
        if file.artifact.kind == "deb"
    )


def _stanza(control: bytes, *, filename: str, size_bytes: int, sha256: str) -> tuple[str, str]:
    fields = parse_control(control, where=filename)
    added = (("Filename", filename), ("Size", str(size_bytes)), ("SHA256", sha256))
    text = "".join(f"{name}: {value}\n" for name, value in (*fields, *added))
    return next(value for name, value in fields if name.lower() == "architecture"), text


def _architectures(stanzas: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    named = sorted({architecture for architecture, _ in stanzas} - {_ALL})
    return tuple(named) or (_ARCHITECTURE_BY_DEFAULT,)


def _indices(stanzas: tuple[tuple[str, str], ...]) -> dict[str, bytes]:
    """Return `Packages` in three forms for each architecture, by path below the suite."""
    listed: dict[str, list[str]] = defaultdict(list)
    architectures = _architectures(stanzas)
    for architecture, stanza in stanzas:
        for place in architectures if architecture == _ALL else (architecture,):
            listed[place].append(stanza)
    indices: dict[str, bytes] = {}
    for architecture in architectures:
        folder = f"{COMPONENT}/binary-{architecture}"
        plain = "\n".join(listed[architecture]).encode()
        indices[f"{folder}/Packages"] = plain
        # No time, no name in the header: equal packages are equal bytes.
        indices[f"{folder}/Packages.gz"] = gzip.compress(plain, compresslevel=9, mtime=0)
        indices[f"{folder}/Packages.xz"] = lzma.compress(plain)
    return indices


def _by_hash(dists: str, path: str, data: bytes) -> str:
    folder = path.rpartition("/")[0]
    return f"{dists}/{folder}/by-hash/SHA256/{Digest.of(data).hex}"


def _release(catalogue: Catalogue, indices: dict[str, bytes], at: datetime) -> bytes:
    architectures = " ".join(_architectures(_stanzas(catalogue)))
    until = at + timedelta(days=TIMESTAMP_EXPIRY_DAYS)
    name = catalogue.project.name
    head = (
        f"Origin: {name} (Sealift)\n"
        f"Label: {name} (Sealift)\n"
        f"Suite: {SUITE}\n"
        f"Codename: {SUITE}\n"
        f"Date: {_apt_time(at)}\n"
        f"Valid-Until: {_apt_time(until)}\n"
        "Acquire-By-Hash: yes\n"
        f"Architectures: {architectures}\n"
        f"Components: {COMPONENT}\n"
        f"Description: Releases of {name}, carried by Sealift\n"
        "SHA256:\n"
    )
    width = max(len(str(len(data))) for data in indices.values())
    rows = "".join(
        f" {Digest.of(data).hex} {len(data):>{width}} {path}\n" for path, data in indices.items()
    )
    return (head + rows).encode()


def _apt_time(at: datetime) -> str:
    """Write RFC 2822 with `UTC`, which is the only zone that apt is sure about."""
    return format_datetime(at.astimezone(UTC)).replace("+0000", "UTC")
