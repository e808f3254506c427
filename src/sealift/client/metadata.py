"""TUF metadata on disk, verified once more from the pinned root, without network.

ngclient has verified what it keeps; but a disk is not trusted, and offline there is no ngclient. So
root, timestamp, snapshot, targets and `channels` are walked here again (TUF 5.3 to 5.6). Root and
targets say what is released, and must hold and not be expired. Timestamp, snapshot and channels say
how fresh that is: offline their expiry is a note.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.metadata import T as Payload
from tuf.api.serialization import DeserializationError

from sealift.core.codec import format_time
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import ROOT_ROTATIONS_MAX, TUF_METADATA_BYTES_MAX
from sealift.core.published import CHANNELS_ROLE, channel_target

Freshness = Literal["demanded", "noted"]
_HINT: Final = "run `sealift get NAME` to refresh what is trusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedMetadata:
    """What the release managers signed, and what the channels role may choose among."""

    targets: Mapping[str, TargetFile]
    channels: Mapping[str, TargetFile]
    notes: tuple[str, ...]

    def target(self, path: str) -> Descriptor | None:
        """Return what the top-level targets role alone says of `path`; delegations are not asked.

        An online key can sign delegated roles only, so nothing that it signs is found here.
        """
        return _descriptor(self.targets.get(path), path)

    def channel(self, name: str) -> Descriptor | None:
        """Return the pointer of a channel as the `channels` role signed it."""
        return _descriptor(self.channels.get(channel_target(name)), channel_target(name))


def load_metadata(
    folder: Path, *, root: bytes, at: datetime, freshness: Freshness
) -> TrustedMetadata:
    """Verify the metadata in ngclient's `folder` from the pinned root's bytes.

    Raises IntegrityError for a signature, version, hash or expiry that does not hold; with
    `freshness="noted"`, what only tells how fresh it is becomes a note instead.
    """
    final_root = _latest_root(folder, root)
    _refuse_expired(final_root, at)
    with _described("targets.json"):
        targets = _parse(Targets, _read(folder / "targets.json"))
        final_root.verify_delegate(Targets.type, targets.signed_bytes, targets.signatures)
    _refuse_expired(targets.signed, at)
    notes: list[str] = []
    channels: Mapping[str, TargetFile] = {}
    try:
        channels = _check_freshness(folder, final_root, targets, at)
    except IntegrityError as error:
        if freshness == "demanded":
            raise
        notes.append(f"not known to be the newest: {error}")
    return TrustedMetadata(targets=targets.signed.targets, channels=channels, notes=tuple(notes))


def _latest_root(folder: Path, pinned: bytes) -> Root:
    """Walk from the pinned root to the newest one kept; each is signed by the one before it."""
    with _described("root.json"):
        metadata = _parse(Root, pinned)
        metadata.signed.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
    root = metadata.signed
    for _ in range(ROOT_ROTATIONS_MAX):
        path = folder / "root_history" / f"{root.version + 1}.root.json"
        if not path.is_file():
            return root
        with _described(path.name):
            following = _parse(Root, _read(path))
            # TUF 5.3.4 and 5.3.5: signed by the trusted root and by itself, one version on.
            root.verify_delegate(Root.type, following.signed_bytes, following.signatures)
            following.signed.verify_delegate(
                Root.type, following.signed_bytes, following.signatures
            )
        if following.signed.version != root.version + 1:
            raise IntegrityError(
                fact=f"`{path.name}` has version {following.signed.version}",
                expected=str(root.version + 1),
                hint=_HINT,
            )
        root = following.signed
    raise IntegrityError(
        fact=f"root was rotated more than {ROOT_ROTATIONS_MAX} times",
        expected=f"at most {ROOT_ROTATIONS_MAX}",
    )


def _check_freshness(
    folder: Path, root: Root, targets: Metadata[Targets], at: datetime
) -> Mapping[str, TargetFile]:
    """Check timestamp, snapshot and channels; return the targets of `channels`."""
    with _described("timestamp.json"):
        timestamp = _parse(Timestamp, _read(folder / "timestamp.json"))
        root.verify_delegate(Timestamp.type, timestamp.signed_bytes, timestamp.signatures)
    with _described("snapshot.json"):
        snapshot = _promised(Snapshot, folder / "snapshot.json", timestamp.signed.snapshot_meta)
        root.verify_delegate(Snapshot.type, snapshot.signed_bytes, snapshot.signatures)
    meta = snapshot.signed.meta
    with _described("targets.json"):
        _promised(Targets, folder / "targets.json", meta.get("targets.json"))
    for signed in (timestamp.signed, snapshot.signed):
        _refuse_expired(signed, at)
    path = folder / f"{CHANNELS_ROLE}.json"
    if not path.is_file():
        return {}
    with _described(path.name):
        channels = _promised(Targets, path, meta.get(path.name))
        targets.signed.verify_delegate(CHANNELS_ROLE, channels.signed_bytes, channels.signatures)
    _refuse_expired(channels.signed, at)
    return {
        target: info
        for target, info in channels.signed.targets.items()
        if _may_say(targets.signed, target)
    }


def _may_say(targets: Targets, target: str) -> bool:
    """Tell whether the `channels` role is delegated this path."""
    roles = targets.delegations.roles if targets.delegations else None
    role = (roles or {}).get(CHANNELS_ROLE)
    return role is not None and role.is_delegated_path(target)


def _promised(kind: type[Payload], path: Path, meta: MetaFile | None) -> Metadata[Payload]:
    """Read a file that the metadata above it describes by version, length and hashes."""
    data = _read(path)
    if meta is None:
        raise IntegrityError(
            fact=f"snapshot does not name `{path.name}`", expected="every role", hint=_HINT
        )
    meta.verify_length_and_hashes(data)
    metadata = _parse(kind, data)
    if metadata.signed.version != meta.version:
        raise IntegrityError(
            fact=f"`{path.name}` has version {metadata.signed.version}",
            expected=str(meta.version),
            hint=_HINT,
        )
    return metadata


def _refuse_expired(signed: Root | Timestamp | Snapshot | Targets, at: datetime) -> None:
    # TUF 5.3.10, 5.4.4, 5.5.6, 5.6.5.
    if signed.is_expired(at):
        raise IntegrityError(
            fact=f"{signed.type} metadata has expired at {format_time(signed.expires)}",
            expected=f"one that is valid at {format_time(at)}",
            hint="ask the project's maintainers to run `sealift site refresh`",
        )


@contextmanager
def _described(name: str) -> Iterator[None]:
    """Say which file python-tuf's errors are about."""
    try:
        yield
    except DeserializationError as error:
        raise IntegrityError(
            fact=f"`{name}` is no TUF metadata: {error}", expected="TUF 1.0", hint=_HINT
        ) from error
    except LengthOrHashMismatchError as error:
        raise IntegrityError(
            fact=f"`{name}` is not what the signed metadata names: {error}",
            expected="the bytes that were signed for",
            hint=_HINT,
        ) from error
    except (RepositoryError, ValueError) as error:
        raise IntegrityError(
            fact=f"`{name}` is not signed by its role: {error}",
            expected="a threshold of its role's keys",
            hint=_HINT,
        ) from error


def _parse(kind: type[Payload], data: bytes) -> Metadata[Payload]:
    metadata = Metadata[Payload].from_bytes(data)
    if not isinstance(metadata.signed, kind):
        raise IntegrityError(
            fact=f"metadata holds the role {metadata.signed.type}", expected=kind.type, hint=_HINT
        )
    return metadata


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(TUF_METADATA_BYTES_MAX + 1)
    except OSError as error:
        raise IntegrityError(
            fact=f"`{path}` cannot be read: {error.strerror}",
            expected="the metadata of the last refresh",
            hint=_HINT,
        ) from error
    if len(data) > TUF_METADATA_BYTES_MAX:
        raise IntegrityError(
            fact=f"`{path}` is too long", expected=f"at most {TUF_METADATA_BYTES_MAX} bytes"
        )
    return data


def _descriptor(info: TargetFile | None, path: str) -> Descriptor | None:
    if info is None:
        return None
    if "sha256" not in info.hashes:
        raise IntegrityError(fact=f"target `{path}` has no sha256", expected="a sha256")
    return Descriptor(digest=Digest(info.hashes["sha256"]), size_bytes=info.length)
