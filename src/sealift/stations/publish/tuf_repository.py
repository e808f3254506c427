"""The TUF metadata of one project's tree, signed through the desk (TUF specification 1.0).

Four roles and one delegation: root and targets are signed offline (a release manager says which
files a release has), snapshot, timestamp and the delegated `channels` online. `channels` may only
say `channels/*`, so that whoever holds all online keys can freeze or choose, but never add a file.

Versions only go up, expiries never move backwards, and all times come from the journalled time of
the release, so that a resumed release signs the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import Signature as TufSignature
from securesystemslib.signer import SSlibKey
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.metadata import T as Payload
from tuf.api.serialization.json import JSONSerializer

from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import (
    ROOT_EXPIRY_DAYS,
    SNAPSHOT_EXPIRY_DAYS,
    TARGETS_EXPIRY_DAYS,
    TIMESTAMP_EXPIRY_DAYS,
)
from sealift.core.published import CHANNELS_ROLE
from sealift.core.signing import KeyRole, PublicKey, SigningDesk

CHANNELS_PATHS: Final = "channels/*"
_TOP_LEVEL: Final = {
    Root.type: KeyRole.ROOT,
    Targets.type: KeyRole.RELEASES,
    Snapshot.type: KeyRole.SNAPSHOT,
    Timestamp.type: KeyRole.TIMESTAMP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TufMetadata:
    """One consistent set of metadata; `channels` is the delegated role."""

    root: Metadata[Root]
    timestamp: Metadata[Timestamp]
    snapshot: Metadata[Snapshot]
    targets: Metadata[Targets]
    channels: Metadata[Targets]

    @property
    def signed_at(self) -> datetime:
        """The time that the timestamp was signed for: later trees never go back behind it."""
        return self.timestamp.signed.expires - timedelta(days=TIMESTAMP_EXPIRY_DAYS)


def create_root(desk: SigningDesk, at: datetime) -> bytes:
    """Make and sign version 1 of the root, once, when the keys are made.

    Its sha256 is the fingerprint that users pin. Needs the desk's root key unlocked.
    """
    keys = {key.role: key for key in desk.public_keys()}
    root = Root(version=1, expires=_expiry(at, ROOT_EXPIRY_DAYS), consistent_snapshot=True)
    for role, key_role in _TOP_LEVEL.items():
        root.add_key(_tuf_key(_key(keys, key_role)), role)
    metadata = Metadata(root)
    _sign(metadata, desk, KeyRole.ROOT, at)
    root.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
    return encode(metadata)


def next_release(
    previous: TufMetadata | None,
    root: Metadata[Root],
    added: Mapping[str, Descriptor],
    desk: SigningDesk,
    at: datetime,
) -> TufMetadata:
    """Sign a set in which the targets role also names `added`. Needs the releases key.

    `added` maps target paths to what lies there; a path that is there already is replaced, which
    only documents that grow (`policy.json`, `project.json`) may ask for.
    """
    keys = {key.role: key for key in desk.public_keys()}
    targets = previous.targets.signed.targets if previous else {}
    signed = Targets(
        version=_after(previous.targets if previous else None),
        expires=_expiry(at, TARGETS_EXPIRY_DAYS),
        targets=dict(sorted({**targets, **_target_files(added)}.items())),
        delegations=_delegations(_key(keys, KeyRole.CHANNELS)),
    )
    metadata = Metadata(signed)
    _sign(metadata, desk, KeyRole.RELEASES, at)
    channels = previous.channels if previous else _sign_channels(None, {}, desk, at)
    return _seal(previous, desk, at, root=root, targets=metadata, channels=channels)


def next_channels(
    previous: TufMetadata, changed: Mapping[str, Descriptor], desk: SigningDesk, at: datetime
) -> TufMetadata:
    """Sign a set in which the channels role names `changed`. Online keys are enough."""
    channels = _sign_channels(previous.channels, changed, desk, at)
    return _seal(
        previous, desk, at, root=previous.root, targets=previous.targets, channels=channels
    )


def next_timestamp(previous: TufMetadata, desk: SigningDesk, at: datetime) -> TufMetadata:
    """Sign a set that differs in its timestamp only. The timestamp key is enough."""
    timestamp = _sign_timestamp(previous, previous.snapshot, desk, at)
    return TufMetadata(
        root=previous.root,
        timestamp=timestamp,
        snapshot=previous.snapshot,
        targets=previous.targets,
        channels=previous.channels,
    )


def metadata_files(metadata: TufMetadata) -> dict[str, bytes]:
    """Return the set's files by path, in the order in which a bucket must see them written.

    TUF 3.1: consistent snapshots; `timestamp.json` is the entry object and comes last.
    """
    root = encode(metadata.root)
    return {
        "root.json": root,
        f"metadata/{metadata.root.signed.version}.root.json": root,
        f"metadata/{metadata.targets.signed.version}.targets.json": encode(metadata.targets),
        f"metadata/{metadata.channels.signed.version}.{CHANNELS_ROLE}.json": encode(
            metadata.channels
        ),
        f"metadata/{metadata.snapshot.signed.version}.snapshot.json": encode(metadata.snapshot),
        "metadata/timestamp.json": encode(metadata.timestamp),
    }


def hashed_path(target: str, digest: Digest) -> str:
    """Return where a client with consistent snapshots looks for a target."""
    folder, slash, name = target.rpartition("/")
    return f"targets/{folder}{slash}{digest.hex}.{name}"


def encode(metadata: Metadata[Payload]) -> bytes:
    """Serialise as it is published: compact, keys sorted."""
    return metadata.to_bytes(JSONSerializer(compact=True))


def _seal(
    previous: TufMetadata | None,
    desk: SigningDesk,
    at: datetime,
    *,
    root: Metadata[Root],
    targets: Metadata[Targets],
    channels: Metadata[Targets],
) -> TufMetadata:
    """Sign snapshot and timestamp over targets and channels."""
    snapshot = Metadata(
        Snapshot(
            version=_after(previous.snapshot if previous else None),
            expires=_expiry(at, SNAPSHOT_EXPIRY_DAYS),
            meta={
                f"{CHANNELS_ROLE}.json": _meta_file(channels),
                f"{Targets.type}.json": _meta_file(targets),
            },
        )
    )
    _sign(snapshot, desk, KeyRole.SNAPSHOT, at)
    return TufMetadata(
        root=root,
        timestamp=_sign_timestamp(previous, snapshot, desk, at),
        snapshot=snapshot,
        targets=targets,
        channels=channels,
    )


def _sign_timestamp(
    previous: TufMetadata | None, snapshot: Metadata[Snapshot], desk: SigningDesk, at: datetime
) -> Metadata[Timestamp]:
    timestamp = Metadata(
        Timestamp(
            version=_after(previous.timestamp if previous else None),
            expires=_expiry(at, TIMESTAMP_EXPIRY_DAYS),
            snapshot_meta=_meta_file(snapshot),
        )
    )
    _sign(timestamp, desk, KeyRole.TIMESTAMP, at)
    return timestamp


def _sign_channels(
    previous: Metadata[Targets] | None,
    changed: Mapping[str, Descriptor],
    desk: SigningDesk,
    at: datetime,
) -> Metadata[Targets]:
    targets = previous.signed.targets if previous else {}
    channels = Metadata(
        Targets(
            version=_after(previous),
            expires=_expiry(at, SNAPSHOT_EXPIRY_DAYS),
            targets=dict(sorted({**targets, **_target_files(changed)}.items())),
        )
    )
    _sign(channels, desk, KeyRole.CHANNELS, at)
    return channels


def _sign(metadata: Metadata[Payload], desk: SigningDesk, role: KeyRole, at: datetime) -> None:
    # Not Metadata.sign: it would wrap the desk's own errors, which say what is locked and why.
    signature = desk.sign(role, metadata.signed_bytes, at_s=int(at.timestamp()))
    metadata.signatures = {signature.key_id: TufSignature(signature.key_id, signature.value.hex())}


def _delegations(channels_key: PublicKey) -> Delegations:
    key = _tuf_key(channels_key)
    role = DelegatedRole(
        name=CHANNELS_ROLE,
        keyids=[key.keyid],
        threshold=1,
        # Terminating: nothing else may ever be asked about a channel.
        terminating=True,
        paths=[CHANNELS_PATHS],
    )
    return Delegations(keys={key.keyid: key}, roles={CHANNELS_ROLE: role})


def _target_files(added: Mapping[str, Descriptor]) -> dict[str, TargetFile]:
    return {
        path: TargetFile(
            length=descriptor.size_bytes, hashes={"sha256": descriptor.digest.hex}, path=path
        )
        for path, descriptor in added.items()
    }


def _meta_file(metadata: Metadata[Payload]) -> MetaFile:
    data = encode(metadata)
    return MetaFile(
        version=metadata.signed.version,
        length=len(data),
        hashes={"sha256": Digest.of(data).hex},
    )


def _after(previous: Metadata[Payload] | None) -> int:
    return previous.signed.version + 1 if previous else 1


def _expiry(at: datetime, days: int) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0) + timedelta(days=days)


def _key(keys: Mapping[KeyRole, PublicKey], role: KeyRole) -> PublicKey:
    if role not in keys:
        raise ConfigError(
            fact=f"there is no key for the role `{role}`",
            expected="one key a role",
            hint="run `sealift keys init`",
        )
    return keys[role]


def _tuf_key(key: PublicKey) -> SSlibKey:
    loaded = load_pem_public_key(key.text.encode())
    if not isinstance(loaded, Ed25519PublicKey) or key.scheme != "ed25519":
        raise IntegrityError(
            fact=f"the key of role `{key.role}` is a {key.scheme} key", expected="an ed25519 key"
        )
    return SSlibKey.from_crypto(loaded, keyid=key.key_id)
