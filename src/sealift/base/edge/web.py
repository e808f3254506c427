"""HTTP(S) and `file:` addresses: streaming, bounded redirects, proxies, an extra CA file.

A redirect never leads from https to http, nor to a file, nor carries credentials to another host.
A connection that ends before the promised length is an error, never a short file.
"""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from typing import IO, Final, cast
from urllib.parse import urlsplit
from urllib.response import addinfourl

from sealift.base.edge.port import Response
from sealift.core.errors import ConfigError, SealiftError, UnavailableError
from sealift.core.limits import COPY_CHUNK_BYTES, HTTP_REDIRECTS_MAX, HTTP_TIMEOUT_S

_SCHEMES: Final = ("http", "https", "file")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SECRET_HEADERS: Final = ("Authorization", "Cookie", "Proxy-authorization")
_AGENT: Final = "sealift"


class UrllibHttp:
    """The port `Http` over the standard library. Safe to use from several threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._opener = urllib.request.OpenerDirector()
        self._opener.addheaders = []
        for handler in (
            _Proxies(_proxies(environment)),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=_tls(environment)),
            urllib.request.FileHandler(),
            _Redirects(),
            urllib.request.HTTPErrorProcessor(),
            _AnyStatus(),
        ):
            self._opener.add_handler(handler)

    @contextmanager
    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = HTTP_TIMEOUT_S,
    ) -> Iterator[Response]:
        """Open `url`, following a bounded number of redirects."""
        if urlsplit(url).scheme not in _SCHEMES:
            raise ConfigError(
                fact=f"`{shown(url)}` cannot be fetched", expected="an http, https or file address"
            )
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
            url, headers={"User-Agent": _AGENT, **(headers or {})}
        )
        with _reaching(url):
            answer = self._opener.open(request, timeout=timeout_s)
        # OpenerDirector is typed for every kind of handler; ours all answer with one shape.
        with cast("addinfourl", answer) as stream:
            yield Response(
                status=stream.status or http.client.OK,
                url=stream.url,
                headers={name.lower(): value for name, value in stream.headers.items()},
                chunks=_chunks(stream, url),
            )


def shown(url: str) -> str:
    """Return `url` without user, password and query, fit for messages and logs."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()[:300]


def _chunks(stream: addinfourl, url: str) -> Iterator[bytes]:
    promised = stream.headers.get("Content-Length")
    received = 0
    while True:
        with _reaching(url):
            data = stream.read(COPY_CHUNK_BYTES)
        if not data:
            break
        received += len(data)
        yield data
    # http.client tells of a cut connection only where the body is chunked.
    if promised is not None and promised.isdecimal() and received != int(promised):
        raise UnavailableError(
            fact=f"`{shown(url)}` ended after {received} bytes",
            expected=f"{promised} bytes, as the server announced",
            hint="run the command again",
        )


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    try:
        yield
    except SealiftError:
        raise
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UnavailableError(
            fact=f"cannot fetch `{shown(url)}`: {str(reason) or type(reason).__name__}",
            expected="an answer from the server",
            hint=f"check the network and the address: curl -I {shown(url)}",
        ) from error


def _tls(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Trust the system's authorities, or the file and folder that the environment names."""
    file, folder = environment.get("SSL_CERT_FILE"), environment.get("SSL_CERT_DIR")
    if not file and not folder:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            fact=f"SSL_CERT_FILE names `{file}`, which cannot be read: {error}",
            expected="a file of PEM certificates",
            hint="unset SSL_CERT_FILE or let it name the right file",
        ) from error


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Read `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`; lower case wins, as in curl."""
    found: dict[str, str] = {}
    for scheme in ("http", "https", "no"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            # HTTP_PROXY in a CGI program comes from the request (CVE-2016-1000110).
            forged = name == "HTTP_PROXY" and "REQUEST_METHOD" in environment
            if environment.get(name) and not forged:
                found.setdefault(scheme, environment[name])
    everything = environment.get("all_proxy") or environment.get("ALL_PROXY")
    if everything:
        found.setdefault("http", everything)
        found.setdefault("https", everything)
    return found


class _Proxies(urllib.request.ProxyHandler):
    """Proxies as given, never for this machine itself: the demo's server is on loopback."""

    def __init__(self, proxies: dict[str, str]) -> None:
        super().__init__({key: value for key, value in proxies.items() if key != "no"})
        self._exempt = proxies.get("no", "")

    def proxy_open(
        self,
        req: urllib.request.Request,
        proxy: str,
        type: str,  # noqa: A002 - urllib's name
    ) -> object:
        host = urlsplit(f"//{req.host}").hostname or ""
        if host in _LOOPBACK or _is_exempt(host, self._exempt):
            return None
        return super().proxy_open(req, proxy, type)


def _is_exempt(host: str, exempt: str) -> bool:
    """Match as curl does: `*`, a host, or a domain with or without its leading dot."""
    names = [name.strip().lstrip(".").lower() for name in exempt.split(",")]
    return any(name in {"*", host} or (name and host.endswith(f".{name}")) for name in names)


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = HTTP_REDIRECTS_MAX
    max_repeats = HTTP_REDIRECTS_MAX

    def redirect_request(  # noqa: PLR0917 - urllib calls it so
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if before.scheme == "https" and after.scheme != "https":
            raise UnavailableError(
                fact=f"`{shown(req.full_url)}` redirects to `{shown(newurl)}`",
                expected="no redirect from https to anything less",
            )
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and (before.scheme, before.netloc) != (after.scheme, after.netloc):
            for name in _SECRET_HEADERS:
                request.remove_header(name)
        return request


class _AnyStatus(urllib.request.BaseHandler):
    """Return an answer of any status instead of raising."""

    def http_error_default(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
    ) -> IO[bytes]:
        del req, code, msg, headers
        return fp
