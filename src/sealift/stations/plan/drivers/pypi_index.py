"""Files of the package index that pip is configured to ask, by name and sha256.

Asks the simple pages (JSON first), also those that lie on disk, and find-links. Many indexes are
one name space here: the digest decides which file is the right one, not the place.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from sealift.base.edge.port import World
from sealift.base.store.port import BlobStore
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.limits import DOWNLOAD_BYTES_MAX, INDEX_PAGE_BYTES_MAX
from sealift.core.release import Download
from sealift.stations.plan.drivers.index_page import ACCEPT, PageRow, parse_page
from sealift.stations.plan.drivers.pip_settings import PipSettings, pip_settings_reader
from sealift.stations.plan.port import IndexFile

_OK: Final = 200
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class _Place:
    """An address without credentials, and the header that carries them."""

    url: str
    authorization: str

    def headers(self, url: str) -> dict[str, str]:
        """Return the credentials for `url`, which go to this place's own host only."""
        mine = urlsplit(url)[:2] == urlsplit(self.url)[:2]
        return {"Authorization": self.authorization} if self.authorization and mine else {}


class PypiIndex:
    """The ports `PackageIndex` and `core.execution.Downloader` over simple pages."""

    def __init__(
        self,
        world: World,
        store: BlobStore,
        *,
        settings: Callable[[], PipSettings] | None = None,
        page_bytes_max: int = INDEX_PAGE_BYTES_MAX,
    ) -> None:
        self._world = world
        self._store = store
        self._page_bytes_max = page_bytes_max
        self._settings = settings or pip_settings_reader(world)

    def find_file(self, project: str, filename: str, *, digest: Digest | None = None) -> IndexFile:
        """Return where a file is served, preferring a place that states `digest`."""
        unreachable: UnavailableError | None = None
        others: list[IndexFile] = []
        for place in self._places(project):
            try:
                rows = self._rows(place)
            except UnavailableError as error:
                unreachable = unreachable or error
                continue
            for row in rows:
                if row.filename != filename or not row.url:
                    continue
                file = IndexFile(
                    project=project,
                    filename=filename,
                    url=row.url,
                    digest=row.digest,
                    size_bytes=row.size_bytes,
                )
                if digest is None or row.digest == digest:
                    return file
                others.append(file)
        unstated = next((file for file in others if file.digest is None), None)
        if unstated is not None:
            return unstated
        if others:
            raise IntegrityError(
                fact=f"the index serves `{filename}` with digest {others[0].digest}",
                expected=str(digest),
                hint="sealift lock",
            )
        raise unreachable or UnavailableError(
            fact=f"no index serves `{filename}`",
            expected=f"a file of the project `{project}`",
            hint=f"python3 -m pip index versions {project}",
        )

    def download(self, file: IndexFile, *, digest: Digest | None) -> Descriptor:
        """Stream the file into the store and return its descriptor; idempotent."""
        wanted = digest or file.digest
        if wanted is not None and self._store.has(wanted):
            return Descriptor(digest=wanted, size_bytes=self._store.path(wanted).stat().st_size)
        header = next(
            (found for place in self._places(file.project) if (found := place.headers(file.url))),
            {},
        )
        with self._world.http.get(file.url, headers=header) as response:
            if response.status != _OK:
                raise UnavailableError(
                    fact=f"the index answered {response.status} for `{file.filename}`",
                    expected=str(_OK),
                    hint="run the command again",
                )
            return self._store.put_chunks(_verified(response.chunks, file.filename, wanted))

    def ensure(self, download: Download) -> Descriptor:
        """Make the pinned file be in the store, and return its descriptor."""
        if self._store.has(download.digest):
            size_bytes = self._store.path(download.digest).stat().st_size
            got = Descriptor(digest=download.digest, size_bytes=size_bytes)
        else:
            file = self.find_file(download.name, download.filename, digest=download.digest)
            got = self.download(file, digest=download.digest)
        if got.size_bytes != download.size_bytes:
            raise IntegrityError(
                fact=f"`{download.filename}` has {got.size_bytes} bytes",
                expected=f"{download.size_bytes}, as sealift.lock says",
                hint="sealift lock",
            )
        return got

    def _places(self, project: str) -> Iterator[_Place]:
        settings = self._settings()
        for index in settings.indexes:
            yield _place(f"{_as_url(index).rstrip('/')}/{canonicalize_name(project)}/")
        for link in settings.find_links:
            yield _place(_as_url(link))

    def _rows(self, place: _Place) -> tuple[PageRow, ...]:
        url = place.url
        if url.startswith("file:"):
            folder = Path(unquote(urlsplit(url).path))
            if (folder / "index.html").is_file():
                url = f"{url.rstrip('/')}/index.html"
            elif folder.is_dir():
                return _folder_rows(folder)
            elif not folder.is_file():
                return ()
        headers = {"Accept": ACCEPT, **place.headers(url)}
        with self._world.http.get(url, headers=headers) as response:
            if response.status >= _SERVER_ERROR:
                raise UnavailableError(
                    fact=f"the index answered {response.status}",
                    expected=str(_OK),
                    hint="run the command again",
                )
            if response.status != _OK:
                return ()
            data = bytearray()
            for chunk in response.chunks:
                data += chunk
                if len(data) > self._page_bytes_max:
                    raise UnavailableError(
                        fact="the index's page is too long",
                        expected=f"at most {self._page_bytes_max} bytes",
                        hint="python3 -m pip config list",
                    )
            content_type = response.headers.get("content-type", "text/html")
            return parse_page(bytes(data), content_type=content_type, url=response.url)


def _verified(chunks: Iterator[bytes], filename: str, wanted: Digest | None) -> Iterator[bytes]:
    hasher = hashlib.sha256()
    size_bytes = 0
    for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > DOWNLOAD_BYTES_MAX:
            raise IntegrityError(
                fact=f"`{filename}` is too long", expected=f"at most {DOWNLOAD_BYTES_MAX} bytes"
            )
        hasher.update(chunk)
        yield chunk
    if wanted is not None and hasher.hexdigest() != wanted.hex:
        raise IntegrityError(
            fact=f"`{filename}` has digest sha256:{hasher.hexdigest()}",
            expected=str(wanted),
            hint="do not use this index; see `python3 -m pip config list`",
        )


def _folder_rows(folder: Path) -> tuple[PageRow, ...]:
    return tuple(
        PageRow(filename=path.name, url=path.resolve().as_uri(), digest=None, size_bytes=None)
        for path in sorted(folder.iterdir())
        if path.is_file()
    )


def _as_url(address: str) -> str:
    """Return an address of pip's settings as an URL: a plain path is a folder on this machine."""
    return (
        address
        if "://" in address or address.startswith("file:")
        else (Path(address).expanduser().resolve().as_uri())
    )


def _place(url: str) -> _Place:
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return _Place(url, "")
    name, _, password = userinfo.partition(":")
    token = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return _Place(parts._replace(netloc=host).geturl(), f"Basic {token}")
