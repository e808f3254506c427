"""The ports of the station: who lists components, who inspects, who knows the distribution.

One verb each. A driver of `Inspector` counts what it looked at; what it could not look at is
`unknown` with a reason, never `pass`.
"""

from dataclasses import dataclass
from typing import Protocol

from sealift.base.specs.cyclonedx import Bill
from sealift.core.artifact import Artifact
from sealift.core.digest import Descriptor
from sealift.core.release import BuildReport, Opening, PackageReport, ReleasePlan, SourceReport
from sealift.core.verdict import Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """All that is known of a release when it gets inspected."""

    plan: ReleasePlan
    opening: Opening
    source: SourceReport
    build: BuildReport
    package: PackageReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactBill:
    """The components of one artifact and the SBOM that lists them, in the store."""

    artifact: Artifact
    bill: Bill
    file: Descriptor


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an inspector looks at: the release and the bills of its artifacts, sorted by name."""

    release: Release
    bills: tuple[ArtifactBill, ...]


class SbomMaker(Protocol):
    """List what an artifact is made of."""

    def compose(self, release: Release, artifact: Artifact) -> Bill:
        """Return the artifact's bill: deterministic, from what the build really took in.

        Raises IntegrityError when the artifact or an input is not what its kind promises.
        """


class Inspector(Protocol):
    """Look at a release and say what was found."""

    def inspect(self, subject: Subject) -> Inspection:
        """Return counts, facts and findings in a stable order.

        Raises nothing for bad data: that is an `unknown` with its reason. UnavailableError is for
        the machine (a full disk).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackage:
    """An installed package of the distribution. `version` is empty when it is not known."""

    name: str
    version: str


class SystemPackages(Protocol):
    """What the toolchain's distribution has installed."""

    @property
    def distribution(self) -> str:
        """The distribution's id, such as `debian`; empty when it is not known."""

    def package(self, name: str) -> SystemPackage:
        """Return the package of that name, its version empty when it is not installed."""

    def library_owner(self, soname: str) -> SystemPackage | None:
        """Return the package that provides a shared library; None when nobody says so."""
