"""One project's tree as a whole: the generations, the pinned root, and how a new state is written.

Whatever changes the tree (a release, a channel, a refresh) goes through `ProjectSite.write`, so the
same rules hold for all: hash-prefixed targets are links, old metadata is kept for clients that are
in the middle of an update, and the staged tree must verify from the root before it is shown.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sealift.base.store.port import BlobStore
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import GENERATIONS_KEPT
from sealift.core.published import CHANNELS_ROLE
from sealift.stations.publish.model import LinkedFile, StoredFile, TreeFile, WrittenFile
from sealift.stations.publish.release_files import descriptor_of
from sealift.stations.publish.site import Generation, Site, relative_files
from sealift.stations.publish.trusted_tree import TrustedTree
from sealift.stations.publish.tuf_repository import TufMetadata, hashed_path, metadata_files

_VERSIONED: Final = re.compile(
    rf"metadata/(?P<version>\d+)\.(?P<role>targets|snapshot|{CHANNELS_ROLE})\.json\Z"
)
_HASHED_CHANNEL: Final = re.compile(rf"targets/{CHANNELS_ROLE}/(?P<digest>[0-9a-f]{{64}})\.[^/]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedState:
    """What visitors see now, verified."""

    generation: Generation
    tree: TrustedTree


class ProjectSite:
    """The tree of one project, verified from `root`, which its keys folder pins."""

    def __init__(self, site: Site, root: bytes, *, store: BlobStore) -> None:
        self.site = site
        self.root = root
        self._store = store

    @property
    def root_digest(self) -> Digest:
        """The fingerprint that users pin."""
        return Digest.of(self.root)

    def shown(self) -> PublishedState | None:
        """Return what is published, without changing anything."""
        return self._verified(self.site.current())

    def settled(self) -> PublishedState | None:
        """Clean up after crashed publishers, then return what to build on."""
        return self._verified(self.site.settle())

    def settled_or_refuse(self) -> PublishedState:
        """Return what to build on; ConfigError when nothing was ever published."""
        state = self.settled()
        if state is None:
            raise ConfigError(
                fact="nothing is published yet",
                expected="a first release",
                hint="run `sealift release`",
                where=str(self.site.folder),
            )
        return state

    def write(
        self,
        base: PublishedState | None,
        metadata: TufMetadata,
        targets: Sequence[WrittenFile | StoredFile],
        others: Sequence[TreeFile],
    ) -> PublishedState:
        """Publish a state in which `metadata` signs for `targets`; all or nothing.

        `others` are files that no TUF role signs for: indices, pages. Raises IntegrityError when
        the staged tree does not verify, UnavailableError when another publisher was faster.
        """
        promised = {target.path: descriptor_of(target) for target in targets}
        changes: list[TreeFile] = [
            *targets,
            *(
                LinkedFile(path=hashed_path(path, descriptor.digest), source=path)
                for path, descriptor in promised.items()
            ),
            *others,
            *(WrittenFile(path=path, data=data) for path, data in metadata_files(metadata).items()),
        ]
        generation = self.site.publish(
            base.generation if base else None,
            changes,
            removed=_superseded(base, metadata) if base else (),
            store=self._store,
            check=lambda folder: self._check(folder, promised),
        )
        return PublishedState(generation=generation, tree=TrustedTree(generation.folder, self.root))

    def _verified(self, generation: Generation | None) -> PublishedState | None:
        if generation is None:
            return None
        return PublishedState(generation=generation, tree=TrustedTree(generation.folder, self.root))

    def _check(self, folder: Path, promised: Mapping[str, Descriptor]) -> None:
        """Verify the staged tree as a client would; its bytes were read back before."""
        tree = TrustedTree(folder, self.root)
        for path, descriptor in sorted(promised.items()):
            if tree.descriptor(path) != descriptor:
                raise IntegrityError(
                    fact=f"the staged metadata does not sign for `{path}`",
                    expected=str(descriptor.digest),
                )


def not_before(at_s: int, base: PublishedState | None) -> datetime:
    """Return the time to sign for: never earlier than what is published.

    A release can wait for days between its opening and its publication while others go on; clients
    refuse an `InRelease` that is older than one they saw, and an expiry must not move back.
    """
    at = datetime.fromtimestamp(at_s, tz=UTC)
    return max(at, base.tree.metadata.signed_at) if base else at


def _superseded(base: PublishedState, metadata: TufMetadata) -> tuple[str, ...]:
    """Name files that no client can still be on its way to."""
    newest = {
        "targets": metadata.targets.signed.version,
        "snapshot": metadata.snapshot.signed.version,
        CHANNELS_ROLE: metadata.channels.signed.version,
    }
    pointed = {
        target.hashes["sha256"]
        for channels in (base.tree.metadata.channels, metadata.channels)
        for target in channels.signed.targets.values()
    }
    removed: list[str] = []
    for path in relative_files(base.generation.folder):
        versioned, channel = _VERSIONED.match(path), _HASHED_CHANNEL.match(path)
        old = (
            versioned and int(versioned["version"]) <= newest[versioned["role"]] - GENERATIONS_KEPT
        )
        if old or (channel and channel["digest"] not in pointed):
            removed.append(path)
    return tuple(removed)
