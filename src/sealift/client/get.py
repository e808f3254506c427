"""Download one file of a release: nothing appears under its name before its chain was walked.

The order is: root (pinned, or pinned now), metadata, chain policy, the channel's pointer, the
release document, the attestations, the chain, and only then the file's bytes (DESIGN.md, section 9:
clients trust keys, not origins).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealift.base.edge.port import World
from sealift.base.specs.chain import verify_chain
from sealift.base.specs.evidence import parse_attestations
from sealift.client.choice import choose_artifact
from sealift.client.documents import (
    STABLE,
    judge_pointer,
    judge_version,
    parse_channel,
    parse_policy,
    parse_release,
)
from sealift.client.metadata import TrustedMetadata
from sealift.client.model import GetReport, TrustOrigin
from sealift.client.repository import RemoteTree
from sealift.client.trust import ProjectTrust, TrustStore, check_name
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError, SealiftError
from sealift.core.limits import ATTESTATIONS_BYTES_MAX, PUBLISHED_DOCUMENT_BYTES_MAX
from sealift.core.platform import Platform
from sealift.core.published import (
    ATTESTATIONS_NAME,
    POLICY_TARGET,
    RELEASE_DOCUMENT_NAME,
    ChainPolicy,
    PublishedArtifact,
    ReleaseDocument,
    channel_target,
    release_target,
)

_FIRST_USE: Final = (
    "root was taken on first use: compare its fingerprint with the signed tag or the project's page"
)


def get(
    world: World,
    home: Path,
    name: str,
    *,
    url: str | None = None,
    root_sha256: Digest | None = None,
    version: str | None = None,
    channel: str = STABLE,
    file: str | None = None,
    folder: Path,
) -> GetReport:
    """Download a verified file of project `name` into `folder` and tell what was proven.

    At first contact `url` is needed; `root_sha256` demands the root's fingerprint, without it the
    root is pinned on first use. `version` asks for a version instead of what `channel` says; `file`
    narrows by kind, name or glob. Idempotent: a verified file that is there stays.
    Raises IntegrityError, and leaves no file, where anything does not hold.
    """
    check_name(channel)
    contact = _contact(world, home, name, url=url, root_sha256=root_sha256)
    session = _Session(world=world, contact=contact)
    wanted_channel = None if version else channel
    try:
        metadata = session.tree.refresh(contact.trust, channel=wanted_channel)
        policy = session.policy(metadata)
    except SealiftError:
        # A first contact that did not hold pins nothing.
        if contact.is_new:
            contact.trust.forget()
        raise
    if contact.is_new:
        contact.trust.save()
    contact.trust.move_to(session.tree.address)
    if version is None:
        version, sequence = session.pointer(metadata, policy, channel)
    else:
        judge_version(version, policy=policy)
        channel, sequence = "", None
    release = session.release(metadata, version)
    platform = Platform.of_machine(world.machine)
    artifact = choose_artifact(release, platform=platform, wanted=file)
    chosen = _Chosen(policy=policy, release=release, artifact=artifact)
    return session.fetch(metadata, chosen, channel=channel, sequence=sequence, folder=folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contact:
    trust: ProjectTrust
    tree: RemoteTree
    origin: TrustOrigin

    @property
    def is_new(self) -> bool:
        return self.origin != "pinned"


def _contact(
    world: World, home: Path, name: str, *, url: str | None, root_sha256: Digest | None
) -> _Contact:
    """Return the pinned project, or prepare a new pin from the root at `url`."""
    store = TrustStore(world, home)
    trust = store.find(name)
    if trust is not None:
        if root_sha256 is not None and root_sha256 != trust.pin.root:
            raise IntegrityError(
                fact=f"root that is pinned for `{name}` has fingerprint {trust.pin.root}",
                expected=str(root_sha256),
                hint=f"if the project changed its root, remove {trust.folder} and get it anew",
            )
        tree = RemoteTree(world, address=url or trust.pin.address)
        return _Contact(trust=trust, tree=tree, origin="pinned")
    if url is None:
        raise ConfigError(
            fact=f"project `{name}` is not known on this machine",
            expected="its address at first contact",
            hint=f"run `sealift get {name} --from https://… --root-sha256 HEX`",
        )
    tree = RemoteTree(world, address=url)
    root = tree.first_root()
    found = Digest.of(root)
    if root_sha256 is not None and found != root_sha256:
        raise IntegrityError(
            where=tree.address,
            fact=f"root has fingerprint {found}",
            expected=str(root_sha256),
            hint="check the address and the fingerprint in the signed tag",
        )
    demanded = root_sha256 is not None
    trust = store.prepare(name, address=tree.address, root=root, demanded=demanded)
    return _Contact(trust=trust, tree=tree, origin="demanded" if demanded else "first-use")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    policy: ChainPolicy
    release: ReleaseDocument
    artifact: PublishedArtifact


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """One conversation with a tree whose root is trusted."""

    world: World
    contact: _Contact

    @property
    def tree(self) -> RemoteTree:
        return self.contact.tree

    @property
    def project(self) -> str:
        return self.contact.trust.pin.project

    def policy(self, metadata: TrustedMetadata) -> ChainPolicy:
        """Fetch the chain policy and keep it."""
        descriptor = self._named(metadata, POLICY_TARGET)
        data = self._document(POLICY_TARGET, descriptor, PUBLISHED_DOCUMENT_BYTES_MAX)
        policy = parse_policy(data, project=self.project)
        self.contact.trust.keep_target(POLICY_TARGET, data)
        return policy

    def pointer(
        self, metadata: TrustedMetadata, policy: ChainPolicy, channel: str
    ) -> tuple[str, int]:
        """Return version and sequence that the channel names, once it is allowed to."""
        target = channel_target(channel)
        descriptor = metadata.channel(channel)
        if descriptor is None:
            raise ConfigError(
                fact=f"{self.project} has no channel `{channel}`",
                expected="a channel that points at a release",
                hint=f"run `sealift get {self.project} --release {policy.released[-1]}`",
            )
        data = self.tree.read(target, descriptor, size_bytes_max=PUBLISHED_DOCUMENT_BYTES_MAX)
        document = parse_channel(data, project=self.project, channel=channel)
        trust = self.contact.trust
        pointer = judge_pointer(document, policy=policy, seen=trust.seen(channel))
        trust.remember(channel, pointer)
        return pointer.version, pointer.sequence

    def release(self, metadata: TrustedMetadata, version: str) -> ReleaseDocument:
        """Fetch the release document of a version."""
        target = release_target(version, RELEASE_DOCUMENT_NAME)
        descriptor = self._named(metadata, target)
        data = self._document(target, descriptor, PUBLISHED_DOCUMENT_BYTES_MAX)
        release = parse_release(data, project=self.project, version=version)
        self.contact.trust.keep_target(target, data)
        return release

    def fetch(
        self,
        metadata: TrustedMetadata,
        chosen: _Chosen,
        *,
        channel: str,
        sequence: int | None,
        folder: Path,
    ) -> GetReport:
        """Walk the chain of the chosen file, then download it."""
        release, artifact = chosen.release, chosen.artifact
        target = release_target(release.version, artifact.name)
        descriptor = self._named(metadata, target)
        listed = Descriptor(digest=Digest(artifact.sha256), size_bytes=artifact.size_bytes)
        if descriptor != listed:
            raise IntegrityError(
                fact=f"targets metadata names {descriptor.digest} for `{target}`",
                expected=f"{listed.digest}, as release.json lists",
            )
        attestations_target = release_target(release.version, ATTESTATIONS_NAME)
        attestations = self._document(
            attestations_target,
            self._named(metadata, attestations_target),
            ATTESTATIONS_BYTES_MAX,
        )
        report = verify_chain(
            name=artifact.name,
            digest=descriptor.digest,
            release=release,
            policy=chosen.policy,
            bundles=parse_attestations(attestations, expected=release.attestations),
        )
        self.contact.trust.keep_target(attestations_target, attestations)
        path = folder / check_file_name(artifact.name)
        already = self._save(target, descriptor, path)
        first_use = self.contact.origin == "first-use"
        return GetReport(
            project=self.project,
            version=release.version,
            channel=channel,
            sequence=sequence,
            artifact=artifact,
            path=str(path),
            address=self.tree.address,
            root=self.contact.trust.pin.root,
            trust=self.contact.origin,
            already=already,
            links=report.links,
            notes=(*metadata.notes, *((_FIRST_USE,) if first_use else ())),
        )

    def _save(self, target: str, descriptor: Descriptor, path: Path) -> bool:
        """Download unless the same bytes lie there; return whether they did."""
        if path.is_file():
            found = digest_of_file(path)
            if found == descriptor.digest:
                return True
            raise ConfigError(
                fact=f"`{path}` exists with other bytes ({found})",
                expected=f"no file, or {descriptor.digest}",
                hint=f"rm {path}",
            )
        self.world.files.make_folder(path.parent)
        self.tree.save(target, descriptor, path)
        return False

    def _document(self, target: str, descriptor: Descriptor, size_bytes_max: int) -> bytes:
        """Return a document from the trust folder if its bytes are the signed ones, else fetch."""
        kept = self.contact.trust.read_target(target, size_bytes_max=size_bytes_max)
        if kept is not None and Digest.of(kept) == descriptor.digest:
            return kept
        return self.tree.read(target, descriptor, size_bytes_max=size_bytes_max)

    def _named(self, metadata: TrustedMetadata, target: str) -> Descriptor:
        descriptor = metadata.target(target)
        if descriptor is None:
            raise IntegrityError(
                where=self.tree.address,
                fact=f"release managers of {self.project} did not sign for `{target}`",
                expected="a target of the top-level role",
                hint="ask the project's maintainers: it may have been withdrawn",
            )
        return descriptor


def check_file_name(name: str) -> str:
    """Return a file's name that is safe to create in a user's folder; IntegrityError otherwise."""
    if "/" in name or name.startswith(".") or not name.isprintable() or not name:
        raise IntegrityError(
            fact=f"release lists a file named {name[:80]!r}", expected="a plain file name"
        )
    return name


def digest_of_file(path: Path) -> Digest:
    """Hash a file while streaming it; raise ConfigError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return Digest(hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise ConfigError(
            fact=f"`{path}` cannot be read: {error.strerror}",
            expected="a file",
            hint=f"ls -l {path}",
        ) from error
