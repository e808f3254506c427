"""The durable step `publish`: one release becomes a new generation of the static tree."""

from sealift.base.specs.chain import verify_chain
from sealift.base.specs.evidence import parse_attestations
from sealift.base.store.port import BlobStore
from sealift.core.artifact import Artifact
from sealift.core.codec import to_json
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import IntegrityError, PolicyDenied
from sealift.core.published import POLICY_TARGET, ChainPolicy, ReleaseDocument, release_target
from sealift.core.release import (
    AttestReport,
    BuildReport,
    GateReport,
    InspectReport,
    Opening,
    PackageReport,
    PublishedFile,
    PublishReport,
    ReleasePlan,
    SourceReport,
)
from sealift.core.signing import SigningDesk
from sealift.stations.publish.apt_repository import AptRepository
from sealift.stations.publish.catalogue import (
    extend_catalogue,
    next_policy,
    project_document,
    read_catalogue,
)
from sealift.stations.publish.model import (
    PROJECT_TARGET,
    ReleaseEvidence,
    StoredFile,
    TreeFile,
    WrittenFile,
)
from sealift.stations.publish.page import Pages
from sealift.stations.publish.project_site import ProjectSite, PublishedState, not_before
from sealift.stations.publish.release_files import ReleaseFiles, descriptor_of, make_release_files
from sealift.stations.publish.simple_index import SimpleIndex
from sealift.stations.publish.site import Site
from sealift.stations.publish.trusted_tree import load_root
from sealift.stations.publish.tuf_repository import next_release


class PublishSteps:
    """Publish releases to one project's tree.

    `root` are the bytes of the root that `create_root` made; `desk` must have the releases and
    checksums keys unlocked, and knows the online ones.
    """

    def __init__(self, site: Site, *, root: bytes, store: BlobStore, desk: SigningDesk) -> None:
        self._site = ProjectSite(site, root, store=store)
        self._store = store
        self._desk = desk

    def publish(  # noqa: PLR0917 - the order of the road, as app/pipeline.py calls it
        self,
        plan: ReleasePlan,
        opening: Opening,
        source: SourceReport,
        build: BuildReport,
        package: PackageReport,
        inspect: InspectReport,
        attest: AttestReport,
        seal: AttestReport,
        gate: GateReport,
    ) -> PublishReport:
        """Publish the release; idempotent.

        A version that is there with the same bytes is left alone (`already`). Raises PolicyDenied
        when the gate did not pass, IntegrityError when the version is there with other bytes.
        """
        evidence = ReleaseEvidence(
            plan=plan,
            opening=opening,
            source=source,
            build=build,
            package=package,
            inspect=inspect,
            attest=attest,
            seal=seal,
            gate=gate,
        )
        _refuse_unpassed(evidence)
        base = self._site.settled()
        published = _published_document(base, evidence) if base else None
        if base is not None and published is not None:
            _refuse_other_bytes(published, package.artifacts)
            return self._report(base, evidence, already=True)
        return self._report(self._write(base, evidence), evidence, already=False)

    def _write(self, base: PublishedState | None, evidence: ReleaseEvidence) -> PublishedState:
        at = not_before(evidence.opening.released_at_s, base)
        made = make_release_files(evidence, self._store, self._desk)
        previous = read_catalogue(base.tree, self._site.root_digest) if base else None
        project = project_document(evidence)
        policy = next_policy(
            previous.policy if previous else None, evidence, self._desk.public_keys()
        )
        catalogue = extend_catalogue(
            previous,
            made.release,
            project=project,
            policy=policy,
            root_digest=self._site.root_digest,
        )
        _refuse_broken_chain(made, policy)
        targets: tuple[WrittenFile | StoredFile, ...] = (
            *made.targets,
            WrittenFile(path=POLICY_TARGET, data=to_json(policy)),
            WrittenFile(path=PROJECT_TARGET, data=to_json(project)),
        )
        metadata = next_release(
            base.tree.metadata if base else None,
            load_root(self._site.root),
            {target.path: descriptor_of(target) for target in targets},
            self._desk,
            at,
        )
        pages = Pages(self._desk.public_keys())
        others: list[TreeFile] = [
            *made.extras,
            *pages.release(evidence, catalogue),
            *pages.publish(catalogue, at),
            *SimpleIndex().publish(catalogue, at),
            *AptRepository(self._desk).publish(catalogue, at),
        ]
        return self._site.write(base, metadata, targets, others)

    def _report(
        self, state: PublishedState, evidence: ReleaseEvidence, *, already: bool
    ) -> PublishReport:
        prefix = release_target(evidence.version, "")
        files = sorted(state.tree.metadata.targets.signed.targets.items())
        return PublishReport(
            site=str(self._site.site.folder),
            generation=state.generation.number,
            already=already,
            files=tuple(
                PublishedFile(
                    path=path,
                    file=Descriptor(digest=Digest(file.hashes["sha256"]), size_bytes=file.length),
                )
                for path, file in files
                if path.startswith(prefix)
            ),
            root_digest=self._site.root_digest,
        )


def _refuse_unpassed(evidence: ReleaseEvidence) -> None:
    if evidence.plan.snapshot:
        raise PolicyDenied(
            fact=f"{evidence.version} is a snapshot",
            expected="a release of a signed version tag",
            hint=f"git tag -s v{evidence.version.partition('+')[0]}",
        )
    if evidence.gate.outcome != "pass":
        reasons = "; ".join(
            f"{verdict.criterion}: {verdict.reason}"
            for verdict in evidence.gate.verdicts
            if verdict.outcome != "pass"
        )
        raise PolicyDenied(
            fact=f"the gate's outcome is {evidence.gate.outcome} ({reasons})",
            expected="pass",
            hint="sealift release",
        )


def _refuse_broken_chain(made: ReleaseFiles, policy: ChainPolicy) -> None:
    """Walk every file's chain as a client will; IntegrityError rather than publish a break."""
    document = made.release.document
    bundles = parse_attestations(made.attestations, expected=document.attestations)
    for artifact in document.artifacts:
        verify_chain(
            name=artifact.name,
            digest=Digest(artifact.sha256),
            release=document,
            policy=policy,
            bundles=bundles,
        )


def _published_document(base: PublishedState, evidence: ReleaseEvidence) -> ReleaseDocument | None:
    """Return the document of this version if it is published; refuse another project's tree."""
    policy = base.tree.policy()
    if policy.project != evidence.plan.project.name:
        raise IntegrityError(
            fact=f"the tree belongs to project `{policy.project}`",
            expected=f"`{evidence.plan.project.name}`",
            where=str(base.generation.folder),
        )
    if evidence.version not in policy.released:
        return None
    return base.tree.release(evidence.version)


def _refuse_other_bytes(published: ReleaseDocument, offered: tuple[Artifact, ...]) -> None:
    """Compare file by file: a name and a version never change their bytes (law 3)."""
    there = {artifact.name: artifact.sha256 for artifact in published.artifacts}
    new = {artifact.name: artifact.file.digest.hex for artifact in offered}
    for name in sorted(there.keys() | new.keys()):
        if there.get(name) != new.get(name):
            raise IntegrityError(
                fact=(
                    f"`{name}` of version {published.version} is "
                    f"{_digest_words(new.get(name))} in this release, "
                    f"but {_digest_words(there.get(name))} is published"
                ),
                expected="the same bytes: a published version never changes",
                hint="raise the version and tag again (`git tag -s`)",
            )


def _digest_words(value: str | None) -> str:
    return "no file" if value is None else f"sha256:{value}"
