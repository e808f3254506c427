from pathlib import Path

import pytest

from sealift.core.errors import IntegrityError
from sealift.core.limits import KIB, MIB, TREE_BYTES_MAX
from sealift.stations.build import outputs
from sealift.stations.build.outputs import refuse_excess
from sealift.stations.build.work_watch import WorkLimits, WorkWatch
from sealift.testing.simulation import SimClock


def watch(
    folder: Path, limits: WorkLimits, log_bytes: int = 0, clock: SimClock | None = None
) -> WorkWatch:
    return WorkWatch(
        folder,
        stage="odd",
        limits=limits,
        clock=clock or SimClock(),
        log_bytes=lambda: log_bytes,
    )


def test_work_within_its_limits_goes_on(tmp_path: Path) -> None:
    watching = watch(tmp_path, WorkLimits())
    (tmp_path / "file").write_bytes(b"x" * MIB)
    assert not watching()
    assert watching.excess is None


def test_log_one_byte_past_its_limit_ends_the_run(tmp_path: Path) -> None:
    limits = WorkLimits(log_bytes_max=100)
    assert not watch(tmp_path, limits, log_bytes=100)()
    over = watch(tmp_path, limits, log_bytes=101)
    assert over()
    assert over.excess is not None
    assert over.excess.fact.endswith("it wrote more than 100 bytes to its log")
    assert over.excess.where == "stage `odd`"


def test_disk_that_others_fill_is_no_fault_of_this_run(tmp_path: Path) -> None:
    mine, others = tmp_path / "mine", tmp_path / "others"
    mine.mkdir()
    watching = watch(mine, WorkLimits(bytes_max=MIB, files_max=20))
    others.mkdir()
    for number in range(40):
        (others / str(number)).write_bytes(b"x" * 64 * KIB)
    assert not watching()


def test_work_that_hides_behind_what_others_free_is_measured_from_time_to_time(
    tmp_path: Path,
) -> None:
    clock = SimClock()
    mine, others = tmp_path / "mine", tmp_path / "others"
    mine.mkdir()
    others.mkdir()
    for number in range(400):
        (others / str(number)).write_bytes(b"x")
    watching = watch(mine, WorkLimits(files_max=20), clock=clock)
    for number in range(400):
        (others / str(number)).unlink()
    for number in range(20):
        (mine / str(number)).write_bytes(b"x")
    clock.advance(60)
    assert not watching()
    (mine / "one more").write_bytes(b"x")
    clock.advance(60)
    assert watching()
    assert watching.excess is not None
    assert watching.excess.fact.endswith("it made more than 20 files")


def test_outputs_are_counted_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    with (tmp_path / "a" / "sparse").open("wb") as file:
        file.truncate(TREE_BYTES_MAX)
    refuse_excess(tmp_path, select=lambda _: True)
    (tmp_path / "b").write_bytes(b"x")
    with pytest.raises(IntegrityError, match="bytes of files"):
        refuse_excess(tmp_path, select=lambda _: True)
    refuse_excess(tmp_path, select=lambda path: path == "b")
    monkeypatch.setattr(outputs, "TREE_ENTRIES_MAX", 1)
    refuse_excess(tmp_path, select=lambda path: path == "b")
    (tmp_path / "c").write_bytes(b"")
    with pytest.raises(IntegrityError, match="more than 1 files"):
        refuse_excess(tmp_path, select=lambda path: path in {"b", "c"})
