"""The advisory feed as one sorted text file, so that a second use reads a few lines of it.

The first line is a header (JSON); each further line is a package key, a tab, and a JSON array of
what is known of that package; lines are sorted by their bytes. A lookup is a binary search over the
mapped file. The file's name is the digest of the feed, so a changed feed never meets an old index.
"""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealift.base.edge.port import Files
from sealift.base.specs.osv import Advisory, Affected, package_key
from sealift.core.codec import from_json, to_json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.stations.inspect.advisory_match import KnownAdvisory

INDEX_FORMAT: Final = "sealift-advisories-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHeader:
    """What a feed is: its digest, its age, and what was in it.

    `newest` is the last `modified` (RFC 3339, UTC; empty when no record has a date that can be
    read). `refused` names up to a few records that break the schema, `refused_count` all of them.
    """

    format: str = INDEX_FORMAT
    feed: Digest
    records: int
    withdrawn: int
    undated: int
    refused_count: int
    refused: tuple[str, ...]
    newest: str
    ecosystems: tuple[str, ...]
    body_bytes: int = 0


class FeedBuilder:
    """Take advisories in, in any order, and give the index's bytes: equal feeds, equal bytes."""

    _REFUSED_NAMED: Final = 5

    def __init__(self) -> None:
        self._packages: dict[str, list[KnownAdvisory]] = {}
        self._ecosystems: set[str] = set()
        self._records = self._withdrawn = self._undated = 0
        self._newest = ""
        self._refused: list[str] = []

    def add(self, advisory: Advisory) -> None:
        """Index one record under every package that it names; a withdrawn one is only counted."""
        self._records += 1
        self._undated += 0 if advisory.modified else 1
        self._newest = max(self._newest, advisory.modified)
        self._ecosystems.update(one.ecosystem for one in advisory.affected)
        if advisory.withdrawn:
            self._withdrawn += 1
            return
        for affected in advisory.affected:
            self._packages.setdefault(package_key(affected.ecosystem, affected.name), []).append(
                _known(advisory, affected)
            )

    def refuse(self, reason: str) -> None:
        """Count a record that breaks the schema."""
        self._refused.append(reason)

    def finish(self, feed: Digest) -> bytes:
        """Return the whole file."""
        lines = sorted(
            key.encode() + b"\t" + to_json(sorted(known, key=lambda one: one.identifier)) + b"\n"
            for key, known in self._packages.items()
        )
        body = b"".join(lines)
        header = FeedHeader(
            feed=feed,
            records=self._records,
            withdrawn=self._withdrawn,
            undated=self._undated,
            refused_count=len(self._refused),
            refused=tuple(sorted(self._refused)[: self._REFUSED_NAMED]),
            newest=self._newest,
            ecosystems=tuple(sorted(self._ecosystems)),
            body_bytes=len(body),
        )
        return to_json(header) + b"\n" + body


class AdvisoryIndex:
    """An open index. Use `open_index`."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        end = content.find(b"\n")
        self.header = from_json(FeedHeader, content[: max(0, end)])
        self._start = end + 1
        if self.header.body_bytes != len(content) - self._start:
            raise IntegrityError(
                fact=f"advisory index has {len(content) - self._start} bytes of records",
                expected=f"{self.header.body_bytes}",
            )

    def lookup(self, key: str) -> Sequence[KnownAdvisory]:
        """Return what is known under `key`, sorted by id; empty when nothing is."""
        wanted = key.encode()
        low, high = self._start, len(self._content)
        while low < high:
            line, end = self._line_at((low + high) // 2)
            found, _, records = self._content[line:end].partition(b"\t")
            if found == wanted:
                return from_json(tuple[KnownAdvisory, ...], records)
            if found < wanted:
                low = end + 1
            else:
                high = line
        return ()

    def _line_at(self, offset: int) -> tuple[int, int]:
        """Return start and end of the line that holds `offset`."""
        start = self._content.rfind(b"\n", 0, offset) + 1
        end = self._content.find(b"\n", offset)
        return start, end if end >= 0 else len(self._content)


@contextmanager
def open_index(path: Path) -> Iterator[AdvisoryIndex]:
    """Map the index at `path`; raise IntegrityError when it is cut or of another format."""
    with path.open("rb") as stream:
        if path.stat().st_size == 0:
            raise IntegrityError(fact="advisory index is empty", expected=INDEX_FORMAT)
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield AdvisoryIndex(content)


def ensure_index(
    folder: Path, *, feed: Digest, advisories: Iterable[Advisory | str], files: Files
) -> tuple[Path, bool]:
    """Return the index of the feed and whether it was there already.

    `advisories` is only read when it was not: records, and a text for each that was refused. An
    index that is damaged is made again.
    """
    path = folder / f"{feed.hex}.index"
    if path.is_file():
        try:
            with open_index(path) as index:
                if index.header.feed == feed and index.header.format == INDEX_FORMAT:
                    return path, True
        except IntegrityError:
            files.remove(path)
    builder = FeedBuilder()
    for one in advisories:
        if isinstance(one, Advisory):
            builder.add(one)
        else:
            builder.refuse(one)
    files.make_folder(folder)
    files.write_durably(path, builder.finish(feed))
    return path, False


def _known(advisory: Advisory, affected: Affected) -> KnownAdvisory:
    return KnownAdvisory(
        identifier=advisory.identifier,
        aliases=advisory.aliases,
        summary=advisory.summary,
        severity=advisory.severity,
        severity_stated=advisory.severity_stated,
        affected=affected,
    )
