"""A published tree in memory whose keys are all at hand: it plays the maintainer and the attacker.

`SampleRepository` signs with python-tuf and serves through `SampleHttp`. The maintainer's moves are
methods; an attacker takes the metadata objects and the keys that the story gives away, changes
`files`, and signs what those keys can sign.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer._crypto_signer import CryptoSigner
from tuf.api._payload import (
    DelegatedRole,
    Delegations,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.metadata import Metadata

from sealift.base.edge.port import Response, World
from sealift.base.edge.real import real_world
from sealift.core.codec import to_json
from sealift.core.digest import Digest
from sealift.core.errors import UnavailableError
from sealift.core.limits import HTTP_TIMEOUT_S
from sealift.core.published import (
    ATTESTATIONS_NAME,
    CHANNELS_ROLE,
    POLICY_TARGET,
    RELEASE_DOCUMENT_NAME,
    ChainPolicy,
    ChannelDocument,
    channel_target,
    release_target,
)
from sealift.testing.chains import RELEASED_AT, SampleRelease

ADDRESS: Final = "https://downloads.example/jq"
OFFLINE: Final = ("root", "targets")
ONLINE: Final = ("snapshot", "timestamp", "channels", "apt")
_CHUNK_BYTES: Final = 700
_ENDLESS_CHUNKS: Final = 100_000


class FixedClock:
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the time that was set."""
        return self.at

    def monotonic_s(self) -> float:
        """Return the same second for ever."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Move on without waiting."""
        self.at += timedelta(seconds=seconds)


class SampleHttp:
    """Serve a dictionary of paths below one address; note every path that was asked for.

    `cut` ends an answer after so many bytes, `endless` never ends one, `down` refuses all.
    """

    def __init__(self, files: Mapping[str, bytes], *, address: str = ADDRESS) -> None:
        self.files = files
        self.address = address
        self.asked: list[str] = []
        self.cut: dict[str, int] = {}
        self.endless: set[str] = set()
        self.down = False

    @contextmanager
    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = HTTP_TIMEOUT_S,
    ) -> Iterator[Response]:
        """Answer from the dictionary, in small chunks."""
        del headers, timeout_s
        if self.down or not url.startswith(f"{self.address}/"):
            raise UnavailableError(fact=f"cannot reach `{url}`", expected=self.address)
        path = url.removeprefix(f"{self.address}/")
        self.asked.append(path)
        data = self.files.get(path)
        chunks = self._chunks(path, data) if data is not None else iter(())
        yield Response(status=200 if data is not None else 404, url=url, headers={}, chunks=chunks)

    def _chunks(self, path: str, data: bytes) -> Iterator[bytes]:
        data = data[: self.cut.get(path, len(data))]
        for place in range(0, len(data), _CHUNK_BYTES):
            yield data[place : place + _CHUNK_BYTES]
        if path in self.endless:
            for _ in range(_ENDLESS_CHUNKS):
                yield b"x" * _CHUNK_BYTES
            raise AssertionError(f"the client read {path} without end")


def sample_world(http: SampleHttp, *, at: datetime | None = None) -> World:
    """Return the real world with this HTTP, on an amd64 machine, optionally at a fixed time."""
    world = replace(real_world(), http=http, machine="x86_64")
    return replace(world, clock=FixedClock(at)) if at else world


def signer_of(role: str) -> CryptoSigner:
    """Return the key of a role: the same in every test run, and worth nothing."""
    seed = hashlib.sha256(f"sealift test key {role}".encode()).digest()
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(seed))


@dataclass(kw_only=True)
class SampleRepository:
    """One project's tree. `files` is what the origin serves; everything may be changed."""

    project: str = "jq"
    expires: datetime = field(default_factory=lambda: datetime.now(tz=UTC) + timedelta(days=14))  # noqa: TID251 - ngclient compares with the machine's clock
    files: dict[str, bytes] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Sign a root, and empty roles below it."""
        root = Root(version=1, expires=self.expires, consistent_snapshot=True)
        for role in ("root", "targets", "snapshot", "timestamp"):
            root.add_key(signer_of(role).public_key, role)
        self.root = Metadata(root)
        channels = signer_of(CHANNELS_ROLE).public_key
        delegated = DelegatedRole(
            name=CHANNELS_ROLE,
            keyids=[channels.keyid],
            threshold=1,
            terminating=True,
            paths=["channels/*"],
        )
        self.targets = Metadata(
            Targets(
                version=1,
                expires=self.expires,
                delegations=Delegations(
                    keys={channels.keyid: channels}, roles={CHANNELS_ROLE: delegated}
                ),
            )
        )
        self.channels = Metadata(Targets(version=1, expires=self.expires))
        self.snapshot = Metadata(Snapshot(version=1, expires=self.expires))
        self.timestamp = Metadata(Timestamp(version=1, expires=self.expires))
        self.root.sign(signer_of("root"))
        self.files["root.json"] = self.files["metadata/1.root.json"] = self.root.to_bytes()

    @property
    def fingerprint(self) -> Digest:
        """What users pin."""
        return Digest.of(self.files["metadata/1.root.json"])

    def http(self) -> SampleHttp:
        """Return an origin that serves this tree."""
        return SampleHttp(self.files)

    # --- the maintainer's moves -----------------------------------------------------------------

    def release(
        self, sample: SampleRelease, *, floor: str = "", policy: ChainPolicy | None = None
    ) -> None:
        """Publish a release: its files, documents and policy, signed offline and online."""
        self.released.append(sample.version)
        if policy is None:
            policy = sample.policy(floor=floor or self.released[0], released=tuple(self.released))
        self.add(POLICY_TARGET, to_json(policy))
        for name, data in sample.files.items():
            self.add(release_target(sample.version, name), data)
        self.add(release_target(sample.version, RELEASE_DOCUMENT_NAME), to_json(sample.document()))
        self.add(release_target(sample.version, ATTESTATIONS_NAME), sample.attestations)
        self.sign_targets()
        self.sign_online()

    def point(
        self, version: str, *, sequence: int = 1, channel: str = "stable", project: str = ""
    ) -> None:
        """Let a channel name a version, signed online."""
        document = ChannelDocument(
            project=project or self.project,
            channel=channel,
            version=version,
            sequence=sequence,
            previous="",
            changed_at=RELEASED_AT,
            reason="release",
        )
        self.add(channel_target(channel), to_json(document), role=self.channels)
        self.sign_online()

    def add(self, path: str, data: bytes, *, role: Metadata[Targets] | None = None) -> None:
        """Let a role name a target, unsigned yet, and serve its bytes."""
        target = TargetFile.from_data(path, data, ["sha256"])
        (role or self.targets).signed.targets[path] = target
        folder, slash, name = path.rpartition("/")
        self.files[f"targets/{folder}{slash}{Digest.of(data).hex}.{name}"] = data

    def sign_targets(self, *, signer: str = "targets") -> None:
        """Sign the top-level targets as the next version. An attacker gives another `signer`."""
        _count_up(self.targets)
        self.targets.sign(signer_of(signer))
        self._serve("targets", self.targets)

    def sign_online(self) -> None:
        """Sign channels, snapshot and timestamp as the next versions: online keys are enough."""
        _count_up(self.channels)
        self.channels.sign(signer_of(CHANNELS_ROLE))
        self._serve(CHANNELS_ROLE, self.channels)
        self.sign_snapshot()

    def sign_snapshot(self) -> None:
        """Sign snapshot and timestamp over what the other roles are now."""
        _count_up(self.snapshot)
        for role, metadata in (("targets", self.targets), (CHANNELS_ROLE, self.channels)):
            self.snapshot.signed.meta[f"{role}.json"] = describe(metadata)
        self.snapshot.sign(signer_of("snapshot"))
        self._serve("snapshot", self.snapshot)
        self.sign_timestamp()

    def sign_timestamp(self) -> None:
        """Sign the timestamp over the snapshot."""
        _count_up(self.timestamp)
        self.timestamp.signed.snapshot_meta = describe(self.snapshot)
        self.timestamp.sign(signer_of("timestamp"))
        self.files["metadata/timestamp.json"] = self.timestamp.to_bytes()

    def _serve(self, role: str, metadata: Metadata[Targets] | Metadata[Snapshot]) -> None:
        path = f"metadata/{metadata.signed.version}.{role}.json"
        self.files[path] = metadata.to_bytes()


def _count_up(
    metadata: Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp],
) -> None:
    """Make this the next version, unless it was never signed."""
    metadata.signed.version += 1 if metadata.signatures else 0


def describe(metadata: Metadata[Targets] | Metadata[Snapshot]) -> MetaFile:
    """Return what the role above says of this metadata."""
    data = metadata.to_bytes()
    return MetaFile(
        version=metadata.signed.version,
        length=len(data),
        hashes={"sha256": Digest.of(data).hex},
    )
