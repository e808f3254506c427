import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sealift.base.edge.real import SystemHttp, real_world
from sealift.base.edge.web import shown
from sealift.core.errors import ConfigError, UnavailableError

_BODY = bytes(range(256)) * 5000


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        seen: list[tuple[str, dict[str, str]]] = self.server.seen  # type: ignore[attr-defined] # set below
        seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        path = self.path.partition("?")[0]
        if path.startswith("http://proxied.invalid/"):
            self._answer(200, b"by proxy")
        elif path == "/file":
            self._answer(200, _BODY)
        elif path.startswith("/redirect/"):
            left = int(path.rpartition("/")[2])
            self._redirect(f"/redirect/{left - 1}" if left > 1 else "/file")
        elif path == "/to-file":
            self._redirect("file:///etc/hostname")
        elif path == "/away":
            self._redirect(self.headers["X-Away"])
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"x" * 60)
            self.close_connection = True
        elif path == "/chunked-cut":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n5\r\nwo")
            self.close_connection = True
        else:
            self._answer(404, b"not here")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        del format, arguments


class _Server:
    def __init__(self, certificate: Path | None = None) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.seen = self.seen  # type: ignore[attr-defined] # for the handler
        self.port = self._server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    yield server
    server.close()


def _get(url: str, environment: dict[str, str] | None = None, **headers: str) -> tuple[int, bytes]:
    with SystemHttp(environment or {}).get(url, headers=headers, timeout_s=5) as response:
        return response.status, b"".join(response.chunks)


def test_file_comes_whole_and_in_pieces(server: _Server) -> None:
    with SystemHttp({}).get(f"{server.url}/file") as response:
        pieces = list(response.chunks)
        assert response.headers["content-length"] == str(len(_BODY))
    assert b"".join(pieces) == _BODY
    assert len(pieces) > 1


def test_any_status_is_an_answer(server: _Server) -> None:
    assert _get(f"{server.url}/nowhere") == (404, b"not here")


def test_headers_are_sent(server: _Server) -> None:
    _get(f"{server.url}/file", Accept="application/json")
    assert server.seen[-1][1]["accept"] == "application/json"


def test_redirects_are_followed_up_to_the_limit(server: _Server) -> None:
    with SystemHttp({}).get(f"{server.url}/redirect/5") as response:
        assert response.url == f"{server.url}/file"
        assert b"".join(response.chunks) == _BODY
    with pytest.raises(UnavailableError):
        _get(f"{server.url}/redirect/6")


def test_redirect_never_leads_to_a_file(server: _Server) -> None:
    with pytest.raises(UnavailableError):
        _get(f"{server.url}/to-file")


def test_credentials_do_not_follow_to_another_host(server: _Server) -> None:
    other = _Server()
    try:
        _get(f"{server.url}/away", **{"X-Away": f"{other.url}/file", "Authorization": "secret"})
        assert server.seen[-1][1]["authorization"] == "secret"
        assert "authorization" not in other.seen[-1][1]
        assert "x-away" in other.seen[-1][1]
    finally:
        other.close()


@pytest.mark.parametrize("path", ["/cut", "/chunked-cut"])
def test_connection_that_breaks_off_is_no_short_file(server: _Server, path: str) -> None:
    with pytest.raises(UnavailableError):
        _get(f"{server.url}{path}")


def test_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(UnavailableError, match="cannot fetch"):
        _get(f"http://127.0.0.1:{port}/file")


def test_server_that_never_answers_is_unavailable() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(UnavailableError), SystemHttp({}).get(url, timeout_s=0.2):
            pass


def test_file_address_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"page")
    assert _get((tmp_path / "index.html").as_uri()) == (200, b"page")
    with pytest.raises(UnavailableError):
        _get((tmp_path / "missing").as_uri())


@pytest.mark.parametrize("url", ["ftp://example.org/x", "gopher://x", "no address", "data:,x"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        _get(url)


def test_proxy_of_the_environment_is_used(server: _Server) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        assert _get("http://proxied.invalid/x", {name: server.url}) == (200, b"by proxy")
    with pytest.raises(UnavailableError):
        _get("http://proxied.invalid/x", {"http_proxy": server.url, "no_proxy": "a, .invalid"})
    with pytest.raises(UnavailableError):
        _get("http://proxied.invalid/x", {"HTTP_PROXY": server.url, "REQUEST_METHOD": "GET"})


def test_this_machine_is_reached_without_the_proxy(server: _Server) -> None:
    assert _get(f"{server.url}/file", {"http_proxy": "http://127.0.0.1:1"})[0] == 200


def test_variable_of_the_process_does_not_leak_in(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    with pytest.raises(UnavailableError):
        _get("http://proxied.invalid/x")


def test_authorities_come_from_the_file_that_the_environment_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        _get("https://127.0.0.1:1/", {"SSL_CERT_FILE": str(tmp_path / "missing.pem")})


def _self_signed(path: Path) -> Path:
    """Write key and certificate for 127.0.0.1 into one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_server_is_trusted_by_the_named_authority_only(tmp_path: Path) -> None:
    certificate = _self_signed(tmp_path / "server.pem")
    server = _Server(certificate)
    try:
        assert _get(f"{server.url}/file", {"SSL_CERT_FILE": str(certificate)}) == (200, _BODY)
        with pytest.raises(UnavailableError, match="certificate"):
            _get(f"{server.url}/file")
    finally:
        server.close()


def test_redirect_never_leads_from_https_to_http(tmp_path: Path, server: _Server) -> None:
    certificate = _self_signed(tmp_path / "server.pem")
    secure = _Server(certificate)
    environment = {"SSL_CERT_FILE": str(certificate)}
    try:
        target = {"X-Away": f"{secure.url}/file"}
        assert _get(f"{secure.url}/away", environment, **target)[0] == 200
        with pytest.raises(UnavailableError, match="redirect"):
            _get(f"{secure.url}/away", environment, **{"X-Away": f"{server.url}/file"})
    finally:
        secure.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:password@host/path?token=secret#x", "https://host/path"),
        ("http://host:8080/path", "http://host:8080/path"),
    ],
)
def test_messages_show_no_credentials(url: str, expected: str) -> None:
    assert shown(url) == expected


def test_real_world_is_this_machine() -> None:
    world = real_world({"PATH": "/usr/bin:/bin"})
    assert world.processes.mark(world.process_id) is not None
    assert world.clock.now().tzinfo is not None
    assert world.clock.monotonic_s() <= world.clock.monotonic_s()
    assert len(world.entropy.token_bytes(16)) == 16
    assert world.environment == {"PATH": "/usr/bin:/bin"}
    assert world.user
    assert world.host
    assert world.machine
