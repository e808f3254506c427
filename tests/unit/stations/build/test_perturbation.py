from pathlib import Path

import pytest

from sealift.stations.build.perturbation import CLOCK_OFFSET_S, layout_is_random, perturbation
from sealift.testing.workbench import Workbench

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
GOOD = (
    "mkdir -p out; echo fixed > out/a; ln -s a out/b; "
    "tar --sort=name --mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner --mode=a=rX "
    "-cf $SEALIFT_OUT/a.tar out; gzip -9n $SEALIFT_OUT/a.tar"
)


def test_machine_with_all_means_changes_every_dimension() -> None:
    full = perturbation(
        clock_library=LIBRARY,
        locales=frozenset({"C", "C.utf8", "de_DE.utf8", "tr_TR.utf8"}),
        processors=4,
        can_pin=True,
        order_follows_creation=True,
    )
    environment = dict(full.environment)
    assert environment["LD_PRELOAD"] == LIBRARY
    assert environment["FAKETIME"] == f"+{CLOCK_OFFSET_S}"
    assert environment["NO_FAKE_STAT"] == "1"
    assert environment["LC_ALL"] == "tr_TR.utf8"
    assert full.single_processor
    assert full.last_first
    assert not any("not perturbed" in value for _, value in full.changes)


def test_what_a_machine_cannot_change_is_recorded_as_such() -> None:
    poor = perturbation(clock_library="", locales=frozenset({"C"}), processors=1, can_pin=True)
    assert dict(poor.changes)["clock"] == "not perturbed: no libfaketime"
    assert dict(poor.changes)["processors"].startswith("not perturbed")
    assert dict(poor.changes)["locale"] == "C"
    assert dict(poor.changes)["file-order"].startswith("not perturbed")
    assert not poor.last_first
    assert "LD_PRELOAD" not in dict(poor.environment)
    assert not poor.single_processor


@pytest.mark.parametrize(
    ("kernel", "process", "is_random"),
    [
        ("2\n", "00000000\n", True),
        ("1\n", "00000000\n", True),
        ("0\n", "00000000\n", False),
        ("2\n", "00040000\n", False),
        ("", "what\n", False),
    ],
)
def test_layout_counts_as_random_only_where_kernel_and_process_have_it_so(
    tmp_path: Path, kernel: str, process: str, *, is_random: bool
) -> None:
    (tmp_path / "kernel").write_text(kernel)
    (tmp_path / "process").write_text(process)
    random = layout_is_random(kernel=tmp_path / "kernel", process=tmp_path / "process")
    assert random is is_random
    assert not layout_is_random(kernel=tmp_path / "none", process=tmp_path / "process")


def test_another_perturbation_is_filed_apart() -> None:
    one = perturbation(clock_library=LIBRARY, locales=frozenset(), processors=2, can_pin=True)
    other = perturbation(clock_library="", locales=frozenset(), processors=2, can_pin=True)
    assert one.digest != other.digest
    assert (
        one.digest
        == perturbation(
            clock_library=LIBRARY, locales=frozenset(), processors=2, can_pin=True
        ).digest
    )


def test_second_run_of_a_sound_stage_is_identical(bench: Workbench) -> None:
    record = bench.perform(bench.shell(GOOD, outputs={"tar": "*.tar.gz"}), reproduce=True)
    reproduction = record.reproduction
    assert reproduction is not None
    assert (reproduction.outcome, reproduction.first_difference) == ("identical", "")
    assert reproduction.tree == record.result.tree
    assert len(reproduction.perturbations) == 10


@pytest.mark.parametrize(
    ("dimension", "script"),
    [
        ("clock", "date +%Y > $SEALIFT_OUT/a"),
        ("time-zone", "date -d @0 +%H > $SEALIFT_OUT/a"),
        ("locale", "echo $LC_ALL > $SEALIFT_OUT/a"),
        ("umask", "umask > $SEALIFT_OUT/a"),
        ("processors", "nproc > $SEALIFT_OUT/a"),
        ("user", "id -u > $SEALIFT_OUT/a"),
        ("host-name", "uname -n > $SEALIFT_OUT/a"),
        ("outside-path", "grep ' /build ' /proc/self/mountinfo | cut -d' ' -f4 > $SEALIFT_OUT/a"),
        ("file-order", "ls -U /build/source > $SEALIFT_OUT/a"),
        ("address-layout", "grep stack /proc/self/maps > $SEALIFT_OUT/a"),
        ("chance", "head -c 16 /dev/urandom > $SEALIFT_OUT/a"),
    ],
)
def test_second_run_catches_a_stage_that_depends_on(
    bench: Workbench, dimension: str, script: str
) -> None:
    changes = dict(bench.executor.perturbation().changes)
    if "not perturbed" in changes.get(dimension, ""):
        pytest.skip(f"this machine: {dimension} {changes[dimension]}")
    files = {"source": bench.tree({f"file-{number}": b"" for number in range(9)})}
    record = bench.perform(bench.shell(script, inputs=files, outputs={"all": "*"}), reproduce=True)
    assert record.reproduction is not None
    assert record.reproduction.outcome == "different"
    assert record.reproduction.first_difference.startswith("`a`: sha256:")


def test_lost_executable_bit_and_missing_file_are_differences_too(bench: Workbench) -> None:
    only_here = '[ "$(id -u)" != 1000 ] || {}'
    for script, words in (
        ("cd $SEALIFT_OUT; echo x > a; " + only_here.format("chmod +x a"), "executable in the"),
        ("cd $SEALIFT_OUT; echo x > a; " + only_here.format("echo y > b"), "only the first run"),
        ("cd $SEALIFT_OUT; echo x > a; ln -s $(id -u) b", "points to `1000`"),
    ):
        record = bench.perform(bench.shell(script, outputs={"all": "*"}), reproduce=True)
        assert record.reproduction is not None
        assert words in record.reproduction.first_difference
