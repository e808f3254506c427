import io
import stat
import zipfile
from collections.abc import Mapping

import pytest

from sealift.core.digest import Digest
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.build.cause import first_cause
from sealift.stations.build.comparison import Comparison, compare
from sealift.stations.build.footprints import NOTHING_KNOWN, Footprints
from sealift.stations.build.perturbation import CLOCK_OFFSET_S, footprints, perturbation

KNOWN = footprints(
    perturbation(
        clock_library="/usr/lib/faketime.so",
        locales=frozenset({"tr_TR.utf8"}),
        processors=4,
        can_pin=True,
    )
)
NOW_S = 1_790_000_000
LATER_S = NOW_S + CLOCK_OFFSET_S + 12


def zip_of(files: Mapping[str, bytes], *, year: int = 2001, mode: int = 0o644) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (year, 2, 3, 4, 5, 6))
            info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, data)
    return out.getvalue()


def compared(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> Comparison:
    blobs = {Digest.of(data): data for files in (one, other) for data in files.values()}
    trees = [
        Tree.of(
            TreeEntry(path=path, digest=Digest.of(data), size_bytes=len(data))
            for path, data in files.items()
        )
        for files in (one, other)
    ]
    return compare(trees[0], trees[1], read=lambda each: [blobs[each]], footprints=KNOWN)


@pytest.mark.parametrize(
    ("first", "second", "source"),
    [
        (b"built Nov 22 2026 at", b"built Dec 28 2027 at", "__DATE__ or __TIME__"),
        (b'"date": "2026-11-22"', b'"date": "2027-12-28"', "clock"),
        (b"Date: 22 Nov 2026 10:00:00", b"Date: 28 Dec 2027 15:43:17", "clock"),
        (b"(c) 2026 Ada", b"(c) 2027 Ada", "clock"),
        (f"t={NOW_S};".encode(), f"t={LATER_S};".encode(), "clock"),
        (b"xx" + NOW_S.to_bytes(4, "little"), b"xx" + LATER_S.to_bytes(4, "little"), "clock"),
        (b"xx" + NOW_S.to_bytes(8, "big"), b"xx" + LATER_S.to_bytes(8, "big"), "clock"),
        (b"at 09:30 sharp", b"at 23:30 sharp", "time-zone"),
        (b"built on sealift.", b"built on elsewhere.", "host-name"),
        (b"uid=1000(builder)", b"uid=4242(builder)", "user"),
        (b"LANG is C.UTF-8", b"LANG is tr_TR.utf8", "locale"),
        (b"umask 0022", b"umask 0077", "umask"),
        (b"jobs: 4\n", b"jobs: 1\n", "processors"),
        (b"/scratch/12-0123456789ab/build", b"/scratch/12-ba9876543210/build", "path"),
        (b"cc /tmp/ccA1b2C3.o", b"cc /tmp/ccX9y8Z7.o", "temporary-name"),
        (b"a b c d", b"b a d c", "order"),
        (b"{'x', 'y'}", b"{'y', 'x'}", "order"),
        (b"<object at 0x7f0011223344>", b"<object at 0x7f0099887766>", "address"),
        (b"id 0123456789abcdef0123", b"id fedcba98765432100123", "chance"),
        (b"colour blue", b"colour teal", ""),
        (b"size 17", b"size 19", ""),
    ],
)
def test_source_of_a_difference_is_guessed_from_what_was_perturbed(
    first: bytes, second: bytes, source: str
) -> None:
    cause = first_cause("a", first, second, KNOWN)
    assert cause.source == source
    assert bool(cause.hint) == bool(source)


def test_numbers_apart_by_something_else_than_the_clock_are_not_taken_for_times() -> None:
    one, other = f"t={NOW_S};".encode(), f"t={NOW_S + 777};".encode()
    assert first_cause("a", one, other, KNOWN).source == ""
    assert first_cause("a", one, other, NOTHING_KNOWN).source == "clock"


def test_cause_is_found_inside_of_nested_archives_with_offset_and_bytes() -> None:
    inner = [zip_of({"lib/a.py": b"x = 1\n" + text, "lib/z": b""}) for text in (b"abc", b"abd")]
    one = zip_of({"in.jar": inner[0], "z.pyc": b"-"})
    other = zip_of({"in.jar": inner[1], "z.pyc": b"+"}, year=2020)
    cause = first_cause("dist/a.whl", one, other, NOTHING_KNOWN)
    assert cause.place == "`dist/a.whl` → `in.jar` → `lib/a.py`"
    assert cause.found == 'at offset 8: 63 "c" in the first run, 64 "d" in the second'
    assert cause.words().endswith("its source is unknown")


def test_member_that_one_archive_lacks_is_the_cause() -> None:
    cause = first_cause("a.zip", zip_of({"a": b""}), zip_of({"a": b"", "b": b""}), NOTHING_KNOWN)
    assert cause.found == "only the second run's archive holds `b`"


def test_end_of_the_shorter_file_is_said_as_such() -> None:
    assert "the end in the first run" in first_cause("a", b"one", b"one more", KNOWN).found


def test_mode_of_a_member_points_at_the_umask() -> None:
    one, other = zip_of({"a": b""}, mode=0o755), zip_of({"a": b""}, mode=0o644)
    cause = first_cause("a.zip", one, other, Footprints())
    assert cause.found == "`a` has mode 0755 in the first run, 0644 in the second"
    assert (cause.source, "install -m" in cause.hint) == ("umask", True)


def test_trees_that_differ_in_metadata_are_equivalent_by_name_of_stabiliser() -> None:
    said = compared({"a.whl": zip_of({"x": b"1"})}, {"a.whl": zip_of({"x": b"1"}, year=2020)})
    assert said.outcome == "equivalent"
    assert said.stabilisers == ("zip-metadata@1",)
    assert said.reason == "equal after zip-metadata@1"
    assert said.first_difference.startswith("`a.whl`: sha256:")


def test_one_file_that_really_differs_makes_all_of_the_tree_different() -> None:
    said = compared(
        {"a.whl": zip_of({"x": b"1"}), "b": b"built Nov 22 2026 here"},
        {"a.whl": zip_of({"x": b"1"}, year=2020), "b": b"built Nov 23 2026 here"},
    )
    assert (said.outcome, said.stabilisers) == ("different", ())
    assert said.first_difference.startswith("`a.whl`")
    assert said.reason.startswith("`b`, at offset 11:")
    assert "__DATE__" in said.reason


def test_equal_trees_are_identical_and_a_missing_file_is_not_equivalent() -> None:
    assert compared({"a": b"1"}, {"a": b"1"}).outcome == "identical"
    assert compared({"a": b"1"}, {"a": b"1", "b": b""}).outcome == "different"
