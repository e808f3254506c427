"""A user who trusts only the root's fingerprint: `get` over HTTP, `verify` offline."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sealift.testing.projects import Maintainer, Ran

ARCHIVE = "tide-1.0.0-linux-amd64.tar.gz"
WAITING_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A `sealift serve` in a process of its own."""

    url: str
    access_log: Path

    def requests(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.access_log.read_text().splitlines()]


@contextmanager
def serving(sites: Path, folder: Path) -> Iterator[Server]:
    """Serve the trees until the block ends."""
    said, access_log = folder / "serve.stderr", folder / "access.jsonl"
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [
                *(Path(sys.executable).with_name("sealift"), "serve", "--port", "0"),
                *("--sites", sites, "--access-log", access_log),
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stderr=stderr,
        )
        try:
            end = time.monotonic() + WAITING_S
            while not (ready := re.search(r"at (http://\S+)/ ", said.read_text())):
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < end, said.read_text()
                time.sleep(0.05)
            yield Server(url=ready[1], access_log=access_log)
        finally:
            process.terminate()
            process.wait(timeout=WAITING_S)


@pytest.fixture(scope="module")
def server(released: Maintainer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(released.home / "site", tmp_path_factory.mktemp("server")) as server:
        yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody without a checkout; only the command line is the maintainer's."""

    maintainer: Maintainer
    home: Path
    folder: Path

    def run(self, *arguments: str) -> Ran:
        return self.maintainer.use(*arguments, SEALIFT_HOME=str(self.home))

    def get(self, *arguments: str) -> Ran:
        return self.run("get", "tide", "--into", str(self.folder), *arguments)

    def refused(self, ran: Ran, *, exit_code: int) -> str:
        """Expect a refusal that left no file; return what was said."""
        assert (ran.exit_code, ran.stdout) == (exit_code, ""), ran.stderr
        assert "Traceback" not in ran.stderr
        assert ran.stderr.startswith("error: ")
        assert list(self.folder.iterdir()) == []
        return ran.stderr


@pytest.fixture
def user(released: Maintainer, tmp_path: Path) -> User:
    folder = tmp_path / "downloads"
    folder.mkdir()
    return User(maintainer=released, home=tmp_path / "user", folder=folder)


@pytest.fixture(scope="module")
def fingerprint(released: Maintainer) -> str:
    digest: str = released.run("keys", "show", "--json").data()["root_sha256"]
    return digest


def test_get_verifies_and_verify_walks_the_same_links_offline(
    user: User, server: Server, fingerprint: str
) -> None:
    got = user.get("--from", f"{server.url}/tide", "--root-sha256", fingerprint)
    assert got.exit_code == 0, got.stderr
    assert f"✓ {user.folder / ARCHIVE}  " in got.stdout
    assert "tide 1.0.0, downloaded, verified" in got.stdout
    assert f"trusted root  sha256:{fingerprint}" in got.stderr
    served = user.maintainer.site / "current" / "releases" / "1.0.0" / ARCHIVE
    assert (user.folder / ARCHIVE).read_bytes() == served.read_bytes()

    requests = len(server.requests())
    words = user.run("verify", str(user.folder / ARCHIVE))
    data = user.run("verify", str(user.folder / ARCHIVE), "--json").data()
    kinds = [link["kind"] for link in data["links"]]
    assert (kinds[0], kinds[-1]) == ("file", "commit")
    assert f"{len(kinds)} links hold, from the file to {data['links'][-1]['title']}" in got.stdout
    assert words.exit_code == 0, words.stderr
    assert words.stdout.splitlines()[0].endswith(f"{ARCHIVE} is tide 1.0.0")
    for link in data["links"]:
        assert link["title"] in words.stdout
    assert len(server.requests()) == requests, "verify used the network"


def test_get_again_downloads_no_artifact(user: User, server: Server, fingerprint: str) -> None:
    first = user.get("--from", f"{server.url}/tide", "--root-sha256", fingerprint, "--json").data()
    before = len(server.requests())
    again = user.get("--json").data()
    assert (first["already"], again["already"]) == (False, True)
    assert (first["trust"], again["trust"]) == ("demanded", "pinned")
    asked = [str(one["path"]) for one in server.requests()[before:]]
    assert not [path for path in asked if path.endswith(ARCHIVE)]


def test_get_without_a_fingerprint_warns_of_first_use(user: User, server: Server) -> None:
    ran = user.get("--from", f"{server.url}/tide")
    assert ran.exit_code == 0, ran.stderr
    assert "was trusted on first use" in ran.stderr


def test_get_of_an_unknown_project_asks_for_its_address(user: User) -> None:
    said = user.refused(user.get(), exit_code=2)
    assert "project `tide` is not known on this machine" in said
    assert "hint: run `sealift get tide --from https://… --root-sha256 HEX`" in said


def test_get_refuses_another_root_than_the_one_demanded(user: User, server: Server) -> None:
    said = user.refused(
        user.get("--from", f"{server.url}/tide", "--root-sha256", "0" * 64), exit_code=4
    )
    assert "root has fingerprint sha256:" in said
    assert not (user.home / "trust" / "tide").exists()


@pytest.mark.parametrize("value", ["abc", "g" * 64, ""])
def test_a_fingerprint_that_is_none_is_a_mistake_and_no_bug(
    user: User, server: Server, value: str
) -> None:
    said = user.refused(
        user.get("--from", f"{server.url}/tide", "--root-sha256", value), exit_code=2
    )
    assert f"error: --root-sha256: `{value}` is no sha256 digest" in said
    assert "hint: copy it from the project's signed tag" in said


def test_get_from_a_server_that_is_gone_is_unavailable(user: User) -> None:
    said = user.refused(user.get("--from", "http://127.0.0.1:9/tide"), exit_code=5)
    assert "127.0.0.1:9" in said


def test_get_of_a_version_that_nobody_released_is_refused(
    user: User, server: Server, fingerprint: str
) -> None:
    user.refused(
        user.get(
            *("--from", f"{server.url}/tide", "--root-sha256", fingerprint),
            *("--release", "9.9.9"),
        ),
        exit_code=2,
    )


def test_one_flipped_byte_is_refused_by_get_and_by_verify(
    user: User, server: Server, fingerprint: str, tmp_path: Path
) -> None:
    got = user.get("--from", f"{server.url}/tide", "--root-sha256", fingerprint)
    assert got.exit_code == 0, got.stderr
    mine = user.folder / ARCHIVE
    flip(mine)
    ran = user.run("verify", str(mine))
    assert (ran.exit_code, ran.stdout) == (4, "")
    assert ARCHIVE in ran.stderr
    mine.unlink()

    sites = tmp_path / "site"
    shutil.copytree(user.maintainer.home / "site", sites, symlinks=True)
    flipped = list((sites / "tide" / "current" / "targets").rglob(f"*{ARCHIVE}"))
    assert len(flipped) == 1
    flip(flipped[0])
    flip(sites / "tide" / "current" / "releases" / "1.0.0" / ARCHIVE)
    with serving(sites, tmp_path) as liar:
        stranger = User(maintainer=user.maintainer, home=tmp_path / "other", folder=user.folder)
        said = stranger.refused(
            stranger.get("--from", f"{liar.url}/tide", "--root-sha256", fingerprint), exit_code=4
        )
        assert ARCHIVE in said


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


def test_a_refreshed_tree_still_gives_the_release(
    user: User, fingerprint: str, tmp_path: Path
) -> None:
    twin = user.maintainer.twin(tmp_path / "twin")
    assert twin.run("site", "refresh").exit_code == 0
    with serving(twin.home / "site", tmp_path) as server:
        ran = user.get("--from", f"{server.url}/tide", "--root-sha256", fingerprint)
        assert ran.exit_code == 0, ran.stderr
    assert user.run("verify", str(user.folder / ARCHIVE)).exit_code == 0


def test_verify_of_a_file_that_no_project_lists_is_refused(user: User, tmp_path: Path) -> None:
    stray = tmp_path / "stray.tar.gz"
    stray.write_bytes(b"nobody released this")
    ran = user.run("verify", str(stray), "--json")
    assert ran.exit_code == ran.data()["error"]["exit_code"]
    assert ran.exit_code in {2, 4}
    assert "Traceback" not in ran.stderr
    assert user.run("verify", str(tmp_path / "nothing")).exit_code == 2
