"""The generations: all or nothing, one winner, and nothing half-done is ever seen."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sealift.base.edge.real import DurableFiles
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.limits import GENERATIONS_KEPT
from sealift.stations.publish.model import LinkedFile, StoredFile, TreeFile, WrittenFile
from sealift.stations.publish.site import Generation, Site, relative_files


def accept(folder: Path) -> None:
    del folder


def written(path: str, text: str) -> WrittenFile:
    return WrittenFile(path=path, data=text.encode())


def publish(site: Site, *changes: TreeFile) -> Generation:
    return site.publish(site.settle(), changes, check=accept)


class LyingFiles(DurableFiles):
    """A disk that writes one byte wrongly."""

    def write_durably(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        super().write_durably(path, data[:-1] + b"?", mode=mode)


class FullDisk(DurableFiles):
    """A disk that is full once `room` files are written."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write_durably(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        if self._room == 0:
            raise UnavailableError(fact="no space is left")
        self._room -= 1
        super().write_durably(path, data, mode=mode)


class CrashedError(BaseException):
    """The process dies here."""


class CrashingFiles(DurableFiles):
    """Die before the symlink is replaced; from then on no clean-up happens either."""

    dead = False

    def replace_symlink(self, link: Path, target: str) -> None:
        self.dead = True
        raise CrashedError(link, target)

    def move_durably(self, moves: Sequence[tuple[Path, Path]], *, mode: int = 0o644) -> None:
        if self.dead:
            raise CrashedError
        super().move_durably(moves, mode=mode)

    def remove(self, path: Path) -> None:
        if ".staging" in path.name and path.exists():
            raise CrashedError
        super().remove(path)


class StuckLink(DurableFiles):
    """The link cannot be replaced, but all else works."""

    def replace_symlink(self, link: Path, target: str) -> None:
        raise UnavailableError(fact=f"no space is left to point {link} at {target}")


def test_nothing_is_shown_before_the_first_generation(site: Site) -> None:
    assert site.current() is None
    assert site.settle() is None


def test_first_generation_is_number_one_and_shown_by_a_relative_link(site: Site) -> None:
    publish(site, written("index.html", "one"))
    assert (site.folder / "current").readlink() == Path("generations/1")
    assert (site.folder / "current" / "index.html").read_text() == "one"


def test_what_did_not_change_is_the_same_file_in_the_next_generation(site: Site) -> None:
    first = publish(site, written("a/same", "s"), written("changed", "1"))
    second = publish(site, written("changed", "2"))
    assert (second.folder / "a/same").samefile(first.folder / "a/same")
    assert (first.folder / "changed").read_text() == "1"
    assert (second.folder / "changed").read_text() == "2"


def test_a_link_is_one_file_with_its_source(site: Site) -> None:
    one = publish(site, LinkedFile(path="z", source="b/a"), written("b/a", "x"))
    assert (one.folder / "z").samefile(one.folder / "b/a")


def test_a_link_to_nothing_is_refused_and_nothing_is_shown(site: Site) -> None:
    with pytest.raises(IntegrityError, match="not in the tree"):
        publish(site, LinkedFile(path="z", source="b/a"))
    assert site.settle() is None
    assert relative_files(site.folder) == []


def test_a_link_that_was_carried_over_is_not_made_again(site: Site) -> None:
    link = LinkedFile(path="z", source="a")
    first = publish(site, written("a", "x"), link)
    second = publish(site, link)
    assert (second.folder / "z").samefile(first.folder / "a")


def test_a_planted_file_at_a_links_place_is_replaced(site: Site) -> None:
    first = publish(site, written("a", "x"))
    (first.folder / "z").write_text("planted")
    second = publish(site, LinkedFile(path="z", source="a"))
    assert (second.folder / "z").read_text() == "x"


def test_stored_files_are_copies_so_that_the_web_root_cannot_reach_the_store(
    site: Site, store: LocalBlobStore
) -> None:
    blob = store.put(b"artifact")
    one = site.publish(None, [StoredFile(path="f", file=blob)], store=store, check=accept)
    assert (one.folder / "f").read_bytes() == b"artifact"
    assert not (one.folder / "f").samefile(store.path(blob.digest))


def test_removed_files_are_left_out_of_the_next_generation_only(site: Site) -> None:
    first = publish(site, written("old", "x"), written("kept", "x"))
    second = site.publish(first, [], removed=["old"], check=accept)
    assert relative_files(second.folder) == ["kept"]
    assert relative_files(first.folder) == ["kept", "old"]


@pytest.mark.parametrize("path", ["../out", "/absolute", "a//b", "a/./b", "new\nline", ""])
def test_a_path_that_leads_out_is_refused(site: Site, path: str) -> None:
    with pytest.raises(IntegrityError):
        publish(site, written(path, "x"))


def test_one_path_twice_is_refused(site: Site) -> None:
    with pytest.raises(IntegrityError, match="twice"):
        publish(site, written("a", "1"), written("a", "2"))


def test_bytes_that_do_not_read_back_are_never_shown(tmp_path: Path) -> None:
    site = Site(tmp_path / "s", LyingFiles(), publisher="here-1")
    with pytest.raises(IntegrityError, match="read back") as raised:
        publish(site, written("a", "right"))
    assert str(Digest.of(b"right")) in raised.value.expected
    assert site.settle() is None
    assert relative_files(site.folder) == []


def test_a_refused_check_leaves_the_old_generation_shown(site: Site) -> None:
    publish(site, written("a", "1"))

    def refuse(folder: Path) -> None:
        raise IntegrityError(fact=f"{folder.name} is bad")

    with pytest.raises(IntegrityError, match="is bad"):
        site.publish(site.settle(), [written("a", "2")], check=refuse)
    assert (site.folder / "current" / "a").read_text() == "1"
    assert [path.name for path in (site.folder / "generations").iterdir()] == ["1"]


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_full_disk_leaves_no_half_generation(tmp_path: Path, room: int) -> None:
    site = Site(tmp_path / "s", DurableFiles(), publisher="here-1")
    publish(site, written("a", "1"))
    full = Site(tmp_path / "s", FullDisk(room), publisher="here-1")
    with pytest.raises(UnavailableError):
        publish(full, written("a", "2"), written("b", "2"), written("c", "2"))
    assert relative_files(site.folder / "generations") == ["1/a"]


def test_of_two_publishers_only_one_wins(site: Site, tmp_path: Path) -> None:
    base = publish(site, written("a", "1"))
    other = Site(site.folder, DurableFiles(), publisher="there-2")
    other.publish(base, [written("a", "theirs")], check=accept)
    with pytest.raises(UnavailableError, match="someone else") as raised:
        site.publish(base, [written("a", "ours")], check=accept)
    assert raised.value.hint
    assert (site.folder / "current" / "a").read_text() == "theirs"
    del tmp_path


def test_a_publisher_that_slept_past_pruning_still_loses(site: Site) -> None:
    base = publish(site, written("a", "0"))
    for number in range(GENERATIONS_KEPT + 2):
        publish(site, written("a", str(number)))
    assert not base.folder.exists()
    with pytest.raises((UnavailableError, FileNotFoundError)):
        site.publish(Generation(number=1, folder=base.folder), [], check=accept)
    assert (site.folder / "current" / "a").read_text() == str(GENERATIONS_KEPT + 1)


def test_a_sleeper_with_a_free_number_is_overtaken_all_the_same(site: Site) -> None:
    for number in range(GENERATIONS_KEPT + 2):
        publish(site, written("a", str(number)))
    with pytest.raises(UnavailableError, match="someone else"):
        site.publish(None, [written("a", "stale")], check=accept)


def crash(site: Site, step: Callable[[Site], object]) -> None:
    crashing = Site(site.folder, CrashingFiles(), publisher="dead-9")
    with pytest.raises(CrashedError):
        step(crashing)


def test_a_crash_before_the_switch_is_rolled_forward(site: Site) -> None:
    publish(site, written("a", "1"))
    base = site.settle()
    crash(site, lambda dying: dying.publish(base, [written("a", "2")], check=accept))
    assert (site.folder / "current" / "a").read_text() == "1"
    settled = site.settle()
    assert settled is not None
    assert settled.number == 2
    assert (site.folder / "current" / "a").read_text() == "2"


def test_a_failure_to_show_takes_the_generation_back(site: Site) -> None:
    publish(site, written("a", "1"))
    stuck = Site(site.folder, StuckLink(), publisher="here-1")
    with pytest.raises(UnavailableError, match="no space"):
        publish(stuck, written("a", "2"))
    # What was reported as failed must not appear when the next publisher cleans up.
    settled = site.settle()
    assert settled is not None
    assert settled.number == 1
    assert [path.name for path in (site.folder / "generations").iterdir()] == ["1"]


def test_a_crash_while_staging_is_swept(site: Site) -> None:
    base = publish(site, written("a", "1"))

    def die(folder: Path) -> None:
        raise CrashedError(folder)

    crash(site, lambda dying: dying.publish(base, [written("a", "2")], check=die))
    assert any(path.name.startswith(".staging") for path in base.folder.parent.iterdir())
    settled = site.settle()
    assert settled == base
    assert [path.name for path in base.folder.parent.iterdir()] == ["1"]


def test_a_late_sweep_goes_on_where_it_was_interrupted(site: Site) -> None:
    base = publish(site, written("a", "1"))
    (base.folder.parent / ".swept-staging-2-x").mkdir()
    site.settle()
    assert [path.name for path in base.folder.parent.iterdir()] == ["1"]


def test_only_the_last_generations_are_kept(site: Site) -> None:
    for number in range(GENERATIONS_KEPT + 3):
        publish(site, written("a", str(number)))
    kept = sorted(int(path.name) for path in (site.folder / "generations").iterdir())
    assert kept == list(range(4, GENERATIONS_KEPT + 4))


@pytest.mark.parametrize("target", ["elsewhere/1", "generations/x", "/etc"])
def test_a_link_to_a_foreign_place_is_refused(site: Site, target: str) -> None:
    publish(site, written("a", "1"))
    (site.folder / "current").unlink()
    (site.folder / "current").symlink_to(target)
    with pytest.raises(IntegrityError, match="current"):
        site.current()
