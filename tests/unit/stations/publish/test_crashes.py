"""The power goes at every single disk operation: visitors see the old tree or the new one, whole.

Publishing again afterwards always succeeds and gives the very tree that an undisturbed run gives.
"""

from pathlib import Path

import pytest

from sealift.base.edge.files import DurableFiles
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.errors import UnavailableError
from sealift.core.release import PublishReport
from sealift.core.signing import SigningDesk
from sealift.stations.publish.model import LinkedFile, ReleaseEvidence, TreeFile, WrittenFile
from sealift.stations.publish.site import Site, relative_files
from sealift.stations.publish.steps import PublishSteps
from sealift.stations.publish.trusted_tree import TrustedTree
from sealift.testing.disk import SimDisk, SimulatedCrash
from sealift.testing.sample_project import RELEASED_AT_S, SampleProject

OLD = {"index.html": b"one", "kept/file": b"same"}
NEW = {"index.html": b"two", "kept/file": b"same", "kept/link": b"new", "new/file": b"new"}


def accept(folder: Path) -> None:
    del folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in relative_files(folder)}


def publish_old(site: Site) -> None:
    files = [WrittenFile(path=path, data=data) for path, data in OLD.items()]
    site.publish(site.settle(), files, check=accept)


def publish_new(site: Site) -> None:
    files: list[TreeFile] = [
        WrittenFile(path="index.html", data=NEW["index.html"]),
        WrittenFile(path="new/file", data=NEW["new/file"]),
        LinkedFile(path="kept/link", source="new/file"),
    ]
    site.publish(site.settle(), files, check=accept)


def prepared(folder: Path, seed: int) -> tuple[Site, SimDisk]:
    folder.mkdir()
    disk = SimDisk(folder, seed=seed)
    site = Site(folder / "site", DurableFiles(disk), publisher="here-1")
    publish_old(site)
    return site, disk


def operations_of_a_publication(folder: Path) -> int:
    site, disk = prepared(folder, 0)
    before = disk.operations
    publish_new(site)
    return disk.operations - before


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crash_at_any_operation_shows_one_whole_tree_and_can_be_repeated(
    tmp_path: Path, seed: int
) -> None:
    for number in range(1, operations_of_a_publication(tmp_path / "count") + 1):
        site, disk = prepared(tmp_path / f"at-{number}", seed)
        disk.crash_at = disk.operations + number
        with pytest.raises(SimulatedCrash):
            publish_new(site)
        disk.recover()
        shown = contents(site.folder / "current")
        assert shown in (OLD, NEW), number
        settled = site.settle()
        assert settled is not None
        if settled.number == 1:
            publish_new(site)
        assert contents(site.folder / "current") == NEW, number
        names = {path.name for path in (site.folder / "generations").iterdir()}
        assert names == {"1", "2"}, number


def test_a_crash_in_the_switch_itself_loses_it_or_keeps_it_whole(tmp_path: Path) -> None:
    last = operations_of_a_publication(tmp_path / "count")
    seen = set()
    for seed in range(12):
        site, disk = prepared(tmp_path / f"seed-{seed}", seed)
        disk.crash_at = disk.operations + last
        with pytest.raises(SimulatedCrash):
            publish_new(site)
        disk.recover()
        shown = contents(site.folder / "current")
        assert shown in (OLD, NEW), seed
        seen.add(len(shown))
        site.settle()
        assert contents(site.folder / "current") == NEW, seed
    assert seen == {len(OLD), len(NEW)}


def test_a_disk_that_is_full_at_any_write_changes_nothing(tmp_path: Path) -> None:
    site, disk = prepared(tmp_path / "full", 1)
    for number in range(1, 20):
        disk.full_at = disk.writes + number
        try:
            publish_new(site)
        except UnavailableError:
            assert contents(site.folder / "current") == OLD
            assert contents(site.folder / "generations") == {
                f"1/{path}": data for path, data in OLD.items()
            }
            continue
        break
    else:
        pytest.fail("the publication never got through")
    assert number > 1
    assert contents(site.folder / "current") == NEW


def run(steps: PublishSteps, evidence: ReleaseEvidence) -> PublishReport:
    return steps.publish(
        evidence.plan,
        evidence.opening,
        evidence.source,
        evidence.build,
        evidence.package,
        evidence.inspect,
        evidence.attest,
        evidence.seal,
        evidence.gate,
    )


@pytest.mark.slow
def test_a_release_interrupted_at_any_operation_ends_in_the_same_tree(
    tmp_path: Path, store: LocalBlobStore, desk: SigningDesk, root: bytes
) -> None:
    project = SampleProject(store=store, desk=desk)
    first = project.release("1.8.1")
    second = project.release("1.8.2", released_at_s=RELEASED_AT_S + 60)

    def steps(folder: Path) -> tuple[Site, SimDisk, PublishSteps]:
        folder.mkdir()
        disk = SimDisk(folder, seed=7)
        site = Site(folder / "site", DurableFiles(disk), publisher="here-1")
        made = PublishSteps(site, root=root, store=store, desk=desk)
        run(made, first)
        return site, disk, made

    site, disk, made = steps(tmp_path / "undisturbed")
    before = disk.operations
    run(made, second)
    total = disk.operations - before
    wanted = contents(site.folder / "current")
    for number in range(1, total + 1, 23):
        site, disk, made = steps(tmp_path / f"at-{number}")
        disk.crash_at = disk.operations + number
        with pytest.raises(SimulatedCrash):
            run(made, second)
        disk.recover()
        TrustedTree(site.folder / "current", root)
        run(made, second)
        assert contents(site.folder / "current") == wanted, number
