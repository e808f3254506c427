"""Verify a file offline: from its bytes back to the commit, by what this machine trusts.

Nothing is fetched. The pinned root, the metadata of the last refresh and the kept documents must
hold; how old that refresh is becomes a note.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealift.base.edge.port import World
from sealift.base.specs.bundle import Bundle
from sealift.base.specs.chain import verify_chain
from sealift.base.specs.evidence import parse_attestations
from sealift.client.documents import parse_policy, parse_release
from sealift.client.get import digest_of_file
from sealift.client.metadata import TrustedMetadata, load_metadata
from sealift.client.model import VerifyReport
from sealift.client.trust import ProjectTrust, TrustStore
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import ATTESTATIONS_BYTES_MAX, PUBLISHED_DOCUMENT_BYTES_MAX
from sealift.core.published import (
    ATTESTATIONS_NAME,
    POLICY_TARGET,
    RELEASE_DOCUMENT_NAME,
    ChainPolicy,
    PublishedArtifact,
    ReleaseDocument,
    release_target,
)

_FIRST_CONTACT: Final = "run `sealift get NAME --from https://… --root-sha256 HEX` once"


def verify(world: World, home: Path, file: Path, *, name: str | None = None) -> VerifyReport:
    """Walk from `file` to its commit; `name` narrows to one pinned project.

    Raises IntegrityError, with both digests, if the file bears a released name but other bytes, or
    if no pinned project lists its bytes; ConfigError if no project is pinned.
    """
    digest = digest_of_file(file)
    namesakes: list[_Listed] = []
    problems: list[IntegrityError] = []
    for project in _projects(TrustStore(world, home), name):
        try:
            shelf = _Shelf.open(world, home, project)
        except IntegrityError as error:
            # One project's broken trust must not hide another project's file.
            problems.append(error)
            continue
        listed, troubles = shelf.listed()
        problems += troubles
        for item in listed:
            if item.artifact.sha256 == digest.hex:
                return shelf.prove(item, file=file, digest=digest)
        namesakes += [item for item in listed if item.artifact.name == file.name]
    if namesakes:
        item = namesakes[0]
        raise IntegrityError(
            where=str(file),
            fact=f"bytes differ: the file has digest {digest}",
            expected=f"sha256:{item.artifact.sha256},"
            f" as {item.release.project} {item.release.version} lists",
            hint=f"delete it and run `sealift get {item.release.project}`",
        )
    if problems:
        raise problems[0]
    raise IntegrityError(
        where=str(file),
        fact=f"no release that this machine knows lists {digest}",
        expected="a file of a pinned project",
        hint=_FIRST_CONTACT,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRelease:
    """The documents of one release as this machine keeps them, each checked as `verify` does."""

    release: ReleaseDocument
    policy: ChainPolicy
    bundles: tuple[Bundle, ...]
    notes: tuple[str, ...]


def kept_release(world: World, home: Path, *, name: str, version: str) -> KeptRelease:
    """Return the kept documents of a release; the chain of no file has been walked yet.

    Raises ConfigError when the release was never got on this machine, IntegrityError when what is
    kept is not what the release managers signed.
    """
    shelf = _Shelf.open(world, home, name)
    project = shelf.trust.pin.project
    if version not in shelf.trust.releases:
        raise ConfigError(
            fact=f"documents of {project} {version[:80]} are not kept on this machine",
            expected="a release that was downloaded here once",
            hint=f"run `sealift get {project} --release {version}`",
        )
    target = release_target(version, RELEASE_DOCUMENT_NAME)
    data = _kept(shelf.trust, shelf.metadata, target, PUBLISHED_DOCUMENT_BYTES_MAX)
    release = parse_release(data, project=project, version=version)
    target = release_target(version, ATTESTATIONS_NAME)
    attestations = _kept(shelf.trust, shelf.metadata, target, ATTESTATIONS_BYTES_MAX)
    return KeptRelease(
        release=release,
        policy=shelf.policy,
        bundles=parse_attestations(attestations, expected=release.attestations),
        notes=shelf.metadata.notes,
    )


def _projects(store: TrustStore, name: str | None) -> tuple[str, ...]:
    pinned = store.names()
    if not pinned or (name is not None and name not in pinned):
        raise ConfigError(
            fact=f"project `{name}` is not pinned" if name else "no project is pinned",
            expected="a pinned root to verify against",
            hint=_FIRST_CONTACT,
        )
    return pinned if name is None else (name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    release: ReleaseDocument
    artifact: PublishedArtifact


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """What is kept of one project, each document checked against the signed metadata."""

    trust: ProjectTrust
    metadata: TrustedMetadata
    policy: ChainPolicy

    @classmethod
    def open(cls, world: World, home: Path, project: str) -> "_Shelf":
        trust = TrustStore(world, home).get(project)
        metadata = load_metadata(
            trust.metadata, root=trust.root, at=world.clock.now(), freshness="noted"
        )
        data = _kept(trust, metadata, POLICY_TARGET, PUBLISHED_DOCUMENT_BYTES_MAX)
        policy = parse_policy(data, project=trust.pin.project)
        return cls(trust=trust, metadata=metadata, policy=policy)

    def listed(self) -> tuple[list[_Listed], list[IntegrityError]]:
        """Return every file of every kept release, and why some releases do not count."""
        found: list[_Listed] = []
        troubles: list[IntegrityError] = []
        for version in self.trust.releases:
            target = release_target(version, RELEASE_DOCUMENT_NAME)
            try:
                data = _kept(self.trust, self.metadata, target, PUBLISHED_DOCUMENT_BYTES_MAX)
                release = parse_release(data, project=self.trust.pin.project, version=version)
            except IntegrityError as error:
                troubles.append(error)
                continue
            found += [_Listed(release=release, artifact=item) for item in release.artifacts]
        return found, troubles

    def prove(self, item: _Listed, *, file: Path, digest: Digest) -> VerifyReport:
        """Walk the chain of a file whose bytes are listed."""
        release, name = item.release, item.artifact.name
        target = release_target(release.version, ATTESTATIONS_NAME)
        data = _kept(self.trust, self.metadata, target, ATTESTATIONS_BYTES_MAX)
        if release.version not in self.policy.released:
            raise IntegrityError(
                fact=f"policy of {release.project} does not list {release.version} as released",
                expected="a released version",
            )
        report = verify_chain(
            name=name,
            digest=digest,
            release=release,
            policy=self.policy,
            bundles=parse_attestations(data, expected=release.attestations),
        )
        renamed = () if file.name == name else (f"released under the name {name}",)
        return VerifyReport(
            project=release.project,
            version=release.version,
            artifact=item.artifact,
            path=str(file),
            digest=digest,
            root=self.trust.pin.root,
            links=report.links,
            notes=(*self.metadata.notes, *renamed),
        )


def _kept(
    trust: ProjectTrust, metadata: TrustedMetadata, target: str, size_bytes_max: int
) -> bytes:
    """Return a kept document if the release managers signed for exactly its bytes."""
    project = trust.pin.project
    descriptor = metadata.target(target)
    if descriptor is None:
        raise IntegrityError(
            fact=f"release managers of {project} do not sign for `{target}` any more",
            expected="a target of the top-level role",
            hint="ask the project's maintainers: it may have been withdrawn",
        )
    data = trust.read_target(target, size_bytes_max=size_bytes_max)
    if data is None or Digest.of(data) != descriptor.digest:
        found = "missing" if data is None else f"changed: {Digest.of(data)}"
        raise IntegrityError(
            fact=f"kept copy of `{target}` is {found}",
            expected=str(descriptor.digest),
            where=str(trust.folder),
            hint=f"run `sealift get {project}`",
        )
    return data
