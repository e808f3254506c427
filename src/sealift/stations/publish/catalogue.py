"""Gather the catalogue: what is released already (verified) and what comes new."""

import dataclasses
from collections.abc import Iterable

from sealift.base.specs.predicates import (
    CYCLONEDX_BOM,
    GATE_VERDICT,
    REPRODUCTION,
    SLSA_PROVENANCE,
    TEST_RESULT,
)
from sealift.core.digest import Digest
from sealift.core.limits import PACKAGE_METADATA_BYTES_MAX
from sealift.core.published import ChainPolicy, ChannelDocument, ReleaseDocument, TrustedKey
from sealift.core.signing import KeyRole, PublicKey
from sealift.stations.publish.model import (
    Catalogue,
    CatalogueFile,
    CatalogueRelease,
    ProjectDocument,
    ReleaseEvidence,
)
from sealift.stations.publish.release_files import metadata_path
from sealift.stations.publish.trusted_tree import TrustedTree

# What a client must see proven before it installs a file.
PREDICATES_DEMANDED = (SLSA_PROVENANCE, REPRODUCTION, TEST_RESULT, CYCLONEDX_BOM, GATE_VERDICT)


def read_catalogue(tree: TrustedTree, root_digest: Digest) -> Catalogue:
    """Return what `tree` holds; every byte used is verified against signed metadata."""
    policy = tree.policy()
    return Catalogue(
        project=tree.project(),
        policy=policy,
        releases=tuple(_read_release(tree, tree.release(version)) for version in policy.released),
        channels=tree.channels(),
        root_digest=root_digest,
    )


def extend_catalogue(
    previous: Catalogue | None,
    release: CatalogueRelease,
    *,
    project: ProjectDocument,
    policy: ChainPolicy,
    root_digest: Digest,
) -> Catalogue:
    """Return the catalogue with one more release, at the end of the order of release."""
    return Catalogue(
        project=project,
        policy=policy,
        releases=(*(previous.releases if previous else ()), release),
        channels=previous.channels if previous else (),
        root_digest=root_digest,
    )


def with_channels(catalogue: Catalogue, moved: Iterable[ChannelDocument]) -> Catalogue:
    """Return the catalogue with these channels as they will be."""
    channels = {document.channel: document for document in (*catalogue.channels, *moved)}
    return dataclasses.replace(
        catalogue, channels=tuple(channels[name] for name in sorted(channels))
    )


def project_document(evidence: ReleaseEvidence) -> ProjectDocument:
    """Say what the plan knows about the project."""
    facts = evidence.plan.project
    return ProjectDocument(
        name=facts.name,
        description=facts.description,
        homepage=facts.homepage,
        licence=facts.licence,
        url=evidence.plan.url.rstrip("/"),
    )


def next_policy(
    previous: ChainPolicy | None, evidence: ReleaseEvidence, keys: tuple[PublicKey, ...]
) -> ChainPolicy:
    """Return the policy that also lists this release.

    The floor stays where it is (the first release sets it), keys and builders of earlier releases
    stay trusted: their chains must go on to verify.
    """
    trusted = {key.key_id: key for key in (previous.keys if previous else ())}
    for key in keys:
        if key.role is KeyRole.BUILDER:
            trusted.setdefault(
                key.key_id,
                TrustedKey(role=key.role, key_id=key.key_id, scheme=key.scheme, pem=key.text),
            )
    builders = {*(previous.builders if previous else ()), evidence.opening.builder_id}
    return ChainPolicy(
        project=evidence.plan.project.name,
        floor=previous.floor if previous else evidence.version,
        released=(*(previous.released if previous else ()), evidence.version),
        keys=tuple(trusted.values()),
        builders=tuple(sorted(builders)),
        predicates=previous.predicates if previous else PREDICATES_DEMANDED,
    )


def _read_release(tree: TrustedTree, document: ReleaseDocument) -> CatalogueRelease:
    files: list[CatalogueFile] = []
    for artifact in document.artifacts:
        path = metadata_path(document.version, artifact)
        there = tree.descriptor(path) is not None
        metadata = tree.read(path, size_bytes_max=PACKAGE_METADATA_BYTES_MAX) if there else b""
        files.append(CatalogueFile(artifact=artifact, metadata=metadata))
    return CatalogueRelease(document=document, files=tuple(files))
