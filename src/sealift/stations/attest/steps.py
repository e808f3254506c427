"""The durable steps `attest` and `seal`: statements in, Sigstore bundles in the store out.

Idempotent: statements, signatures and bundles are the same bytes on every run, since their dates
are the opening's and ECDSA is deterministic. Signed bytes are in the store before the report that
names them is journalled.
"""

from collections.abc import Iterable

from sealift.base.specs.bundle import encode_bundle, signed_payload
from sealift.base.specs.fields import as_object
from sealift.base.specs.statement import encode_statement
from sealift.base.specs.strictjson import parse_json
from sealift.base.store.port import BlobStore
from sealift.core.action import ActionRecord
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import BUNDLES_PER_RELEASE_MAX, JSON_DOCUMENT_BYTES_MAX
from sealift.core.progress import Progress, ProgressEvent, silent
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
from sealift.core.signing import KeyRole, SigningDesk
from sealift.stations.attest.statements import Draft, Material, draft_all, gate_statement

_STATION = "attest"
GATE_NAME = "gate"


class AttestSteps:
    """Sign what the other stations report, as the builder."""

    def __init__(self, store: BlobStore, desk: SigningDesk, progress: Progress = silent) -> None:
        self._store = store
        self._desk = desk
        self._progress = progress

    def attest(  # noqa: PLR0917 - the order of the road, as app/pipeline.py calls it
        self,
        plan: ReleasePlan,
        opening: Opening,
        source: SourceReport,
        build: BuildReport,
        package: PackageReport,
        inspect: InspectReport,
    ) -> AttestReport:
        """Sign a statement for every action, reproduction, test and SBOM, in a stable order.

        Raises ConfigError when the builder's key is locked, IntegrityError when the reports do not
        fit each other.
        """
        material = Material(
            plan=plan,
            opening=opening,
            records=_distinct((source.action, *build.records, *package.records)),
            artifacts=package.artifacts,
        )
        return self._sign_all(draft_all(material, self._boms(inspect)), opening)

    def seal(
        self, plan: ReleasePlan, opening: Opening, package: PackageReport, gate: GateReport
    ) -> AttestReport:
        """Sign the gate's decision."""
        statement = gate_statement(plan, package.artifacts, gate)
        return self._sign_all((Draft(name=GATE_NAME, statement=statement),), opening)

    def _boms(self, inspect: InspectReport) -> dict[str, dict[str, Json]]:
        return {
            sbom.artifact: as_object(
                parse_json(
                    self._store.read(sbom.file.digest, size_bytes_max=JSON_DOCUMENT_BYTES_MAX),
                    size_bytes_max=JSON_DOCUMENT_BYTES_MAX,
                ),
                f"SBOM of `{sbom.artifact}`",
            )
            for sbom in inspect.sboms
        }

    def _sign_all(self, drafts: tuple[Draft, ...], opening: Opening) -> AttestReport:
        names = {draft.name for draft in drafts}
        if len(names) != len(drafts) or len(drafts) > BUNDLES_PER_RELEASE_MAX:
            raise IntegrityError(
                fact=f"the release has {len(drafts)} statements with {len(names)} names",
                expected=f"at most {BUNDLES_PER_RELEASE_MAX}, each with a name of its own",
            )
        with self._store.transaction():
            attestations = tuple(self._sign(draft, opening) for draft in drafts)
        key_id = attestations[0].key_id
        detail = f"{len(attestations)} signed with key {key_id[:12]}"
        self._progress(
            ProgressEvent(kind="finished", station=_STATION, subject="statements", detail=detail)
        )
        return AttestReport(attestations=attestations)

    def _sign(self, draft: Draft, opening: Opening) -> Attestation:
        payload = encode_statement(draft.statement)
        signature = self._desk.sign(
            KeyRole.BUILDER, signed_payload(payload), at_s=opening.released_at_s
        )
        bundle = encode_bundle(payload, signature.value, signature.key_id)
        return Attestation(
            name=draft.name,
            predicate_type=draft.statement.predicate_type,
            subjects=tuple(subject.digest for subject in draft.statement.subjects),
            bundle=self._store.put(bundle),
            key_id=signature.key_id,
        )


def _distinct(records: Iterable[ActionRecord]) -> tuple[ActionRecord, ...]:
    """Drop repeated records: a package that adopts a stage's file may report its action again."""
    first: dict[Digest, ActionRecord] = {}
    for record in records:
        first.setdefault(record.action.digest, record)
    return tuple(first.values())
