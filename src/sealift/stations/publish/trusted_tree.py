"""Read a published tree without trusting the disk that it lies on.

A publisher builds on what is published already, and signs the result: whatever it took over
unverified it would launder. So everything here is checked down from the pinned root, by the same
rules as a client's, except for expiry: an expired tree is exactly what a publisher must renew.
"""

from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.api.metadata import T as Payload
from tuf.api.serialization import DeserializationError

from sealift.core.codec import from_json
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import TUF_METADATA_BYTES_MAX
from sealift.core.published import (
    CHANNELS_ROLE,
    POLICY_TARGET,
    RELEASE_DOCUMENT_NAME,
    ChainPolicy,
    ChannelDocument,
    ReleaseDocument,
    channel_target,
    release_target,
)
from sealift.stations.publish.model import PROJECT_TARGET, ProjectDocument
from sealift.stations.publish.tuf_repository import TufMetadata, hashed_path

V = TypeVar("V")


class TrustedTree:
    """A tree whose metadata was verified down from `root`; files are verified as they are read."""

    def __init__(self, folder: Path, root: bytes) -> None:
        self.folder = folder
        self.metadata = _load(folder, root)

    def descriptor(self, target: str) -> Descriptor | None:
        """Return what the signed metadata says lies at `target`, or None."""
        role = self.metadata.channels if target.startswith("channels/") else self.metadata.targets
        info = role.signed.targets.get(target)
        if info is None:
            return None
        return Descriptor(digest=Digest(info.hashes["sha256"]), size_bytes=info.length)

    def read(self, target: str, *, size_bytes_max: int = TUF_METADATA_BYTES_MAX) -> bytes:
        """Return the verified bytes of a target; IntegrityError when damaged or not there."""
        descriptor = self.descriptor(target)
        if descriptor is None:
            raise IntegrityError(
                fact=f"the tree names no `{target}`", where=str(self.folder / "metadata")
            )
        path = self.folder / hashed_path(target, descriptor.digest)
        data = _read_file(path, min(size_bytes_max, descriptor.size_bytes))
        if Digest.of(data) != descriptor.digest:
            raise IntegrityError(
                fact=f"published file `{target}` has digest {Digest.of(data)}",
                expected=str(descriptor.digest),
                where=str(path),
                hint="someone changed the published tree: restore it from a mirror or a backup",
            )
        return data

    def policy(self) -> ChainPolicy:
        """Return the chain policy."""
        return self._document(ChainPolicy, POLICY_TARGET)

    def project(self) -> ProjectDocument:
        """Return what the tree says about the project."""
        return self._document(ProjectDocument, PROJECT_TARGET)

    def release(self, version: str) -> ReleaseDocument:
        """Return the document of a released version."""
        return self._document(ReleaseDocument, release_target(version, RELEASE_DOCUMENT_NAME))

    def channel(self, name: str) -> ChannelDocument | None:
        """Return where a channel points, or None when it never did."""
        target = channel_target(name)
        return None if self.descriptor(target) is None else self._document(ChannelDocument, target)

    def channels(self) -> tuple[ChannelDocument, ...]:
        """Return all channels, sorted by name."""
        targets = sorted(self.metadata.channels.signed.targets)
        return tuple(
            self._document(ChannelDocument, target)
            for target in targets
            if target.endswith(".json")
        )

    def check_files(self, targets: set[str]) -> None:
        """Read and verify these targets; raise IntegrityError at the first bad one."""
        for target in sorted(targets):
            descriptor = self.descriptor(target)
            self.read(target, size_bytes_max=descriptor.size_bytes if descriptor else 0)

    def _document(self, kind: type[V], target: str) -> V:
        return from_json(kind, self.read(target))


def load_root(root: bytes) -> Metadata[Root]:
    """Parse a root that the caller pinned, and check that it is signed by its own keys."""
    metadata = _parse(Root, root, "root.json")
    _verify(metadata, Root.type, metadata, "root.json")
    return metadata


def _load(folder: Path, root_bytes: bytes) -> TufMetadata:
    """Walk root, timestamp, snapshot, targets, channels (TUF 5.4 to 5.6, without expiry)."""
    root = load_root(root_bytes)
    place = folder / "metadata"
    if _read_file(folder / "root.json", TUF_METADATA_BYTES_MAX) != root_bytes:
        raise IntegrityError(
            fact=f"`{folder / 'root.json'}` is not the root that this project's keys folder pins",
            expected=str(Digest.of(root_bytes)),
            hint="restore the tree from a backup or a mirror",
        )
    timestamp = _read(place / "timestamp.json", Timestamp)
    _verify(root, Timestamp.type, timestamp, "timestamp.json")
    snapshot_meta = timestamp.signed.snapshot_meta
    snapshot = _read(
        place / f"{snapshot_meta.version}.snapshot.json", Snapshot, promised=snapshot_meta
    )
    _verify(root, Snapshot.type, snapshot, "snapshot.json")
    targets_meta = _promise(snapshot, Targets.type)
    targets = _read(place / f"{targets_meta.version}.targets.json", Targets, promised=targets_meta)
    _verify(root, Targets.type, targets, "targets.json")
    channels_meta = _promise(snapshot, CHANNELS_ROLE)
    channels = _read(
        place / f"{channels_meta.version}.{CHANNELS_ROLE}.json", Targets, promised=channels_meta
    )
    _verify(targets, CHANNELS_ROLE, channels, f"{CHANNELS_ROLE}.json")
    return TufMetadata(
        root=root, timestamp=timestamp, snapshot=snapshot, targets=targets, channels=channels
    )


def _promise(snapshot: Metadata[Snapshot], role: str) -> MetaFile:
    meta = snapshot.signed.meta.get(f"{role}.json")
    if meta is None:
        raise IntegrityError(fact=f"the snapshot names no `{role}.json`")
    return meta


def _read(
    path: Path, kind: type[Payload], *, promised: MetaFile | None = None
) -> Metadata[Payload]:
    data = _read_file(path, TUF_METADATA_BYTES_MAX)
    if promised is not None:
        try:
            promised.verify_length_and_hashes(data)
        except LengthOrHashMismatchError as error:
            raise IntegrityError(fact=f"`{path}` is not what was signed for: {error}") from error
    metadata = _parse(kind, data, str(path))
    if promised is not None and metadata.signed.version != promised.version:
        raise IntegrityError(
            fact=f"`{path}` has version {metadata.signed.version}", expected=str(promised.version)
        )
    return metadata


def _parse(kind: type[Payload], data: bytes, where: str) -> Metadata[Payload]:
    try:
        metadata = Metadata[Payload].from_bytes(data)
    except (DeserializationError, RepositoryError) as error:
        raise IntegrityError(fact=f"`{where}` is no TUF metadata: {error}") from error
    if not isinstance(metadata.signed, kind):
        raise IntegrityError(
            fact=f"`{where}` holds {metadata.signed.type}", expected=f"the role {kind.type}"
        )
    return metadata


def _verify(
    delegator: Metadata[Root] | Metadata[Targets], role: str, metadata: Metadata[Payload], name: str
) -> None:
    try:
        delegator.signed.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError) as error:
        raise IntegrityError(
            fact=f"`{name}` of the published tree is not signed by its role: {error}",
            hint="restore the tree from a backup or a mirror",
        ) from error


def _read_file(path: Path, size_bytes_max: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(size_bytes_max + 1)
    except OSError as error:
        raise IntegrityError(
            fact=f"`{path}` of the published tree cannot be read: {error.strerror}"
        ) from error
    if len(data) > size_bytes_max:
        raise IntegrityError(
            fact=f"`{path}` is longer than {size_bytes_max} bytes",
            expected="the size that was signed for",
        )
    return data
