"""The simple index of Python packages, in HTML and JSON (PEP 503, 592, 658, 691, 700, 714).

Links are relative, so that a mirror at another address serves the same bytes; every link carries
the file's sha256, and wheels offer their metadata beside the file.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from sealift.core.digest import Digest
from sealift.core.published import release_target
from sealift.stations.publish.model import (
    METADATA_SUFFIX,
    Catalogue,
    CatalogueFile,
    TreeFile,
    WrittenFile,
)
from sealift.stations.publish.python_metadata import requires_python

API_VERSION: Final = "1.1"
_PYTHON_KINDS: Final = ("wheel", "sdist")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    file: CatalogueFile
    version: str
    released_at: str

    @property
    def project(self) -> str:
        """The normalised name of the Python project (PEP 503), as the file's name states it."""
        name = self.file.artifact.name
        if self.file.artifact.kind == "wheel":
            return parse_wheel_filename(name)[0]
        return parse_sdist_filename(name)[0]

    @property
    def url(self) -> str:
        return f"../../{quote(release_target(self.version, self.file.artifact.name))}"

    @property
    def requires_python(self) -> str:
        return requires_python(self.file.metadata)

    @property
    def metadata_digest(self) -> Digest | None:
        """The digest of the metadata beside a wheel; installers ask for it by PEP 658."""
        return Digest.of(self.file.metadata) if self.file.artifact.kind == "wheel" else None


class SimpleIndex:
    """The `Publisher` of wheels and source distributions."""

    def publish(self, catalogue: Catalogue, at: datetime) -> tuple[TreeFile, ...]:
        """Return one page for each Python project and the list of them, each in both forms."""
        del at
        entries = tuple(
            _Entry(
                file=file,
                version=release.document.version,
                released_at=release.document.released_at,
            )
            for release in catalogue.releases
            for file in release.files
            if file.artifact.kind in _PYTHON_KINDS
        )
        if not entries:
            return ()
        pages: dict[str, list[_Entry]] = {}
        for entry in entries:
            pages.setdefault(entry.project, []).append(entry)
        written: list[TreeFile] = []
        for name, files in sorted(pages.items()):
            written += [
                WrittenFile(path=f"simple/{name}/index.html", data=_project_html(name, files)),
                WrittenFile(path=f"simple/{name}/index.json", data=_project_json(name, files)),
            ]
        return (
            *written,
            WrittenFile(path="simple/index.html", data=_list_html(sorted(pages))),
            WrittenFile(path="simple/index.json", data=_list_json(sorted(pages))),
        )


def metadata_target(version: str, name: str) -> str:
    """Return the target path of a file's metadata: PEP 658 fixes its name."""
    return release_target(version, name) + METADATA_SUFFIX


def _page(title: str, body: str) -> bytes:
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        "<head>\n"
        '<meta charset="utf-8">\n'
        '<meta name="pypi:repository-version" content="1.1">\n'
        f"<title>{html.escape(title)}</title>\n"
        "</head>\n"
        "<body>\n"
        f"<h1>{html.escape(title)}</h1>\n"
        f"{body}"
        "</body>\n"
        "</html>\n"
    ).encode()


def _link(entry: _Entry) -> str:
    artifact = entry.file.artifact
    attributes = {"href": f"{entry.url}#sha256={artifact.sha256}"}
    if entry.requires_python:
        attributes["data-requires-python"] = entry.requires_python
    if entry.metadata_digest is not None:
        value = f"sha256={entry.metadata_digest.hex}"
        attributes["data-core-metadata"] = value
        # PEP 714: older installers only know the first name of the attribute.
        attributes["data-dist-info-metadata"] = value
    written = " ".join(
        f'{name}="{html.escape(value, quote=True)}"' for name, value in attributes.items()
    )
    return f"<a {written}>{html.escape(artifact.name)}</a><br>\n"


def _project_html(name: str, entries: Sequence[_Entry]) -> bytes:
    return _page(f"Links for {name}", "".join(_link(entry) for entry in entries))


def _project_json(name: str, entries: Sequence[_Entry]) -> bytes:
    return _json(
        {
            "meta": {"api-version": API_VERSION},
            "name": name,
            "versions": list(dict.fromkeys(entry.version for entry in entries)),
            "files": [_file_json(entry) for entry in entries],
        }
    )


def _file_json(entry: _Entry) -> dict[str, object]:
    artifact = entry.file.artifact
    described: dict[str, object] = {
        "filename": artifact.name,
        "url": entry.url,
        "hashes": {"sha256": artifact.sha256},
        "size": artifact.size_bytes,
        "upload-time": entry.released_at,
    }
    if entry.requires_python:
        described["requires-python"] = entry.requires_python
    if entry.metadata_digest is not None:
        described["core-metadata"] = {"sha256": entry.metadata_digest.hex}
        described["dist-info-metadata"] = {"sha256": entry.metadata_digest.hex}
    return described


def _list_html(names: Sequence[str]) -> bytes:
    links = (f'<a href="{quote(name)}/">{html.escape(name)}</a><br>\n' for name in names)
    return _page("Simple index", "".join(links))


def _list_json(names: Sequence[str]) -> bytes:
    projects = [{"name": name} for name in names]
    return _json({"meta": {"api-version": API_VERSION}, "projects": projects})


def _json(document: dict[str, object]) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
