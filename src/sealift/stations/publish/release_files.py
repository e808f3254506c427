"""The files of one release, `releases/VERSION/`, made from its reports alone.

Everything here becomes a TUF target, signed for by the offline key, except the page and the single
bundles under `attestations/VERSION/`, which are conveniences: the chain is in `attestations.jsonl`.
"""

from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sealift.base.store.port import BlobStore
from sealift.core.artifact import Artifact
from sealift.core.codec import to_json
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import BUNDLES_PER_RELEASE_MAX, TUF_METADATA_BYTES_MAX
from sealift.core.published import (
    ATTESTATIONS_NAME,
    CHECKSUMS_NAME,
    RELEASE_DOCUMENT_NAME,
    PublishedArtifact,
    ReleaseDocument,
    release_target,
)
from sealift.core.signing import KeyRole, SigningDesk
from sealift.stations.publish.deb import read_control
from sealift.stations.publish.model import (
    CHECKSUMS_KEY_TARGET,
    CHECKSUMS_SIGNATURE_NAME,
    CONTROL_SUFFIX,
    METADATA_SUFFIX,
    SBOM_SUFFIX,
    CatalogueFile,
    CatalogueRelease,
    ReleaseEvidence,
    StoredFile,
    WrittenFile,
)
from sealift.stations.publish.python_metadata import read_sdist_metadata, read_wheel_metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFiles:
    """What a release adds to the tree; `targets` are signed for, `extras` are not."""

    release: CatalogueRelease
    attestations: bytes
    targets: tuple[WrittenFile | StoredFile, ...]
    extras: tuple[WrittenFile | StoredFile, ...]


def published_artifact(artifact: Artifact) -> PublishedArtifact:
    """Say an artifact as `release.json` lists it."""
    return PublishedArtifact(
        name=artifact.name,
        kind=artifact.kind,
        platform=str(artifact.platform),
        sha256=artifact.file.digest.hex,
        size_bytes=artifact.file.size_bytes,
    )


def make_release_files(
    evidence: ReleaseEvidence, store: BlobStore, desk: SigningDesk
) -> ReleaseFiles:
    """Make every file of the release; reads metadata out of the artifacts in the store.

    Needs the desk's checksums key. Raises IntegrityError when an artifact, SBOM or bundle is
    damaged or is not what its kind says.
    """
    version = evidence.version
    attestations = _attestations(evidence, store)
    document = _document(evidence, attestations)
    files = tuple(
        CatalogueFile(artifact=published_artifact(artifact), metadata=_metadata_of(artifact, store))
        for artifact in evidence.package.artifacts
    )
    targets: list[WrittenFile | StoredFile] = [
        StoredFile(path=release_target(version, artifact.name), file=artifact.file)
        for artifact in evidence.package.artifacts
    ]
    targets += [
        WrittenFile(path=metadata_path(version, file.artifact), data=file.metadata)
        for file in files
        if file.metadata
    ]
    targets += [
        StoredFile(path=release_target(version, sbom.artifact + SBOM_SUFFIX), file=sbom.file)
        for sbom in evidence.inspect.sboms
    ]
    targets.append(WrittenFile(path=release_target(version, ATTESTATIONS_NAME), data=attestations))
    targets.append(
        WrittenFile(path=release_target(version, RELEASE_DOCUMENT_NAME), data=to_json(document))
    )
    targets += _checksums(evidence, desk)
    return ReleaseFiles(
        release=CatalogueRelease(document=document, files=files),
        attestations=attestations,
        targets=tuple(targets),
        extras=_single_bundles(evidence),
    )


def metadata_path(version: str, artifact: PublishedArtifact) -> str:
    """Return the target path of a file's small metadata; PEP 658 fixes the one of wheels."""
    suffix = CONTROL_SUFFIX if artifact.kind == "deb" else METADATA_SUFFIX
    return release_target(version, artifact.name) + suffix


def descriptor_of(file: WrittenFile | StoredFile) -> Descriptor:
    """Return what the file's bytes are."""
    match file:
        case WrittenFile(data=data):
            return Descriptor(digest=Digest.of(data), size_bytes=len(data))
        case StoredFile(file=descriptor):
            return descriptor


def _document(evidence: ReleaseEvidence, attestations: bytes) -> ReleaseDocument:
    plan, gate = evidence.plan, evidence.gate
    return ReleaseDocument(
        project=plan.project.name,
        version=plan.project.version,
        licence=plan.project.licence,
        released_at=evidence.opening.released_at,
        commit=plan.source.commit,
        tag=plan.source.tag,
        source_tree=evidence.source.tree,
        plan=plan.digest,
        artifacts=tuple(map(published_artifact, evidence.package.artifacts)),
        attestations=Digest.of(attestations),
        gate_policy=gate.policy,
        gate_outcome=gate.outcome,
        verdicts=gate.verdicts,
        not_assessed=gate.not_assessed,
    )


def _metadata_of(artifact: Artifact, store: BlobStore) -> bytes:
    with store.open(artifact.file.digest) as stream:
        return _read_metadata(artifact, stream)


def _read_metadata(artifact: Artifact, stream: BinaryIO) -> bytes:
    match artifact.kind:
        case "wheel":
            return read_wheel_metadata(stream, where=artifact.name)
        case "sdist":
            return read_sdist_metadata(stream, where=artifact.name)
        case "deb":
            return read_control(stream, where=artifact.name)
        case "tar" | "npm":
            return b""


def _attestations(evidence: ReleaseEvidence, store: BlobStore) -> bytes:
    """Return all bundles, one a line, in the order of the reports."""
    if len(evidence.attestations) > BUNDLES_PER_RELEASE_MAX:
        raise IntegrityError(
            fact=f"the release has {len(evidence.attestations)} attestations",
            expected=f"at most {BUNDLES_PER_RELEASE_MAX}",
        )
    lines: list[bytes] = []
    for attestation in evidence.attestations:
        data = store.read(attestation.bundle.digest, size_bytes_max=TUF_METADATA_BYTES_MAX)
        line = data.removesuffix(b"\n")
        if b"\n" in line or not line:
            raise IntegrityError(
                fact=f"attestation `{attestation.name}` does not fit on one line",
                expected="a Sigstore bundle as compact JSON",
            )
        lines.append(line)
    return b"".join(line + b"\n" for line in lines)


def _single_bundles(evidence: ReleaseEvidence) -> tuple[StoredFile, ...]:
    return tuple(
        StoredFile(
            path=f"attestations/{evidence.version}/{attestation.name}.sigstore.json",
            file=attestation.bundle,
        )
        for attestation in evidence.attestations
    )


def _checksums(evidence: ReleaseEvidence, desk: SigningDesk) -> tuple[WrittenFile, ...]:
    """Return `SHA256SUMS` as coreutils reads it, its signature in DER, and the public key."""
    version = evidence.version
    listed = "".join(
        f"{artifact.file.digest.hex}  {artifact.name}\n" for artifact in evidence.package.artifacts
    ).encode()
    keys = [key for key in desk.public_keys() if key.role is KeyRole.CHECKSUMS]
    if not keys:
        raise ConfigError(
            fact="there is no key for the role `checksums`", hint="run `sealift keys init`"
        )
    signature = desk.sign(KeyRole.CHECKSUMS, listed, at_s=evidence.opening.released_at_s)
    _check_signature(keys[0].text, listed, signature.value)
    return (
        WrittenFile(path=release_target(version, CHECKSUMS_NAME), data=listed),
        WrittenFile(path=release_target(version, CHECKSUMS_SIGNATURE_NAME), data=signature.value),
        WrittenFile(path=CHECKSUMS_KEY_TARGET, data=keys[0].text.encode()),
    )


def _check_signature(pem: str, payload: bytes, signature: bytes) -> None:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, EllipticCurvePublicKey):
        raise IntegrityError(fact="the checksums key is no ECDSA key", expected="ecdsa-p256-sha256")
    try:
        key.verify(signature, payload, ECDSA(SHA256()))
    except InvalidSignature as error:
        raise IntegrityError(
            fact="the signature of `SHA256SUMS` does not verify with the public key",
            hint="run `sealift keys show`",
        ) from error
