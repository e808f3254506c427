"""Write OCI image layouts for tests: an image of given layers, or of this machine's shell."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sealift.core.digest import Digest

MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_LOADERS: Final = ("lib64", "lib")


class OciImages:
    """An image layout in `folder`, to which images are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data: bytes) -> Digest:
        """Keep bytes under their digest."""
        digest = Digest.of(data)
        self.path(digest).write_bytes(data)
        return digest

    def path(self, digest: Digest) -> Path:
        """Return where a blob lies."""
        return self.folder / "blobs" / "sha256" / digest.hex

    def image(self, layers: Sequence[bytes], *, layer_type: str = LAYER_TYPE) -> Digest:
        """Add an image of uncompressed tars, the lowest first; return its manifest's digest."""
        gzipped = [
            gzip.compress(layer, mtime=0) if layer_type == LAYER_TYPE else layer for layer in layers
        ]
        return self.document(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "layers": [
                    {"mediaType": layer_type, "digest": str(self.blob(data)), "size": len(data)}
                    for data in gzipped
                ],
            }
        )

    def index(self, images: Mapping[str, Digest]) -> Digest:
        """Add an index of images by platform; return its digest."""
        rows = []
        for platform, digest in images.items():
            system, _, architecture = platform.partition("/")
            rows.append(
                {
                    "mediaType": MANIFEST_TYPE,
                    "digest": str(digest),
                    "size": self.path(digest).stat().st_size,
                    "platform": {"os": system, "architecture": architecture},
                }
            )
        return self.document({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": rows})

    def document(self, value: object) -> Digest:
        """Add a document as JSON; return its digest."""
        return self.blob(json.dumps(value).encode())


def layer(files: Mapping[str, bytes | str], *, executable: bool = True) -> bytes:
    """Return a tar of files by path; a text is the target of a symlink."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.mode = 0o755 if executable else 0o644
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def shell_layer(programs: Sequence[str], libraries: Sequence[Path]) -> bytes:
    """Return a root that holds some programs of this machine's /usr/bin and their libraries."""
    files: dict[str, bytes | str] = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}
    for name in programs:
        files[f"usr/bin/{name}"] = (Path("/usr/bin") / name).resolve().read_bytes()
    for path in libraries:
        # The loader looks below /lib: with merged folders that is a link to /usr.
        inside = str(path).lstrip("/")
        top = inside.partition("/")[0]
        placed = f"usr/{inside}" if top in _LOADERS else inside
        files[placed] = path.resolve().read_bytes()
    return layer(files)
