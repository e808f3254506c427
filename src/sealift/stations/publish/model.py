"""What publishing speaks of: files to be, the catalogue of releases, freshness. Pure values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from sealift.core.action import ActionRecord
from sealift.core.digest import Descriptor, Digest
from sealift.core.published import ChainPolicy, ChannelDocument, PublishedArtifact, ReleaseDocument
from sealift.core.release import (
    Attestation,
    AttestReport,
    BuildReport,
    GateReport,
    InspectReport,
    Opening,
    PackageReport,
    ReleasePlan,
    SourceReport,
)

PROJECT_FORMAT: Final = "sealift-project-v1"
PROJECT_TARGET: Final = "project.json"
CHECKSUMS_KEY_TARGET: Final = "keys/checksums.pem"
CHECKSUMS_SIGNATURE_NAME: Final = "SHA256SUMS.sig"
SBOM_SUFFIX: Final = ".cdx.json"
METADATA_SUFFIX: Final = ".metadata"
CONTROL_SUFFIX: Final = ".control"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A file of the tree whose bytes are made here."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of the tree whose bytes lie in the content-addressed store."""

    path: str
    file: Descriptor


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedFile:
    """A second name (a hard link) for the file of the same tree at `source`."""

    path: str
    source: str


TreeFile: TypeAlias = WrittenFile | StoredFile | LinkedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDocument:
    """`project.json`: what the tree's pages say about the project, signed with the targets.

    It makes a tree describe itself, so that moving a channel or refreshing needs no checkout.
    """

    format: str = PROJECT_FORMAT
    name: str
    description: str
    homepage: str
    licence: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFile:
    """One downloadable file and its small metadata.

    `metadata` is the core metadata of a wheel or sdist, or the control paragraph of a deb; empty
    for other kinds.
    """

    artifact: PublishedArtifact
    metadata: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRelease:
    """One release and its files."""

    document: ReleaseDocument
    files: tuple[CatalogueFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that indices and pages are made from, none of it read without verification.

    `releases` are in the order of their release, `channels` sorted by name.
    """

    project: ProjectDocument
    policy: ChainPolicy
    releases: tuple[CatalogueRelease, ...]
    channels: tuple[ChannelDocument, ...]
    root_digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEvidence:
    """The plan and every report of one release: what is published is made from these alone."""

    plan: ReleasePlan
    opening: Opening
    source: SourceReport
    build: BuildReport
    package: PackageReport
    inspect: InspectReport
    attest: AttestReport
    seal: AttestReport
    gate: GateReport

    @property
    def version(self) -> str:
        """The released version."""
        return self.plan.project.version

    @property
    def attestations(self) -> tuple[Attestation, ...]:
        """All attestations in the order in which they are published: the gate's come last."""
        return (*self.attest.attestations, *self.seal.attestations)

    @property
    def records(self) -> tuple[ActionRecord, ...]:
        """Every action in the order of the road."""
        return (self.source.action, *self.build.records, *self.package.records)


FreshnessState = Literal["fresh", "half-life", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFreshness:
    """How long one entry of the tree is still accepted by clients."""

    role: str
    expires: datetime
    state: FreshnessState


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh the published tree is, role by role; `warnings` are sentences with a command."""

    roles: tuple[RoleFreshness, ...]
    warnings: tuple[str, ...]

    @property
    def state(self) -> FreshnessState:
        """The worst state of any role."""
        states = {role.state for role in self.roles}
        if "expired" in states:
            return "expired"
        return "half-life" if "half-life" in states else "fresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReport:
    """What re-signing gave; it has to be done again before `expires`."""

    generation: int
    expires: datetime
    roles: tuple[str, ...]
