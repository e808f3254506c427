"""The same tree from places that are not our own fake: a folder, and a stock web server."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sealift.base.edge.real import real_world
from sealift.client.get import get
from sealift.client.verify import verify
from sealift.testing.chains import sample_release
from sealift.testing.repository import SampleRepository


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def repository() -> SampleRepository:
    repository = SampleRepository(project="rich")
    names = ("rich-13.9.4+local-py3-none-any.whl",)
    repository.release(sample_release(project="rich", version="13.9.4", files=names))
    repository.point("13.9.4")
    return repository


@pytest.fixture
def tree(tmp_path: Path, repository: SampleRepository) -> Path:
    folder = tmp_path / "tree"
    for path, data in repository.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture
def address(tree: Path) -> Iterator[str]:
    handler = partial(QuietHandler, directory=str(tree))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def check(url: str, folder: Path, repository: SampleRepository) -> None:
    world = real_world()
    report = get(
        world,
        folder / "home",
        "rich",
        url=url,
        root_sha256=repository.fingerprint,
        folder=folder / "out",
    )
    assert verify(world, folder / "home", Path(report.path)).links == report.links


def test_a_stock_web_server_is_enough(
    address: str, tmp_path: Path, repository: SampleRepository
) -> None:
    check(address, tmp_path, repository)


def test_a_folder_is_enough(tree: Path, tmp_path: Path, repository: SampleRepository) -> None:
    check(tree.as_uri(), tmp_path, repository)
