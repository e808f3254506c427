import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.digest import Digest
from sealift.core.errors import UnavailableError
from sealift.server.static import ByteRange, StaticServer, parse_range
from sealift.server.tree_files import SIMPLE_HTML, SIMPLE_JSON, ServedFile, find_file

BODY = b"0123456789"
HASH = Digest.of(BODY).hex
LARGE = bytes(range(256)) * 4_096
FILES = {
    "index.html": b"<title>lamp</title>",
    "root.json": b"{}",
    "metadata/timestamp.json": b'{"version": 7}',
    "metadata/3.targets.json": b"{}",
    f"targets/releases/2.0/{HASH}.lamp.tar.gz": BODY,
    "releases/2.0/lamp.tar.gz": LARGE,
    "releases/2.0/SHA256SUMS": b"sums\n",
    "apt/dists/stable/InRelease": b"-----BEGIN\n",
    f"apt/dists/stable/main/binary-amd64/by-hash/SHA256/{HASH}": BODY,
    "apt/pool/main/l/lamp/lamp_2.0+x~1_amd64.deb": BODY,
    "simple/index.html": b"<html>list",
    "simple/index.json": b'{"projects": []}',
    "simple/lamp/index.html": b"<html>lamp",
    "simple/lamp/index.json": b'{"files": []}',
    "bare/file.txt": b"x",
    ".hidden": b"secret",
}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sites: `lamp` shows generation 2 of 2; `empty` shows none."""
    folder = tmp_path_factory.mktemp("site")
    write_generation(folder / "lamp" / "generations" / "1", {"index.html": b"old"})
    write_generation(folder / "lamp" / "generations" / "2", FILES)
    (folder / "lamp" / "current").symlink_to("generations/2")
    (folder / "lamp" / "journal.db").write_bytes(b"secret")
    (folder / "empty" / "generations").mkdir(parents=True)
    (folder.parent / "outside.txt").write_bytes(b"secret")
    generation = folder / "lamp" / "generations" / "2"
    (generation / "leak.txt").symlink_to("../../../../outside.txt")
    (generation / "inner.txt").symlink_to("root.json")
    (generation / "up").symlink_to("..")
    return folder


def write_generation(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client that sends exactly the path it is given."""

    port: int
    log: Path

    def ask(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=response.read(),
            )
        finally:
            connection.close()

    def last_line(self) -> dict[str, object]:
        line: dict[str, object] = json.loads(self.log.read_bytes().splitlines()[-1])
        return line


class FixedClock:
    """One moment."""

    def now(self) -> datetime:
        return datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        del seconds


@contextmanager
def serving(sites: Path, log: Path) -> Iterator[Client]:
    server = StaticServer(sites, access_log=log, clock=FixedClock())
    ready = threading.Event()
    ports: list[int] = []

    def note(port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=server.run, args=(note,))
    thread.start()
    try:
        assert ready.wait(20)
        yield Client(port=ports[0], log=log)
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def client(sites: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(sites, tmp_path_factory.mktemp("log") / "deep" / "access.log") as one:
        yield one


def test_a_file_of_the_current_generation_is_served(client: Client) -> None:
    answer = client.ask("/lamp/root.json")
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == "2"


def test_a_large_file_arrives_whole(client: Client) -> None:
    answer = client.ask("/lamp/releases/2.0/lamp.tar.gz")
    assert (answer.status, answer.body == LARGE) == (200, True)
    assert answer.headers["content-type"] == "application/gzip"


def test_a_folder_is_its_index_or_nothing(client: Client) -> None:
    assert client.ask("/lamp/").body == b"<title>lamp</title>"
    assert client.ask("/lamp").headers["location"] == "lamp/"
    moved = client.ask("/lamp/simple/lamp")
    assert (moved.status, moved.headers["location"]) == (308, "lamp/")
    assert client.ask("/lamp/bare/").status == 404
    assert client.ask("/lamp/bare").status == 404
    assert client.ask("/").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/lamp/none",
        "/lamp/leak.txt",
        "/lamp/inner.txt",
        "/lamp/up/1/index.html",
        "/lamp/.hidden",
        "/lamp/../lamp/journal.db",
        "/lamp/%2e%2e/journal.db",
        "/lamp/..%2f..%2f..%2foutside.txt",
        "/lamp/%2e%2e%2f%2e%2e%2f%2e%2e%2foutside.txt",
        "/lamp/..%5c..%5coutside.txt",
        "/lamp/root.json%00.html",
        "/lamp//root.json",
        "/lamp/./root.json",
        "/lamp/root.json/",
        "/lamp/generations/1/index.html",
        "/lamp/journal.db",
        "/empty/",
        "/empty",
        "/../outside.txt",
        "//etc/passwd",
        "/%2e%2e/outside.txt",
        "/.",
        "/lamp/" + "a/" * 600,
        "/lamp/%ff%fe",
    ],
)
def test_what_is_not_in_the_tree_is_not_found(client: Client, path: str) -> None:
    answer = client.ask(path)
    assert answer.status == 404
    assert b"secret" not in answer.body


def test_head_says_what_get_would_and_sends_nothing(client: Client) -> None:
    got = client.ask("/lamp/releases/2.0/lamp.tar.gz")
    head = client.ask("/lamp/releases/2.0/lamp.tar.gz", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    for name in ("content-length", "content-type", "etag", "cache-control"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    answer = client.ask("/lamp/root.json", method=method, Content_Length="0")
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]


def test_a_client_that_has_the_file_gets_no_body_again(client: Client) -> None:
    for path in ("/lamp/root.json", "/lamp/releases/2.0/lamp.tar.gz"):
        tag = client.ask(path).headers["etag"]
        again = client.ask(path, If_None_Match=f'"other", W/{tag}')
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert client.ask(path, If_None_Match='"other"').status == 200


def test_the_tag_of_a_hashed_target_is_its_digest(client: Client) -> None:
    answer = client.ask(f"/lamp/targets/releases/2.0/{HASH}.lamp.tar.gz")
    assert answer.headers["etag"] == f'"{HASH}"'


@pytest.mark.parametrize(
    "path", ["/lamp/releases/2.0/lamp.tar.gz", "/lamp/metadata/3.targets.json"]
)
def test_a_part_of_a_file_can_be_asked_for(client: Client, path: str) -> None:
    whole = client.ask(path).body
    part = client.ask(path, Range="bytes=1-")
    assert (part.status, part.body) == (206, whole[1:])
    assert part.headers["content-range"] == f"bytes 1-{len(whole) - 1}/{len(whole)}"
    assert client.ask(path, Range=f"bytes={len(whole)}-").status == 416
    assert client.ask(path, Range="bytes=0-0,1-1").status == 200


def test_a_download_is_resumed_only_if_the_file_is_the_same(client: Client) -> None:
    path = "/lamp/releases/2.0/lamp.tar.gz"
    tag = client.ask(path).headers["etag"]
    assert client.ask(path, Range="bytes=9-", If_Range=tag).status == 206
    assert client.ask(path, Range="bytes=9-", If_Range='"older"').status == 200


@pytest.mark.parametrize(
    ("path", "immutable"),
    [
        (f"/lamp/targets/releases/2.0/{HASH}.lamp.tar.gz", True),
        (f"/lamp/apt/dists/stable/main/binary-amd64/by-hash/SHA256/{HASH}", True),
        ("/lamp/metadata/3.targets.json", True),
        ("/lamp/metadata/timestamp.json", False),
        ("/lamp/apt/dists/stable/InRelease", False),
        ("/lamp/", False),
    ],
)
def test_only_what_never_changes_may_be_kept_for_ever(
    client: Client, path: str, *, immutable: bool
) -> None:
    header = client.ask(path).headers["cache-control"]
    assert ("immutable" in header) == immutable
    assert ("max-age=30," in header) != immutable


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        ("", "text/html; charset=utf-8", b"<html>lamp"),
        (SIMPLE_JSON, SIMPLE_JSON, b'{"files": []}'),
        (f"{SIMPLE_JSON}, {SIMPLE_HTML};q=0.1, text/html;q=0.01", SIMPLE_JSON, b'{"files": []}'),
        (f"{SIMPLE_JSON};q=0.1, text/html", "text/html; charset=utf-8", b"<html>lamp"),
        (f"{SIMPLE_HTML}, text/html;q=0.01", SIMPLE_HTML, b"<html>lamp"),
        ("*/*", "text/html; charset=utf-8", b"<html>lamp"),
        (f"{SIMPLE_JSON};q=0", "text/html; charset=utf-8", b"<html>lamp"),
        ("nonsense;;q=x,", "text/html; charset=utf-8", b"<html>lamp"),
    ],
)
def test_the_simple_index_comes_in_the_form_that_is_asked_for(
    client: Client, accept: str, content_type: str, body: bytes
) -> None:
    answer = client.ask("/lamp/simple/lamp/", **({"Accept": accept} if accept else {}))
    assert (answer.headers["content-type"], answer.body) == (content_type, body)
    assert answer.headers["vary"] == "Accept"


def test_names_of_debian_packages_are_served(client: Client) -> None:
    answer = client.ask("/lamp/apt/pool/main/l/lamp/lamp_2.0%2Bx~1_amd64.deb")
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["content-type"] == "application/vnd.debian.binary-package"


def test_the_log_has_the_line_before_the_client_can_act(client: Client) -> None:
    client.ask("/lamp/releases/2.0/lamp.tar.gz", User_Agent='apt "2.6"', Range="bytes=0-99")
    assert client.last_line() == {
        "at": "2024-01-02T03:04:05Z",
        "method": "GET",
        "path": "/lamp/releases/2.0/lamp.tar.gz",
        "status": 206,
        "bytes": 100,
        "user_agent": 'apt "2.6"',
    }
    client.ask("/lamp/none%0Aforged")
    assert (client.last_line()["status"], client.last_line()["path"]) == (404, "/lamp/none\nforged")
    client.ask("/lamp/root.json", method="HEAD")
    assert (client.last_line()["method"], client.last_line()["bytes"]) == ("HEAD", 0)


def test_a_new_generation_shows_at_once_and_an_open_answer_stays_whole(tmp_path: Path) -> None:
    for number in (1, 2):
        files = {"a.json": str(number).encode() * 300_000}
        write_generation(tmp_path / "kite" / "generations" / str(number), files)
    link = tmp_path / "kite" / "current"
    link.symlink_to("generations/1")
    opened = find_file(tmp_path, "/kite/a.json")
    assert isinstance(opened, ServedFile)
    os.symlink("generations/2", tmp_path / "next")  # noqa: PTH211 - the pair of the rename below
    (tmp_path / "next").replace(link)
    with opened.stream as stream:
        assert set(stream.read()) == {ord("1")}
    after = find_file(tmp_path, "/kite/a.json")
    assert isinstance(after, ServedFile)
    with after.stream as stream:
        assert set(stream.read()) == {ord("2")}


@pytest.mark.parametrize("target", ["../elsewhere", "generations/..", "generations/3", "/"])
def test_a_current_that_names_no_generation_shows_nothing(tmp_path: Path, target: str) -> None:
    write_generation(tmp_path / "kite" / "generations" / "1", {"a.txt": b"a"})
    write_generation(tmp_path / "elsewhere", {"a.txt": b"secret"})
    (tmp_path / "kite" / "current").symlink_to(target)
    assert find_file(tmp_path, "/kite/a.txt") is None


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["..", ".", "", "lamp", "up", "~"])).map("/".join)
)
def test_no_path_leads_out_of_the_generation(sites: Path, path: str) -> None:
    found = find_file(sites, "/lamp/" + path)
    if isinstance(found, ServedFile):
        with found.stream as stream:
            assert b"secret" not in stream.read(100)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_a_range_is_what_python_would_slice(first: int, last: int, size_bytes: int) -> None:
    data = bytes(range(size_bytes))
    try:
        part = parse_range(f"bytes={first}-{last}", size_bytes=size_bytes)
    except ValueError:
        assert first >= size_bytes
        return
    if part is None:
        assert last < first
        return
    assert data[part.first : part.last + 1] == data[first : last + 1]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-4", ByteRange(first=6, last=9)),
        ("bytes=-99", ByteRange(first=0, last=9)),
        ("bytes=9-99", ByteRange(first=9, last=9)),
    ],
)
def test_ranges_are_read_as_the_standard_says(header: str, expected: ByteRange | None) -> None:
    assert parse_range(header, size_bytes=10) == expected


def test_an_empty_suffix_cannot_be_satisfied() -> None:
    with pytest.raises(ValueError, match="empty"):
        parse_range("bytes=-0", size_bytes=10)


def test_a_port_that_is_taken_is_told_with_a_way_out(sites: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UnavailableError) as refused:
            StaticServer(sites, port=other.getsockname()[1])
    assert refused.value.hint == "sealift serve --port 0"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(
    sites: Path, tmp_path: Path, number: signal.Signals
) -> None:
    program = (
        "import sys; from pathlib import Path; from sealift.server.static import serve\n"
        "serve(Path(sys.argv[1]), access_log=Path(sys.argv[2]),"
        " ready=lambda port: print(port, flush=True))\n"
        "print('ended')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(sites), str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        client = Client(port=port, log=tmp_path / "log")
        assert client.ask("/lamp/root.json").status == 200
        assert client.last_line()["path"] == "/lamp/root.json"
        process.send_signal(number)
        said, complaints = process.communicate(timeout=20)
    assert (process.returncode, said, complaints) == (0, b"ended\n", b"")
