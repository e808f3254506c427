"""Whoever holds every online key and the origin: rewrites a published tree and signs what it can.

Works on a copy of a tree that the publish station wrote, with the keys of the machine that keeps
it fresh. `Attacker.show` signs channels, snapshot and timestamp over whatever was changed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import SSlibKey
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Signature,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from sealift.core.digest import Digest
from sealift.core.published import CHANNELS_ROLE, ChannelDocument, channel_target
from sealift.core.signing import KeyRole
from sealift.stations.attest.keypair import KeyPair
from sealift.stations.publish.tuf_repository import hashed_path

_AT_S: Final = 0  # of no meaning to the keys of TUF roles


class Attacker:
    """The tree in `folder` and the online keys."""

    def __init__(self, folder: Path, keys: Mapping[KeyRole, KeyPair]) -> None:
        self.folder = folder
        self.keys = keys
        self.root = Metadata[Root].from_bytes(self.read("root.json"))
        self.timestamp = Metadata[Timestamp].from_bytes(self.read("metadata/timestamp.json"))
        version = self.timestamp.signed.snapshot_meta.version
        self.snapshot = Metadata[Snapshot].from_bytes(
            self.read(f"metadata/{version}.snapshot.json")
        )
        self.targets = self._load("targets")
        self.channels = self._load(CHANNELS_ROLE)

    def _load(self, role: str) -> Metadata[Targets]:
        version = self.snapshot.signed.meta[f"{role}.json"].version
        return Metadata[Targets].from_bytes(self.read(f"metadata/{version}.{role}.json"))

    def read(self, path: str) -> bytes:
        """Return a file of the tree."""
        return (self.folder / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        """Write a file of the tree, over what is there."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_bytes(data)

    def document(self, path: str) -> Any:  # noqa: ANN401 - JSON, to be changed at will
        """Return a JSON document of the tree."""
        return json.loads(self.read(path))

    def everywhere(self, path: str, data: bytes) -> None:
        """Serve `data` as this target, under its own hash and under the one that is signed for."""
        self.write(path, data)
        self.write(hashed_path(path, Digest.of(data)), data)
        for role in (self.targets, self.channels):
            if path in role.signed.targets:
                signed = Digest(role.signed.targets[path].hashes["sha256"])
                self.write(hashed_path(path, signed), data)

    def name(self, role: Metadata[Targets], path: str, data: bytes) -> None:
        """Let a role name `data` as this target, and serve it by its hash."""
        role.signed.targets[path] = TargetFile.from_data(path, data, ["sha256"])
        self.write(hashed_path(path, Digest.of(data)), data)

    def point(self, version: str, *, sequence: int, project: str = "jq") -> None:
        """Let `stable` name a version."""
        document = ChannelDocument(
            project=project,
            channel="stable",
            version=version,
            sequence=sequence,
            previous="",
            changed_at="2026-01-01T00:00:00Z",
            reason="because I can",
        )
        fields = {name: getattr(document, name) for name in ChannelDocument.__slots__}
        self.name(self.channels, channel_target("stable"), json.dumps(fields).encode())

    def key(self, role: KeyRole) -> SSlibKey:
        """Return a public key as TUF writes it."""
        public = self.keys[role].public
        loaded = load_pem_public_key(public.text.encode())
        if not isinstance(loaded, Ed25519PublicKey):
            raise TypeError(f"{role} has no key for TUF")
        return SSlibKey.from_crypto(loaded, keyid=public.key_id)

    def sign(
        self,
        metadata: Metadata[Any],
        role: KeyRole,
        *,
        claiming: str = "",
        append: bool = False,
    ) -> None:
        """Sign with an online key, claiming to be the key of that id."""
        pair = self.keys[role]
        value = pair.sign(metadata.signed_bytes, at_s=_AT_S, form="raw").value
        key_id = claiming or pair.public.key_id
        before = metadata.signatures if append else {}
        metadata.signatures = {**before, key_id: Signature(key_id, value.hex())}

    def publish_targets(self, metadata: Metadata[Targets] | None = None) -> None:
        """Serve metadata as that of the top-level targets, and let the snapshot name it."""
        metadata = metadata or self.targets
        data = metadata.to_bytes()
        self.write(f"metadata/{metadata.signed.version}.targets.json", data)
        self.snapshot.signed.meta["targets.json"] = described(metadata.signed.version, data)

    def show(self) -> None:
        """Sign channels, snapshot and timestamp as their next versions, and serve them."""
        self.channels.signed.version += 1
        self.sign(self.channels, KeyRole.CHANNELS)
        data = self.channels.to_bytes()
        self.write(f"metadata/{self.channels.signed.version}.{CHANNELS_ROLE}.json", data)
        meta = self.snapshot.signed.meta
        meta[f"{CHANNELS_ROLE}.json"] = described(self.channels.signed.version, data)
        self.snapshot.signed.version += 1
        self.sign(self.snapshot, KeyRole.SNAPSHOT)
        data = self.snapshot.to_bytes()
        self.write(f"metadata/{self.snapshot.signed.version}.snapshot.json", data)
        self.timestamp.signed.snapshot_meta = described(self.snapshot.signed.version, data)
        self.timestamp.signed.version += 1
        self.sign(self.timestamp, KeyRole.TIMESTAMP)
        self.write("metadata/timestamp.json", self.timestamp.to_bytes())


def described(version: int, data: bytes) -> MetaFile:
    """Return what the role above says of metadata."""
    return MetaFile(version=version, length=len(data), hashes={"sha256": Digest.of(data).hex})
