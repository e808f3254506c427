"""The tree as the board of channel pointers: what the channel station reads and writes.

It matches that station's `PointerBoard` port by shape; `app/wiring.py` puts the two together.
"""

from collections.abc import Sequence

from sealift.base.store.port import BlobStore
from sealift.core.codec import to_json
from sealift.core.errors import IntegrityError, PolicyDenied
from sealift.core.limits import TUF_METADATA_BYTES_MAX
from sealift.core.published import ChainPolicy, ChannelDocument, channel_target
from sealift.core.signing import SigningDesk
from sealift.stations.publish.catalogue import read_catalogue, with_channels
from sealift.stations.publish.model import WrittenFile
from sealift.stations.publish.page import Pages
from sealift.stations.publish.project_site import ProjectSite, PublishedState, not_before
from sealift.stations.publish.release_files import descriptor_of
from sealift.stations.publish.site import Site
from sealift.stations.publish.tuf_repository import next_channels


def history_target(channel: str) -> str:
    """Return the target path of a channel's history, one document a line, oldest first."""
    return f"channels/{channel}.history.jsonl"


class SiteBoard:
    """Read and move the pointers of one project's tree. Online keys are enough."""

    def __init__(self, site: Site, *, root: bytes, store: BlobStore, desk: SigningDesk) -> None:
        self._site = ProjectSite(site, root, store=store)
        self._desk = desk

    def policy(self) -> ChainPolicy:
        """Return which versions a pointer may name."""
        return self._site.settled_or_refuse().tree.policy()

    def read(self, channel: str) -> ChannelDocument | None:
        """Return where the channel points, or None when it never did."""
        return self._site.settled_or_refuse().tree.channel(channel)

    def generation(self) -> int:
        """Return the number of the generation that visitors see."""
        return self._site.settled_or_refuse().generation.number

    def write(self, documents: Sequence[ChannelDocument], *, at_s: int) -> int:
        """Sign and show these pointers in one new generation; return its number.

        Raises PolicyDenied for a version that is not released or lies below the floor, and
        IntegrityError for a sequence that does not go up.
        """
        base = self._site.settled_or_refuse()
        at = not_before(at_s, base)
        files: list[WrittenFile] = []
        for document in documents:
            _refuse_bad_pointer(base, document)
            files += _pointer_files(base, document)
        metadata = next_channels(
            base.tree.metadata,
            {file.path: descriptor_of(file) for file in files},
            self._desk,
            at,
        )
        catalogue = read_catalogue(base.tree, self._site.root_digest)
        pages = Pages(self._desk.public_keys())
        index = pages.publish(with_channels(catalogue, documents), at)
        return self._site.write(base, metadata, files, index).generation.number


def _pointer_files(base: PublishedState, document: ChannelDocument) -> tuple[WrittenFile, ...]:
    line = to_json(document)
    path = history_target(document.channel)
    there = base.tree.descriptor(path) is not None
    history = base.tree.read(path, size_bytes_max=TUF_METADATA_BYTES_MAX) if there else b""
    return (
        WrittenFile(path=path, data=history + line + b"\n"),
        WrittenFile(path=channel_target(document.channel), data=line),
    )


def _refuse_bad_pointer(base: PublishedState, document: ChannelDocument) -> None:
    """Refuse here what every client would refuse there."""
    policy = base.tree.policy()
    if document.project != policy.project:
        raise IntegrityError(
            fact=f"the pointer is for project `{document.project}`", expected=policy.project
        )
    if document.version not in policy.released:
        raise PolicyDenied(
            fact=f"channel `{document.channel}` would name {document.version}",
            expected=f"a released version ({', '.join(policy.released)})",
            hint="run `sealift release` first",
        )
    if policy.released.index(document.version) < policy.released.index(policy.floor):
        raise PolicyDenied(
            fact=f"channel `{document.channel}` would name {document.version}",
            expected=f"a version at or above the floor, {policy.floor}",
            hint="release a fixed version",
        )
    before = base.tree.channel(document.channel)
    if document.sequence <= (before.sequence if before else 0):
        raise IntegrityError(
            fact=f"channel `{document.channel}` would get sequence {document.sequence}",
            expected=f"more than {before.sequence if before else 0}",
            hint="run the command again: it builds on what is published now",
        )
