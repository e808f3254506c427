"""The station's durable step: bills of materials first, then every inspector over them."""

from collections.abc import Mapping, Sequence
from typing import Final

from sealift.base.specs.cyclonedx import encode_bill
from sealift.base.store.port import BlobStore
from sealift.core.errors import IntegrityError
from sealift.core.progress import Progress, ProgressEvent, silent
from sealift.core.release import (
    BuildReport,
    InspectReport,
    Opening,
    PackageReport,
    ReleasePlan,
    Sbom,
    SourceReport,
)
from sealift.core.verdict import Inspection
from sealift.stations.inspect.port import ArtifactBill, Inspector, Release, SbomMaker, Subject

SBOM_INSPECTOR: Final = "sbom"


class InspectSteps:
    """Say what is inside of every artifact, and what is known about it.

    `inspectors` run in their given order, which is the order of the report.
    """

    def __init__(
        self,
        *,
        store: BlobStore,
        sbom: SbomMaker,
        inspectors: Mapping[str, Inspector],
        progress: Progress = silent,
    ) -> None:
        self._store = store
        self._sbom = sbom
        self._inspectors = inspectors
        self._progress = progress

    def inspect(
        self,
        plan: ReleasePlan,
        opening: Opening,
        source: SourceReport,
        build: BuildReport,
        package: PackageReport,
    ) -> InspectReport:
        """Write one SBOM an artifact and run every inspector. Idempotent.

        Raises IntegrityError when an artifact is not what its kind promises.
        """
        release = Release(plan=plan, opening=opening, source=source, build=build, package=package)
        with self._store.transaction():
            bills = tuple(self._bill(release))
        inspections = [_judge_bills(bills)]
        subject = Subject(release=release, bills=bills)
        inspections += [
            _inspect(name, inspector, subject) for name, inspector in self._inspectors.items()
        ]
        for inspection in inspections:
            self._say(inspection)
        return InspectReport(
            sboms=tuple(
                Sbom(
                    artifact=one.artifact.name,
                    file=one.file,
                    components=len(one.bill.components),
                )
                for one in bills
            ),
            inspections=tuple(inspections),
        )

    def _bill(self, release: Release) -> Sequence[ArtifactBill]:
        bills: list[ArtifactBill] = []
        for artifact in sorted(release.package.artifacts, key=lambda one: one.name):
            bill = self._sbom.compose(release, artifact)
            file = self._store.put(encode_bill(bill))
            bills.append(ArtifactBill(artifact=artifact, bill=bill, file=file))
            self._progress(
                ProgressEvent(
                    kind="finished",
                    station="inspect",
                    subject=f"sbom {artifact.name}",
                    detail=f"{len(bill.components)} components",
                )
            )
        return bills

    def _say(self, inspection: Inspection) -> None:
        self._progress(
            ProgressEvent(
                kind="finished" if inspection.outcome == "pass" else "warning",
                station="inspect",
                subject=inspection.inspector,
                detail=f"{inspection.outcome}: {inspection.reason}",
            )
        )


def _inspect(name: str, inspector: Inspector, subject: Subject) -> Inspection:
    try:
        return inspector.inspect(subject)
    except IntegrityError as error:
        # What an inspector chokes on was not looked at: unknown, and the release says why.
        return Inspection(
            inspector=name, outcome="unknown", reason=f"could not look: {error}", looked_at=0
        )


def _judge_bills(bills: Sequence[ArtifactBill]) -> Inspection:
    """Count components; an artifact without any was not understood, so that is unknown."""
    total = sum(len(one.bill.components) for one in bills)
    empty = [one.artifact.name for one in bills if not one.bill.components]
    unversioned = sum(1 for one in bills for part in one.bill.components if not part.version)
    reason = f"{total} components in {len(bills)} bills"
    if not bills:
        reason = "there is no artifact to list components of"
    elif empty:
        reason = f"no component found in {', '.join(empty)}"
    return Inspection(
        inspector=SBOM_INSPECTOR,
        outcome="pass" if bills and not empty else "unknown",
        reason=reason,
        looked_at=len(bills),
        facts=(
            ("components", str(total)),
            ("format", "CycloneDX 1.6"),
            ("without version", str(unversioned)),
        ),
        evidence=tuple(one.file.digest for one in bills),
    )
