from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealift.base.edge.disk import SystemDisk
from sealift.base.edge.files import DurableFiles
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.release import PublishReport
from sealift.core.signing import SigningDesk
from sealift.stations.publish.model import ReleaseEvidence
from sealift.stations.publish.site import Site
from sealift.stations.publish.steps import PublishSteps
from sealift.stations.publish.tuf_repository import create_root
from sealift.testing.sample_project import RELEASED_AT_S, SampleProject
from sealift.testing.signing_desk import InMemoryDesk

ROOT_AT = datetime.fromtimestamp(RELEASED_AT_S - 86_400, tz=UTC)


class UnsyncedDisk(SystemDisk):
    """A disk that promises nothing: these stories are about what is written, not about crashes."""

    def sync_files(self, paths: Sequence[Path]) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


FILES = DurableFiles(UnsyncedDisk())


@pytest.fixture(scope="session")
def desk() -> SigningDesk:
    return InMemoryDesk(project="jq")


@pytest.fixture(scope="session")
def online_desk() -> SigningDesk:
    return InMemoryDesk(project="jq", locked=True)


@pytest.fixture(scope="session")
def root(desk: SigningDesk) -> bytes:
    return create_root(desk, ROOT_AT)


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "store", FILES)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site" / "jq", FILES, publisher="here-1")


@pytest.fixture
def project(store: LocalBlobStore, desk: SigningDesk) -> SampleProject:
    return SampleProject(store=store, desk=desk)


@pytest.fixture
def python_project(store: LocalBlobStore, desk: SigningDesk) -> SampleProject:
    return SampleProject(
        store=store,
        desk=desk,
        name="rich",
        kinds=("sdist", "wheel"),
        url="https://downloads.example.org/rich",
    )


Publish = Callable[[ReleaseEvidence], PublishReport]


def publish_with(steps: PublishSteps, evidence: ReleaseEvidence) -> PublishReport:
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


@pytest.fixture
def publish(site: Site, root: bytes, store: LocalBlobStore, desk: SigningDesk) -> Publish:
    steps = PublishSteps(site, root=root, store=store, desk=desk)
    return lambda evidence: publish_with(steps, evidence)
