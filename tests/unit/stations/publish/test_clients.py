"""Stock clients against the tree over loopback: pip and apt-get, apart from the machine's own."""

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sealift.core.release import PublishReport
from sealift.core.signing import SigningDesk
from sealift.stations.publish.model import ReleaseEvidence
from sealift.stations.publish.site import Site
from sealift.stations.publish.tuf_repository import create_root
from sealift.testing.sample_project import SampleProject

pytestmark = pytest.mark.clients

Publish = Callable[[ReleaseEvidence], PublishReport]
# These clients read the machine's clock.
NOW_S = int(datetime.now(tz=UTC).timestamp()) - 60
DAY_S = 86_400


class Server:
    """A static server that remembers what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        seen = self.requests

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *arguments: object) -> None:
                seen.append(f"{arguments[1]} {arguments[2]}")

        handler = functools.partial(Handler, directory=str(folder))
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    site.folder.mkdir(parents=True)
    server = Server(site.folder / "current")
    yield server
    server.close()


@pytest.fixture(scope="module")
def root(desk: SigningDesk) -> bytes:
    return create_root(desk, datetime.fromtimestamp(NOW_S - DAY_S, tz=UTC))


def pip_download(
    server: Server, folder: Path, requirement: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir"),
            *("--disable-pip-version-check", "--index-url", f"{server.url}/simple/"),
            *("--dest", str(folder), requirement),
        ],
        env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null", "HOME": str(folder)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_pip_takes_the_wheel_from_the_tree_and_checks_its_digest(
    publish: Publish, python_project: SampleProject, server: Server, site: Site, tmp_path: Path
) -> None:
    publish(python_project.release("13.9.4", released_at_s=NOW_S))
    done = pip_download(server, tmp_path / "good", "rich==13.9.4")
    assert done.returncode == 0, done.stderr
    name = "rich-13.9.4-py3-none-any.whl"
    assert (tmp_path / "good" / name).is_file()
    assert any(f"/releases/13.9.4/{name} " in request for request in server.requests)
    served = site.folder / "current/releases/13.9.4" / name
    data = bytearray(served.read_bytes())
    data[-30] ^= 1
    served.write_bytes(bytes(data))
    refused = pip_download(server, tmp_path / "bad", "rich==13.9.4")
    assert refused.returncode != 0
    assert "HASH" in refused.stderr.upper()


class AptRoot:
    """apt's own folders, thrown away afterwards; the machine's lists and keys are not asked."""

    def __init__(self, folder: Path, server: Server, keyring: Path) -> None:
        self.folder = folder
        for name in ("lists/partial", "cache/archives/partial", "etc/parts", "etc/trusted"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "etc/jq.sources").write_text(
            f"Types: deb\nURIs: {server.url}/apt\nSuites: stable\nComponents: main\n"
            f"Architectures: amd64\nSigned-By: {keyring}\n"
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        options = {
            "Dir::State": str(self.folder),
            "Dir::State::lists": str(self.folder / "lists"),
            "Dir::State::status": str(self.folder / "status"),
            "Dir::Cache": str(self.folder / "cache"),
            "Dir::Etc": str(self.folder / "etc"),
            "Dir::Etc::sourcelist": str(self.folder / "etc/jq.sources"),
            "Dir::Etc::sourceparts": str(self.folder / "etc/parts"),
            "Dir::Etc::trustedparts": str(self.folder / "etc/trusted"),
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "root",
            "Acquire::Check-Valid-Until": "true",
            "Acquire::Check-Date": "true",
            "APT::Update::Error-Mode": "any",
            "Acquire::Languages": "none",
            "Acquire::http::Proxy": "DIRECT",
        }
        flags = [f"-o={name}={value}" for name, value in options.items()]
        return subprocess.run(
            ["apt-get", *flags, *arguments],  # noqa: S607 - the stock tool
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "APT_CONFIG": "/dev/null"},
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def apt(site: Site, server: Server, tmp_path: Path) -> AptRoot:
    keyring = site.folder / "current/apt/jq-archive-keyring.asc"
    return AptRoot(tmp_path / "apt", server, keyring)


def test_apt_fetches_index_by_hash_and_package_with_a_good_signature(
    publish: Publish, project: SampleProject, server: Server, apt: AptRoot
) -> None:
    publish(project.release(released_at_s=NOW_S))
    updated = apt.run("update")
    assert updated.returncode == 0, updated.stderr
    done = apt.run("download", "jq")
    assert done.returncode == 0, done.stderr
    assert (apt.folder / "jq_1.8.2_amd64.deb").is_file()
    assert any("/by-hash/SHA256/" in request for request in server.requests)
    control = subprocess.run(
        ["dpkg-deb", "--field", str(apt.folder / "jq_1.8.2_amd64.deb"), "Version"],  # noqa: S607 - the stock tool
        check=True,
        capture_output=True,
        text=True,
    )
    assert control.stdout.strip() == "1.8.2"


def test_apt_refuses_a_changed_index(
    publish: Publish, project: SampleProject, site: Site, apt: AptRoot
) -> None:
    publish(project.release(released_at_s=NOW_S))
    inline = site.folder / "current/apt/dists/stable/InRelease"
    inline.write_bytes(inline.read_bytes().replace(b"Label: jq", b"Label: jr"))
    refused = apt.run("update")
    assert refused.returncode != 0
    assert "BADSIG" in refused.stderr


def test_apt_refuses_a_package_with_a_flipped_byte(
    publish: Publish, project: SampleProject, site: Site, apt: AptRoot
) -> None:
    publish(project.release(released_at_s=NOW_S))
    assert apt.run("update").returncode == 0
    package = site.folder / "current/apt/pool/main/j/jq/jq_1.8.2_amd64.deb"
    data = bytearray(package.read_bytes())
    data[-1] ^= 1
    package.write_bytes(bytes(data))
    refused = apt.run("download", "jq")
    assert refused.returncode != 0
    assert "Hash Sum mismatch" in refused.stderr


def test_apt_refuses_a_repository_that_nobody_refreshed(
    publish: Publish, project: SampleProject, apt: AptRoot
) -> None:
    publish(project.release(released_at_s=NOW_S - 15 * DAY_S))
    refused = apt.run("update")
    assert refused.returncode != 0
    assert "expired" in refused.stderr


def test_the_metadata_of_a_wheel_is_found_beside_it(
    publish: Publish, python_project: SampleProject, server: Server, tmp_path: Path
) -> None:
    publish(python_project.release("13.9.4", released_at_s=NOW_S))
    report = tmp_path / "report.json"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run"),
            *("--no-deps", "--ignore-installed"),
            *("--no-cache-dir", "--disable-pip-version-check", "--quiet"),
            *("--index-url", f"{server.url}/simple/", "--report", str(report), "rich"),
        ],
        env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null", "HOME": str(tmp_path)},
        check=True,
    )
    [planned] = json.loads(report.read_text())["install"]
    assert planned["metadata"]["version"] == "13.9.4"
    assert any(".whl.metadata " in request for request in server.requests)
