"""Read an OSV feed from disk: JSON lines (plain or gzip), zip exports, single records, folders.

Every record is bounded, and so is the whole feed. A container that cannot be read is an
IntegrityError; a record inside that breaks the schema is yielded as the text of its refusal, so
that one bad record neither stops the scan nor vanishes.
"""

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, cast

from sealift.base.specs.osv import Advisory, parse_advisory
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import (
    ADVISORIES_MAX,
    ADVISORY_BYTES_MAX,
    ADVISORY_FEED_BYTES_MAX,
    MIB,
)

_LINES: Final = (".jsonl", ".jsonl.gz")
_SUFFIXES: Final = (*_LINES, ".json", ".zip")


def feed_files(place: Path) -> tuple[Path, ...]:
    """Return the files of the feed at `place` (a file or a folder), sorted; perhaps none."""
    if place.is_file():
        return (place,) if place.name.endswith(_SUFFIXES) else ()
    return tuple(
        sorted(
            path
            for path in place.rglob("*")
            if path.name.endswith(_SUFFIXES) and path.is_file() and not path.is_symlink()
        )
    )


def feed_digest(place: Path, files: Iterable[Path]) -> Digest:
    """Return the digest of the feed's bytes and of the names that its files have in it."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        name = path.name if path == place else path.relative_to(place).as_posix()
        whole.update(f"{content}  {name}\n".encode())
    return Digest(whole.hexdigest())


def read_feed(files: Iterable[Path]) -> Iterator[Advisory | str]:
    """Yield every record of every file, or why it was refused.

    Raises IntegrityError for a broken container, UnavailableError for nothing: the feed is local.
    """
    budget = ADVISORY_FEED_BYTES_MAX
    for count, (name, data) in enumerate(_documents(files)):
        budget -= len(data)
        if budget < 0 or count >= ADVISORIES_MAX:
            raise IntegrityError(
                fact="the advisory feed is too large",
                expected=f"at most {ADVISORY_FEED_BYTES_MAX // MIB} MiB, {ADVISORIES_MAX} records",
            )
        try:
            yield parse_advisory(data)
        except IntegrityError as error:
            yield f"{name}: {error}"


def _documents(files: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for path in files:
        try:
            if path.name.endswith(".zip"):
                yield from _members(path)
            elif path.name.endswith(_LINES):
                with _open_lines(path) as stream:
                    yield from _lines(path.name, stream)
            else:
                with path.open("rb") as stream:
                    yield path.name, _bounded(stream)
        except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise IntegrityError(
                fact=f"advisory feed `{path.name}` cannot be read: {error}",
                expected="OSV records as .json, .jsonl, .jsonl.gz or .zip",
            ) from error


def _open_lines(path: Path) -> IO[bytes]:
    if path.name.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")


def _lines(name: str, stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    number = 0
    while line := stream.readline(ADVISORY_BYTES_MAX + 1):
        number += 1
        if len(line) > ADVISORY_BYTES_MAX:
            raise IntegrityError(
                fact=f"line {number} of advisory feed `{name}` is too long",
                expected=f"at most {ADVISORY_BYTES_MAX} bytes",
            )
        if line.strip():
            yield f"{name}:{number}", line


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda one: one.filename):
            if not member.is_dir() and member.filename.endswith(".json"):
                with archive.open(member) as stream:
                    yield f"{path.name}:{member.filename}"[:200], _bounded(stream)


def _bounded(stream: IO[bytes]) -> bytes:
    # One byte more than allowed: the parser then refuses the record, and says how large it is.
    return stream.read(ADVISORY_BYTES_MAX + 1)
