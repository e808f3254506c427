"""The published tree on a file system: `generations/N`, shown by the symlink `current`.

A generation is written once and never changed. A new one starts as hard links of the one before,
gets its changed files, is made durable and read back, takes its number by a rename that fails when
the number is taken, and only then is shown. So a crash leaves either a staging folder that nobody
sees (swept by the next publisher) or a complete generation that is not shown yet (shown by the
next publisher: it was signed and read back). The release's lease keeps publishers apart; the
rename is the fence for when a lease was lost without anyone noticing.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealift.base.edge.port import Files
from sealift.base.store.port import BlobStore
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.limits import GENERATIONS_KEPT
from sealift.core.tree import check_path
from sealift.stations.publish.model import LinkedFile, StoredFile, TreeFile, WrittenFile

_CURRENT: Final = "current"
_GENERATIONS: Final = "generations"
_STAGING_PREFIX: Final = ".staging-"
_SWEPT_PREFIX: Final = ".swept-"
_FOLDER_MODE: Final = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One complete state of the tree."""

    number: int
    folder: Path


class Site:
    """The generations of one project's tree. `publisher` names this process among others."""

    def __init__(self, folder: Path, files: Files, *, publisher: str) -> None:
        self.folder = folder
        self._files = files
        self._publisher = check_path(publisher)
        self._generations = folder / _GENERATIONS

    def current(self) -> Generation | None:
        """Return the generation that visitors see, or None before the first one."""
        link = self.folder / _CURRENT
        if not link.is_symlink():
            return None
        target = link.readlink()
        if target.parent.as_posix() != _GENERATIONS or not target.name.isdecimal():
            raise IntegrityError(
                fact=f"`{link}` points to `{target}`", expected="`generations/N`", where=str(link)
            )
        return self._generation(int(target.name))

    def settle(self) -> Generation | None:
        """Clean up after crashed publishers and return the generation to build on.

        Half-written staging folders go, and links that were about to become `current`; a complete
        generation that was not shown yet is shown.
        """
        if not self._generations.is_dir():
            return None
        for path in sorted(self.folder.iterdir()):
            if path.is_symlink() and path.name != _CURRENT:
                self._files.remove(path)
        for folder in sorted(self._generations.iterdir()):
            if folder.name.startswith((_STAGING_PREFIX, _SWEPT_PREFIX)):
                self._sweep(folder)
        return self._show_newest()

    def publish(
        self,
        base: Generation | None,
        changes: Iterable[TreeFile],
        *,
        removed: Iterable[str] = (),
        store: BlobStore | None = None,
        check: Callable[[Path], None],
    ) -> Generation:
        """Make, read back and show the generation after `base`; all or nothing.

        `removed` are paths of `base` that are left out. `check` judges the staged folder before it
        is shown. Raises IntegrityError when what was written does not read back, UnavailableError
        when the disk is full or another publisher was faster.
        """
        number = base.number + 1 if base else 1
        staging = self._generations / f"{_STAGING_PREFIX}{number}-{self._publisher}"
        try:
            self._files.remove(staging)
            expected = self._stage(staging, base, tuple(changes), set(removed), store)
            _read_back(staging, expected)
            check(staging)
            self._claim(staging, number)
        except BaseException:
            self._files.remove(staging)
            raise
        shown = self._show_or_withdraw(number)
        self._prune(number)
        return shown

    def _stage(
        self,
        staging: Path,
        base: Generation | None,
        changes: tuple[TreeFile, ...],
        removed: set[str],
        store: BlobStore | None,
    ) -> dict[str, Digest]:
        """Write the whole generation durably; return the digests that must read back."""
        _check_changes(changes)
        changes = tuple(change for change in changes if not _is_linked_already(base, change))
        self._files.make_folder(staging)
        replaced = {change.path for change in changes} | removed
        if base is not None:
            for path in relative_files(base.folder):
                if path not in replaced:
                    self._files.link_or_copy(base.folder / path, self._place(staging, path))
        expected: dict[str, Digest] = {}
        # Links last: what they point at must be there.
        for change in sorted(changes, key=lambda change: isinstance(change, LinkedFile)):
            expected[change.path] = self._write(staging, change, store, expected)
        self._open_folders(staging)
        return expected

    def _open_folders(self, staging: Path) -> None:
        """Make every folder durable, and readable whatever the publisher's umask.

        The web server is another user, and two publishers must leave the same tree.
        """
        below = sorted(path for path in staging.rglob("*") if path.is_dir())
        for folder in (self.folder, self._generations, staging, *below):
            folder.chmod(_FOLDER_MODE)
            self._files.sync_folder(folder)

    def _write(
        self, staging: Path, change: TreeFile, store: BlobStore | None, expected: dict[str, Digest]
    ) -> Digest:
        target = self._place(staging, change.path)
        match change:
            case WrittenFile(data=data):
                self._files.write_durably(target, data)
                return Digest.of(data)
            case StoredFile(file=file):
                if store is None:
                    raise IntegrityError(
                        fact=f"`{change.path}` lies in a store, but none was given"
                    )
                # A copy, not a link: who can write the web root must not reach the store.
                with store.open(file.digest) as source, self._files.create_durably(target) as copy:
                    shutil.copyfileobj(source, copy)
                return file.digest
            case LinkedFile(source=source_path):
                source_file = staging / source_path
                if not source_file.is_file():
                    raise IntegrityError(
                        fact=f"`{change.path}` links to `{source_path}`, which is not in the tree"
                    )
                self._files.link_or_copy(source_file, target)
                return expected.get(source_path) or digest_of_file(source_file)

    def _place(self, staging: Path, path: str) -> Path:
        target = staging / check_path(path)
        self._files.make_folder(target.parent)
        return target

    def _claim(self, staging: Path, number: int) -> None:
        """Take the number. The rename fails when a generation of that number is there."""
        newest = self._newest()
        target = self._generations / str(number)
        if newest is not None and newest.number >= number:
            raise _overtaken(number)
        try:
            self._files.move_durably([(staging, target)], mode=_FOLDER_MODE)
        except OSError as error:
            raise _overtaken(number) from error

    def _show_or_withdraw(self, number: int) -> Generation:
        """Show the claimed generation; take it back when that fails.

        What was reported as failed must not appear later, when the next publisher cleans up.
        """
        try:
            shown = self._show_newest()
        except BaseException:
            current = self.current()
            if current is None or current.number < number:
                self._sweep(self._generations / str(number))
            raise
        if shown is None or shown.number != number:
            raise _overtaken(number)
        return shown

    def _show_newest(self) -> Generation | None:
        """Point `current` at the newest complete generation.

        Looked at again after each switch: a slow publisher that woke up late corrects itself.
        """
        while True:
            newest, shown = self._newest(), self.current()
            if newest is None or (shown is not None and shown.number >= newest.number):
                return shown
            self._files.replace_symlink(self.folder / _CURRENT, f"{_GENERATIONS}/{newest.number}")

    def _newest(self) -> Generation | None:
        numbers = [
            int(folder.name) for folder in self._generations.iterdir() if folder.name.isdecimal()
        ]
        return self._generation(max(numbers)) if numbers else None

    def _generation(self, number: int) -> Generation:
        return Generation(number=number, folder=self._generations / str(number))

    def _prune(self, newest: int) -> None:
        for folder in sorted(self._generations.iterdir()):
            if folder.name.isdecimal() and int(folder.name) <= newest - GENERATIONS_KEPT:
                self._sweep(folder)

    def _sweep(self, folder: Path) -> None:
        """Remove a folder under another name first, so that nobody meets half of it."""
        doomed = folder
        if not folder.name.startswith(_SWEPT_PREFIX):
            doomed = folder.with_name(f"{_SWEPT_PREFIX}{folder.name.lstrip('.')}")
            self._files.remove(doomed)
            self._files.move_durably([(folder, doomed)], mode=_FOLDER_MODE)
        self._files.remove(doomed)


def relative_files(folder: Path) -> list[str]:
    """Return the relative paths of all files below `folder`, sorted."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def digest_of_file(path: Path) -> Digest:
    """Hash a file while reading it."""
    with path.open("rb") as stream:
        return Digest(hashlib.file_digest(stream, "sha256").hexdigest())


def _check_changes(changes: tuple[TreeFile, ...]) -> None:
    paths = [check_path(change.path) for change in changes]
    if len(paths) != len(set(paths)):
        double = sorted(path for path in set(paths) if paths.count(path) > 1)
        raise IntegrityError(
            fact=f"`{double[0]}` would be written twice", expected="each path of the tree once"
        )


def _is_linked_already(base: Generation | None, change: TreeFile) -> bool:
    """Tell whether the generation before shows the same link, which is then carried over."""
    if base is None or not isinstance(change, LinkedFile):
        return False
    link, source = base.folder / change.path, base.folder / change.source
    return link.is_file() and source.is_file() and link.samefile(source)


def _read_back(staging: Path, expected: dict[str, Digest]) -> None:
    for path, digest in sorted(expected.items()):
        found = digest_of_file(staging / path)
        if found != digest:
            raise IntegrityError(
                fact=f"`{path}` read back as {found}",
                expected=str(digest),
                hint="check the disk (`dmesg`), then run the command again",
            )


def _overtaken(number: int) -> UnavailableError:
    return UnavailableError(
        fact=f"generation {number} was published by someone else meanwhile",
        expected="one publisher at a time",
        hint="run the command again: it builds on what is published now",
    )
