"""Take a root from an OCI image layout on disk, by the digest of its manifest.

Every document and layer is read by its digest and refused when its bytes are others (OCI image
spec 1.1: image-layout.md, manifest.md, image-index.md). An index leads to the one manifest of the
wanted platform. Layers are plain or gzipped tars.
"""

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import IO, Final, Protocol

import msgspec

from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import (
    COPY_CHUNK_BYTES,
    OCI_DOCUMENT_BYTES_MAX,
    OCI_LAYERS_MAX,
    TOOLCHAIN_BYTES_MAX,
)
from sealift.core.platform import Platform
from sealift.stations.plan.model import ToolchainSpec

_INDEXES: Final = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
_GZIPPED: Final = frozenset(
    {
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    }
)
_PLAIN: Final = frozenset({"application/vnd.oci.image.layer.v1.tar"})


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""


class _Platform(msgspec.Struct):
    architecture: str = ""
    os: str = ""


class _Descriptor(msgspec.Struct):
    digest: str
    size: int
    media_type: str = msgspec.field(name="mediaType", default="")
    platform: _Platform | None = None


class _Document(msgspec.Struct):
    """A manifest has layers, an index has manifests."""

    media_type: str = msgspec.field(name="mediaType", default="")
    layers: list[_Descriptor] = []
    manifests: list[_Descriptor] = []


class OciLayout:
    """Read images from folders relative to `folder`, the checkout."""

    def __init__(self, folder: Path, *, platform: Platform) -> None:
        self._folder = folder
        self._platform = platform

    def write(self, toolchain: ToolchainSpec, scratch: Path) -> tuple[Path, ...]:
        """Write the image's layers as plain tars into `scratch`, the lowest first."""
        layout = self._folder / toolchain.origin
        where = f"toolchain `{toolchain.name}`"
        if not (layout / "oci-layout").is_file() or toolchain.image is None:
            raise ConfigError(
                fact=f"`{toolchain.origin}` is no OCI image layout",
                expected="a folder with the file `oci-layout` and the folder `blobs`",
                where=where,
                hint=f"ls {toolchain.origin}",
            )
        manifest = self._manifest(layout, toolchain.image, where)
        if not 1 <= len(manifest.layers) <= OCI_LAYERS_MAX:
            raise IntegrityError(
                fact=f"the image has {len(manifest.layers)} layers",
                expected=f"1 to {OCI_LAYERS_MAX}",
                where=where,
            )
        paths = []
        for number, layer in enumerate(manifest.layers):
            path = scratch / f"layer-{number}.tar"
            _unpack_layer(_blob(layout, Digest.parse(layer.digest), where), layer, path, where)
            paths.append(path)
        return tuple(paths)

    def _manifest(self, layout: Path, image: Digest, where: str) -> _Document:
        document = _document(layout, image, where)
        if document.media_type not in _INDEXES and not document.manifests:
            return document
        fitting = [
            one
            for one in document.manifests
            if one.platform is not None
            and f"{one.platform.os}/{one.platform.architecture}" == str(self._platform)
        ]
        if len(fitting) != 1:
            raise ConfigError(
                fact=f"the index has {len(fitting)} images for `{self._platform}`",
                expected="one",
                where=where,
                hint="name the digest of one image's manifest in sealift.toml",
            )
        return _document(layout, Digest.parse(fitting[0].digest), where)


def _blob(layout: Path, digest: Digest, where: str) -> Path:
    path = layout / "blobs" / "sha256" / digest.hex
    if not path.is_file():
        raise ConfigError(
            fact=f"blob {digest} is not in the layout",
            expected="the whole image",
            where=where,
            hint="copy the image again, e.g. `skopeo copy docker://IMAGE oci:FOLDER`",
        )
    return path


def _document(layout: Path, digest: Digest, where: str) -> _Document:
    path = _blob(layout, digest, where)
    with path.open("rb") as file:
        data = file.read(OCI_DOCUMENT_BYTES_MAX)
    _demand(Digest.of(data), digest, where)
    try:
        return msgspec.json.decode(data, type=_Document)
    except msgspec.MsgspecError as error:
        raise IntegrityError(fact=f"{digest} is no manifest: {error}", where=where) from error


def _unpack_layer(source: Path, layer: _Descriptor, target: Path, where: str) -> None:
    """Hash the blob and write it unpacked; nothing is trusted before the hash was right."""
    if layer.media_type not in _GZIPPED | _PLAIN:
        raise ConfigError(
            fact=f"a layer is of type `{layer.media_type[:120]}`",
            expected="a plain or gzipped tar",
            where=where,
            hint="copy the image with gzipped layers",
        )
    hasher = hashlib.sha256()
    with source.open("rb") as blob:
        while chunk := blob.read(COPY_CHUNK_BYTES):
            hasher.update(chunk)
        _demand(Digest(hasher.hexdigest()), Digest.parse(layer.digest), where)
        blob.seek(0)
        with target.open("wb") as file:
            if layer.media_type in _PLAIN:
                _copy(blob, file, where)
                return
            try:
                with gzip.open(blob) as unpacked:
                    _copy(unpacked, file, where)
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise IntegrityError(
                    fact=f"layer {layer.digest} cannot be unpacked: {error}", where=where
                ) from error


def _copy(source: _Readable, target: IO[bytes], where: str) -> None:
    size_bytes = 0
    while chunk := source.read(COPY_CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > TOOLCHAIN_BYTES_MAX:
            raise IntegrityError(
                fact="a layer is larger than a root may be",
                expected=f"at most {TOOLCHAIN_BYTES_MAX} bytes",
                where=where,
            )
        target.write(chunk)


def _demand(found: Digest, wanted: Digest, where: str) -> None:
    if found != wanted:
        raise IntegrityError(
            fact=f"a blob of the image has digest {found}", expected=str(wanted), where=where
        )
