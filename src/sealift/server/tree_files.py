"""From a request's path to an open file of a published tree, and what HTTP says about it.

A path is plain names below `/PROJECT/`: nothing climbs, nothing hidden, no symlink but the site's
own `current`, which is followed once a request, so that one answer comes from one generation.
A folder is its `index.html` or nothing.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sealift.core.errors import IntegrityError
from sealift.core.tree import check_path

CURRENT: Final = "current"
GENERATIONS: Final = "generations"
SIMPLE_JSON: Final = "application/vnd.pypi.simple.v1+json"
SIMPLE_HTML: Final = "application/vnd.pypi.simple.v1+html"

_PROJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")
# What is named by its digest or its number never changes (TUF consistent snapshots, apt by-hash).
_HASHED_TARGET: Final = re.compile(r"targets/(?:.+/)?(?P<digest>[0-9a-f]{64})\.[^/]+\Z")
_BY_HASH: Final = re.compile(r"apt/.*/by-hash/SHA256/(?P<digest>[0-9a-f]{64})\Z")
_NUMBERED: Final = re.compile(r"metadata/\d+\.[^/]+\.json\Z")

_IMMUTABLE: Final = "public, max-age=31536000, immutable"
# Short: a rollback must be seen within one poll. ETags make the next question cheap.
_ENTRY: Final = "public, max-age=30, must-revalidate"

_DEFAULT_TYPE: Final = "application/octet-stream"
_TEXT: Final = "text/plain; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
_TYPES: Final[Mapping[str, str]] = {
    ".html": _HTML,
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": _TEXT,
    ".metadata": _TEXT,
    ".sources": _TEXT,
    ".asc": _TEXT,
    ".pem": "application/x-pem-file",
    ".deb": "application/vnd.debian.binary-package",
    ".whl": "application/zip",
    ".zip": "application/zip",
    ".gz": "application/gzip",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
}
_TEXT_NAMES: Final = frozenset({"SHA256SUMS", "InRelease", "Release", "Packages"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFile:
    """A file that answers a request. Whoever takes it closes `stream`.

    `digest` is the sha256 that the name promises, or empty; `varies` names the request header that
    the choice of this file hung on, or is empty.
    """

    stream: BinaryIO
    size_bytes: int
    content_type: str
    cache_control: str
    digest: str = ""
    varies: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The path names a folder: ask again with a slash."""

    location: str


def find_file(sites: Path, path: str, *, accept: str = "") -> ServedFile | Moved | None:
    """Open what `path` (decoded, with its leading slash) names; None for what is not served."""
    project, _, inside = path.removeprefix("/").partition("/")
    generation = _generation(sites, project)
    if generation is None:
        return None
    if not inside and not path.endswith("/"):
        return Moved(location=f"{project}/")
    folder = inside.endswith("/") or not inside
    name = f"{inside}index.html" if folder else inside
    varies = ""
    content_type = _content_type(name)
    if folder and name.startswith("simple/"):
        # PEP 691: one address, two forms; the client says which it wants.
        varies = "Accept"
        name, content_type = _negotiated(inside, accept)
    elif name.startswith("simple/") and name.endswith(".json"):
        content_type = SIMPLE_JSON
    place = _inside(generation, name)
    if place is None:
        return None
    if not folder and place.is_dir():
        return Moved(location=f"{name.rpartition('/')[2]}/") if _has_index(place) else None
    return _open(place, name, content_type=content_type, varies=varies)


def _generation(sites: Path, project: str) -> Path | None:
    """Return the generation that `current` names now; None when the site shows none."""
    if not _PROJECT.match(project):
        return None
    site = sites / project
    try:
        generation = (site / CURRENT).resolve(strict=True)
        expected = (site / GENERATIONS).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return generation if generation.parent == expected and generation.is_dir() else None


def _inside(generation: Path, name: str) -> Path | None:
    try:
        check_path(name)
    except IntegrityError:
        return None
    if any(part.startswith(".") for part in name.split("/")) or "\\" in name:
        return None
    place = generation / name
    try:
        # A symlink anywhere on the way would make these differ.
        return place if place.resolve(strict=True) == place else None
    except (OSError, RuntimeError, ValueError):
        return None


def _has_index(folder: Path) -> bool:
    return (folder / "index.html").is_file()


def _open(place: Path, name: str, *, content_type: str, varies: str) -> ServedFile | None:
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        return None
    hashed = _HASHED_TARGET.search(name) or _BY_HASH.search(name)
    immutable = hashed is not None or _NUMBERED.match(name) is not None
    return ServedFile(
        stream=os.fdopen(handle, "rb"),
        size_bytes=status.st_size,
        content_type=content_type,
        cache_control=_IMMUTABLE if immutable else _ENTRY,
        digest=hashed["digest"] if hashed else "",
        varies=varies,
    )


def _content_type(name: str) -> str:
    base = name.rpartition("/")[2]
    if base in _TEXT_NAMES:
        return _TEXT
    dot = base.rfind(".")
    return _TYPES.get(base[dot:], _DEFAULT_TYPE) if dot >= 0 else _DEFAULT_TYPE


def _negotiated(folder: str, accept: str) -> tuple[str, str]:
    """Choose the form of a simple index page by the Accept header (PEP 691, RFC 9110 12.5.1)."""
    weights = dict(_weights(accept))
    json_weight = weights.get(SIMPLE_JSON, 0.0)
    typed_html_weight = weights.get(SIMPLE_HTML, 0.0)
    html_weight = weights.get("text/html", weights.get("*/*", 0.0 if accept else 1.0))
    # Plain HTML wins a tie: it is what a browser and an old client can read.
    if json_weight > max(typed_html_weight, html_weight):
        return f"{folder}index.json", SIMPLE_JSON
    typed = typed_html_weight > html_weight
    return f"{folder}index.html", SIMPLE_HTML if typed else _HTML


def _weights(accept: str) -> list[tuple[str, float]]:
    pairs: list[tuple[str, float]] = []
    for clause in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in clause.split(";"))
        weight = 1.0
        for parameter in parameters:
            if re.fullmatch(r"q=[01](\.\d{0,3})?", parameter):
                weight = float(parameter.removeprefix("q="))
        pairs.append((kind, weight))
    return pairs
