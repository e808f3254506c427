import dataclasses
import io
import zipfile
from collections.abc import Mapping

import pytest

from sealift.base.store.trees import load_tree
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError, UnavailableError
from sealift.core.release import Download
from sealift.stations.build.fetch import Fetcher, fetch_action
from sealift.testing.workbench import Workbench, stage_plan

STAGE = stage_plan("backend", kind="fetch", inputs=("pypi:lamp",))


class Shelf:
    """A downloader that has its files at hand; `asked` lists what was asked for."""

    def __init__(self, bench: Workbench, files: Mapping[str, bytes]) -> None:
        self._store = bench.store
        self._files = dict(files)
        self.asked: list[str] = []

    def ensure(self, download: Download) -> Descriptor:
        """Store the file, whatever it is."""
        self.asked.append(download.filename)
        if download.filename not in self._files:
            raise UnavailableError(fact=f"nothing serves `{download.filename}`")
        return self._store.put(self._files[download.filename])


def wheel_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return buffer.getvalue()


def pinned(filename: str, data: bytes) -> Download:
    return Download(
        group="backend",
        name=filename.partition("-")[0],
        version="1.0",
        filename=filename,
        digest=Digest.of(data),
        size_bytes=len(data),
        purl=f"pkg:pypi/{filename.partition('-')[0]}@1.0",
    )


def fetcher(bench: Workbench, shelf: Shelf) -> Fetcher:
    return Fetcher(
        downloader=shelf,
        cache=bench.cache,
        store=bench.store,
        clock=bench.world.clock,
        progress=bench.heard,
    )


LAMP = wheel_of({"lamp/__init__.py": b"1"})
OIL = wheel_of({"oil.py": b"2", "lamp/py.typed": b""})
SDIST = b"an sdist is not unpacked"
FILES = {
    "lamp-1.0-py3-none-any.whl": LAMP,
    "oil-1.0-py3-none-any.whl": OIL,
    "wick-1.0.tar.gz": SDIST,
}
DOWNLOADS = [pinned(name, data) for name, data in FILES.items()]


def test_fetched_tree_holds_the_files_and_the_wheels_contents(bench: Workbench) -> None:
    record = fetcher(bench, Shelf(bench, FILES)).fetch(STAGE, DOWNLOADS)
    tree = load_tree(bench.store, record.result.tree)
    assert [entry.path for entry in tree.entries] == [
        "files/lamp-1.0-py3-none-any.whl",
        "files/oil-1.0-py3-none-any.whl",
        "files/wick-1.0.tar.gz",
        "site/lamp/__init__.py",
        "site/lamp/py.typed",
        "site/oil.py",
    ]
    assert record.action.kind == "fetch"
    assert dict(record.action.parameters) == {
        name: str(Digest.of(data)) for name, data in FILES.items()
    }
    assert record.result.isolation.sandbox == "none"


def test_second_fetch_is_cached_and_asks_nobody(bench: Workbench) -> None:
    first = fetcher(bench, Shelf(bench, FILES)).fetch(STAGE, DOWNLOADS)
    offline = Shelf(bench, {})
    second = fetcher(bench, offline).fetch(STAGE, DOWNLOADS)
    assert (second.result, second.cached, offline.asked) == (first.result, True, [])
    assert bench.heard.said() == [
        "started fetch backend",
        "finished fetch backend",
        "cached fetch backend",
    ]


def test_file_with_another_digest_than_the_locks_is_refused(bench: Workbench) -> None:
    shelf = Shelf(bench, FILES | {"wick-1.0.tar.gz": b"swapped"})
    with pytest.raises(IntegrityError, match=r"wick-1\.0\.tar\.gz"):
        fetcher(bench, shelf).fetch(STAGE, DOWNLOADS)
    assert bench.heard.said()[-1] == "failed fetch backend"


def test_two_wheels_may_share_a_path_only_with_the_same_contents(bench: Workbench) -> None:
    same = wheel_of({"lamp/__init__.py": b"1", "other.py": b""})
    swapped = wheel_of({"lamp/__init__.py": b"other", "other.py": b""})
    for data, name in ((same, "same-1.0-py3-none-any.whl"), (swapped, "evil-1.0-py3-none-any.whl")):
        files = {"lamp-1.0-py3-none-any.whl": LAMP, name: data}
        downloads = [pinned(each, content) for each, content in files.items()]
        shelf = Shelf(bench, files)
        if data == same:
            assert fetcher(bench, shelf).fetch(STAGE, downloads).result.tree
        else:
            with pytest.raises(IntegrityError, match="with other contents"):
                fetcher(bench, shelf).fetch(STAGE, downloads)


def test_stage_for_which_nothing_is_locked_has_a_hint(bench: Workbench) -> None:
    with pytest.raises(ConfigError, match="stage `backend`: nothing is locked") as caught:
        fetcher(bench, Shelf(bench, {})).fetch(STAGE, [])
    assert caught.value.hint == "run `sealift lock`"


def test_key_depends_on_the_pinned_digests_and_not_on_their_order() -> None:
    key = fetch_action(STAGE, DOWNLOADS).digest
    assert fetch_action(STAGE, DOWNLOADS[::-1]).digest == key
    changed = dataclasses.replace(DOWNLOADS[0], digest=Digest.of(b"other"))
    assert fetch_action(STAGE, [changed, *DOWNLOADS[1:]]).digest != key
