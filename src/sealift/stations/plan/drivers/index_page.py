"""Parse the pages of a simple repository (PEP 503, PEP 691): hostile text in, plain rows out."""

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import msgspec

from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError, UnavailableError

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """One file of a page, its address made absolute."""

    filename: str
    url: str
    digest: Digest | None
    size_bytes: int | None


class _JsonFile(msgspec.Struct):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: int | None = None


class _JsonPage(msgspec.Struct):
    files: list[_JsonFile]


def parse_page(data: bytes, *, content_type: str, url: str) -> tuple[PageRow, ...]:
    """Return the files of a page in its order; raise UnavailableError when it is none."""
    if "json" in content_type:
        return _parse_json(data, url)
    return _parse_html(data, url)


def _parse_json(data: bytes, url: str) -> tuple[PageRow, ...]:
    try:
        page = msgspec.json.decode(data, type=_JsonPage)
    except msgspec.MsgspecError as error:
        raise UnavailableError(
            fact=f"the index's page cannot be read: {error}",
            expected="a page as PEP 691 describes it",
            hint="python3 -m pip config list",
        ) from error
    return tuple(
        PageRow(
            filename=file.filename,
            url=urldefrag(_absolute(url, file.url)).url,
            digest=_digest(file.hashes.get("sha256", "")),
            size_bytes=file.size,
        )
        for file in page.files
    )


def _parse_html(data: bytes, url: str) -> tuple[PageRow, ...]:
    links = _Links()
    links.feed(data.decode("utf-8", errors="replace"))
    links.close()
    base = _absolute(url, links.base) if links.base else url
    rows: list[PageRow] = []
    for address in links.addresses:
        target, fragment = urldefrag(_absolute(base, address))
        algorithm, _, value = fragment.partition("=")
        rows.append(
            PageRow(
                filename=unquote(_path(target).rpartition("/")[2]),
                url=target,
                digest=_digest(value) if algorithm == "sha256" else None,
                size_bytes=None,
            )
        )
    return tuple(rows)


def _absolute(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        # `http://[` and the like: an address that leads nowhere is no file.
        return ""


def _path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _digest(value: str) -> Digest | None:
    try:
        return Digest(value.lower())
    except IntegrityError:
        return None


class _Links(HTMLParser):
    """Collect `href` of anchors, and the page's `<base>`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.addresses: list[str] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of one tag."""
        address = dict(attrs).get("href")
        if not address:
            return
        if tag == "a":
            self.addresses.append(address)
        elif tag == "base" and not self.base:
            self.base = address
