"""The index is where pip is configured to look; the digest decides which file is the right one."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sealift.base.edge.port import Response, World
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.limits import INDEX_PAGE_BYTES_MAX
from sealift.core.release import Download
from sealift.stations.plan.drivers.pip_resolver import PipResolver
from sealift.stations.plan.drivers.pip_settings import PipSettings, pip_settings_reader
from sealift.stations.plan.drivers.pypi_index import PypiIndex
from sealift.testing.simulation import SimHttp, SimPage

NAME = "build-1.2.0-py3-none-any.whl"
INDEX = "https://index.example/simple"
MIRROR = "https://mirror.example/simple"


class ListeningHttp(SimHttp):
    """A simulated web that also remembers the headers."""

    def __init__(self) -> None:
        super().__init__()
        self.headers_seen: dict[str, Mapping[str, str]] = {}

    @contextmanager
    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> Iterator[Response]:
        self.headers_seen[url] = headers or {}
        with super().get(url, headers=headers, timeout_s=timeout_s) as response:
            yield response


@pytest.fixture
def http() -> ListeningHttp:
    return ListeningHttp()


def page(data: bytes, *, host: str = "https://files.example") -> SimPage:
    sha256 = hashlib.sha256(data).hexdigest()
    link = f'<a href="{host}/{NAME}#sha256={sha256}">{NAME}</a>'
    return SimPage(body=link.encode(), headers={"content-type": "text/html"})


def index_over(
    world: World,
    store: LocalBlobStore,
    *indexes: str,
    http: SimHttp | None = None,
    find_links: tuple[str, ...] = (),
    page_bytes_max: int = INDEX_PAGE_BYTES_MAX,
) -> PypiIndex:
    settings = PipSettings(command=("pip",), environment={}, indexes=indexes, find_links=find_links)
    seen = world if http is None else replace(world, http=http)
    return PypiIndex(seen, store, settings=lambda: settings, page_bytes_max=page_bytes_max)


@pytest.fixture
def pinned(download: Download) -> Download:
    return replace(download, digest=Digest.of(b"wheel"), size_bytes=5)


def test_pinned_file_comes_into_the_store_once(
    world: World, store: LocalBlobStore, http: ListeningHttp, pinned: Download
) -> None:
    http.pages[f"{INDEX}/build/"] = page(b"wheel")
    http.pages[f"https://files.example/{NAME}"] = SimPage(body=b"wheel")
    index = index_over(world, store, INDEX, http=http)
    got = index.ensure(pinned)
    assert (got.digest, got.size_bytes) == (pinned.digest, 5)
    assert store.read(pinned.digest, size_bytes_max=5) == b"wheel"
    http.requests.clear()
    assert index.ensure(pinned) == got
    assert http.requests == []


def test_other_bytes_under_the_right_name_are_refused_and_not_kept(
    world: World, store: LocalBlobStore, http: ListeningHttp, pinned: Download
) -> None:
    http.pages[f"{INDEX}/build/"] = page(b"wheel")
    http.pages[f"https://files.example/{NAME}"] = SimPage(body=b"wheel", flipped=0)
    with pytest.raises(IntegrityError, match="has digest sha256"):
        index_over(world, store, INDEX, http=http).ensure(pinned)
    assert list(store.digests()) == []


def test_index_that_states_another_digest_is_not_even_asked_for_the_file(
    world: World, store: LocalBlobStore, http: ListeningHttp, pinned: Download
) -> None:
    http.pages[f"{INDEX}/build/"] = page(b"other")
    with pytest.raises(IntegrityError, match="the index serves"):
        index_over(world, store, INDEX, http=http).ensure(pinned)
    assert http.requests == [f"{INDEX}/build/"]


def test_second_index_is_asked_where_the_first_has_other_bytes_or_is_down(
    world: World, store: LocalBlobStore, http: ListeningHttp, pinned: Download
) -> None:
    http.pages[f"{MIRROR}/build/"] = page(b"wheel", host="https://mirror.example")
    http.pages[f"https://mirror.example/{NAME}"] = SimPage(body=b"wheel")
    for first in (page(b"other"), SimPage(status=404), SimPage(status=503)):
        http.pages[f"{INDEX}/build/"] = first
        file = index_over(world, store, INDEX, MIRROR, http=http).find_file(
            "build", NAME, digest=pinned.digest
        )
        assert file.url == f"https://mirror.example/{NAME}"
    http.unreachable.add("index.example")
    assert index_over(world, store, INDEX, MIRROR, http=http).ensure(pinned)


@pytest.mark.parametrize("status", [404, 500])
def test_file_that_nobody_serves_is_unavailable(
    world: World, store: LocalBlobStore, http: ListeningHttp, pinned: Download, status: int
) -> None:
    http.pages[f"{INDEX}/build/"] = SimPage(status=status)
    with pytest.raises(UnavailableError) as caught:
        index_over(world, store, INDEX, http=http).ensure(pinned)
    assert caught.value.hint


def test_page_without_end_is_refused(
    world: World, store: LocalBlobStore, http: ListeningHttp
) -> None:
    http.pages[f"{INDEX}/build/"] = page(b"wheel")
    http.pages[f"https://files.example/{NAME}"] = SimPage(body=b"wheel")
    long = len(http.pages[f"{INDEX}/build/"].body)
    allowed = index_over(world, store, INDEX, http=http, page_bytes_max=long)
    assert allowed.find_file("build", NAME).filename == NAME
    limited = index_over(world, store, INDEX, http=http, page_bytes_max=long - 1)
    with pytest.raises(UnavailableError, match="too long"):
        limited.find_file("build", NAME)


def test_size_that_the_lock_does_not_say_is_refused(
    world: World, store: LocalBlobStore, pinned: Download
) -> None:
    store.put(b"wheel")
    with pytest.raises(IntegrityError, match="has 5 bytes"):
        index_over(world, store).ensure(replace(pinned, size_bytes=6))


def test_credentials_stay_with_their_own_host(
    world: World, store: LocalBlobStore, http: ListeningHttp, pinned: Download
) -> None:
    http.pages[f"{INDEX}/build/"] = page(b"wheel")
    http.pages[f"https://files.example/{NAME}"] = SimPage(body=b"wheel")
    secret = INDEX.replace("https://", "https://me:p%40ss@")
    index_over(world, store, secret, http=http).ensure(pinned)
    assert http.headers_seen[f"{INDEX}/build/"]["Authorization"] == "Basic bWU6cEBzcw=="
    assert "Authorization" not in http.headers_seen[f"https://files.example/{NAME}"]
    assert all("me:" not in url for url in http.requests)


def test_name_of_a_project_is_normalised_in_its_address(
    world: World, store: LocalBlobStore, http: ListeningHttp
) -> None:
    index = index_over(world, store, INDEX + "/", http=http)
    with pytest.raises(UnavailableError):
        index.find_file("Ruamel.YAML_lib", NAME)
    assert http.requests == [f"{INDEX}/ruamel-yaml-lib/"]


# --- indexes on disk, through the real door -----------------------------------------------------


@pytest.fixture
def on_disk(tmp_path: Path) -> Path:
    root = tmp_path / "an index"
    (root / "files").mkdir(parents=True)
    (root / "files" / NAME).write_bytes(b"wheel")
    folder = root / "simple" / "build"
    folder.mkdir(parents=True)
    sha256 = hashlib.sha256(b"wheel").hexdigest()
    (folder / "index.html").write_text(f'<a href="../../files/{NAME}#sha256={sha256}">x</a>')
    return root


def test_index_of_folders_is_an_index(
    world: World, store: LocalBlobStore, on_disk: Path, pinned: Download
) -> None:
    for address in ((on_disk / "simple").as_uri(), str(on_disk / "simple")):
        index = index_over(world, store, address)
        assert index.find_file("build", NAME).digest == pinned.digest
        assert index.ensure(pinned).size_bytes == 5
        with pytest.raises(UnavailableError):
            index.find_file("absent", NAME)


def test_folder_of_files_is_found_by_name_and_judged_by_digest(
    world: World, store: LocalBlobStore, on_disk: Path, pinned: Download
) -> None:
    index = index_over(world, store, find_links=(str(on_disk / "files"),))
    assert index.find_file("build", NAME).digest is None
    assert index.ensure(pinned).digest == pinned.digest
    with pytest.raises(IntegrityError):
        index.ensure(replace(pinned, digest=Digest.of(b"other")))


@pytest.mark.clients
def test_configured_index_resolves_and_serves_a_real_wheel(
    world: World, store: LocalBlobStore
) -> None:
    settings = pip_settings_reader(world)
    resolution = PipResolver(world, settings=settings).resolve(
        ("poetry-core>=1",), constraints=("poetry-core==1.9.0",)
    )
    (file,) = resolution.files
    assert (file.name, file.version, file.requested) == ("poetry-core", "1.9.0", True)
    index = PypiIndex(world, store, settings=settings)
    offered = index.find_file(file.name, file.filename, digest=file.digest)
    assert index.download(offered, digest=file.digest).digest == file.digest
