from collections.abc import Mapping
from pathlib import Path

import pytest

from sealift.base.edge.files import DurableFiles
from sealift.base.specs.cyclonedx import Bill
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.base.store.port import BlobStore
from sealift.core.artifact import Artifact
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.limits import SBOM_BYTES_MAX
from sealift.core.progress import ProgressEvent
from sealift.core.release import InspectReport, PackageReport
from sealift.core.verdict import Inspection
from sealift.stations.inspect.components import artifact_component
from sealift.stations.inspect.drivers.dpkg import DpkgPackages
from sealift.stations.inspect.drivers.osv_feed import OsvFeedInspector
from sealift.stations.inspect.drivers.sbom import RecordedSbom
from sealift.stations.inspect.port import Inspector, Release, SbomMaker, Subject
from sealift.stations.inspect.steps import InspectSteps
from sealift.testing.releases import SampleRelease, python_release


class EmptySbom:
    """Understands nothing."""

    def compose(self, release: Release, artifact: Artifact) -> Bill:
        return Bill(
            timestamp=release.opening.released_at,
            subject=artifact_component(release.plan, artifact, release.source.tree),
            commit=release.plan.source.commit,
            components=(),
            tool_version="1",
        )


class Choking:
    """Fails with the error it was given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def inspect(self, subject: Subject) -> Inspection:
        del subject
        raise self._error


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return LocalBlobStore(tmp_path / "store", DurableFiles())


def inspect(
    store: BlobStore,
    sample: SampleRelease,
    *,
    sbom: SbomMaker | None = None,
    inspectors: Mapping[str, Inspector] | None = None,
    events: list[ProgressEvent] | None = None,
) -> InspectReport:

    def note(event: ProgressEvent) -> None:
        if events is not None:
            events.append(event)

    steps = InspectSteps(
        store=store,
        sbom=sbom or RecordedSbom(store=store, system=DpkgPackages()),
        inspectors=inspectors or {},
        progress=note,
    )
    return steps.inspect(sample.plan, sample.opening, sample.source, sample.build, sample.package)


def test_every_artifact_gets_an_sbom_that_lies_in_the_store(store: BlobStore) -> None:
    sample = python_release(store)
    events: list[ProgressEvent] = []
    report = inspect(store, sample, events=events)
    assert [one.artifact for one in report.sboms] == [
        "kite-1.2.0-py3-none-any.whl",
        "kite-1.2.0.tar.gz",
    ]
    for sbom in report.sboms:
        assert sbom.components == 9
        assert b'"CycloneDX"' in store.read(sbom.file.digest, size_bytes_max=SBOM_BYTES_MAX)
    (inspection,) = report.inspections
    assert (inspection.inspector, inspection.outcome) == ("sbom", "pass")
    assert [event.subject for event in events] == [
        "sbom kite-1.2.0-py3-none-any.whl",
        "sbom kite-1.2.0.tar.gz",
        "sbom",
    ]


def test_inspecting_twice_gives_the_same_report(store: BlobStore, tmp_path: Path) -> None:
    sample = python_release(store)
    advisories = OsvFeedInspector(
        feed=None, index_folder=tmp_path / "advisories", files=DurableFiles()
    )
    first = inspect(store, sample, inspectors={"advisories": advisories})
    assert first == inspect(store, sample, inspectors={"advisories": advisories})
    assert [one.inspector for one in first.inspections] == ["sbom", "advisories"]
    assert first.inspections[1].reason == "no advisory feed"


def test_an_artifact_nobody_understands_is_unknown(store: BlobStore) -> None:
    report = inspect(store, python_release(store), sbom=EmptySbom())
    (inspection,) = report.inspections
    assert inspection.outcome == "unknown"
    assert "kite-1.2.0.tar.gz" in inspection.reason


def test_a_release_without_artifacts_is_unknown(store: BlobStore) -> None:
    sample = python_release(store)
    steps = InspectSteps(store=store, sbom=EmptySbom(), inspectors={})
    nothing = PackageReport(artifacts=(), records=())
    report = steps.inspect(sample.plan, sample.opening, sample.source, sample.build, nothing)
    assert (report.sboms, report.inspections[0].outcome) == ((), "unknown")


def test_an_inspector_that_chokes_is_unknown_with_its_words(store: BlobStore) -> None:
    choking = Choking(IntegrityError(fact="the wheel is no zip"))
    report = inspect(store, python_release(store), inspectors={"choking": choking})
    assert report.inspections[1].outcome == "unknown"
    assert "the wheel is no zip" in report.inspections[1].reason


def test_a_full_disk_is_no_finding_and_is_raised(store: BlobStore) -> None:
    choking = Choking(UnavailableError(fact="the disk is full"))
    with pytest.raises(UnavailableError):
        inspect(store, python_release(store), inspectors={"choking": choking})
