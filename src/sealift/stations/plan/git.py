"""A git checkout, asked by the git command line with a clean configuration.

Nothing of the user's or the machine's git configuration has a say: not attributes, not hooks, not
replaced objects. What the checkout's own `.git/info/attributes` would change is refused, since it
travels with no commit.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion
from packaging.version import Version as PythonVersion

from sealift.base.edge.port import Command, Completed, Processes
from sealift.base.store.port import BlobStore
from sealift.base.store.trees import ingest_tar
from sealift.core.errors import ConfigError, DriverError
from sealift.core.limits import GIT_TIMEOUT_S
from sealift.core.tree import Tree
from sealift.core.version import Version
from sealift.stations.plan.model import IGNORE_NAME, LOCK_NAME, MANIFEST_NAME

_CLEAN: Final[Mapping[str, str]] = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    # `refs/replace` would show another commit's files under this commit's name.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_KEPT: Final = ("PATH", "HOME", "GNUPGHOME")
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.eol=lf",
    "gpg.program=gpg",
    "gpg.openpgp.program=gpg",
    "gpg.ssh.program=ssh-keygen",
)
_FREE: Final = frozenset({MANIFEST_NAME, LOCK_NAME})
_FREE_UNTRACKED: Final = frozenset({IGNORE_NAME, ".sealift/"})
_GITLINK: Final = b"160000"
_NAMES_SHOWN: Final = 5
_DIGITS: Final = re.compile(r"\d+|[^\d.]+")


class Git:
    """The checkout whose top folder is `folder`."""

    def __init__(
        self, *, processes: Processes, environment: Mapping[str, str], folder: Path
    ) -> None:
        self._processes = processes
        self._environment = {
            **{name: environment[name] for name in _KEPT if name in environment},
            **_CLEAN,
        }
        self._folder = folder.resolve()

    @property
    def folder(self) -> Path:
        """The checkout's top folder."""
        return self._folder

    def find(self, program: str) -> Path | None:
        """Return where a program lies that git may call, or None."""
        return self._processes.find(program)

    def run(self, *arguments: str, settings: tuple[str, ...] = ()) -> Completed:
        """Run git; the caller looks at the exit code. Raises ConfigError when git is missing."""
        program = self._processes.find("git")
        if program is None:
            raise ConfigError(
                fact="git is not installed",
                expected="the git command line",
                hint="apt-get install git",
            )
        chosen = (f"safe.directory={self._folder}", *_SETTINGS, *settings)
        options = [part for setting in chosen for part in ("-c", setting)]
        return self._processes.run(
            Command(
                argv=(str(program), *options, *arguments),
                environment=self._environment,
                folder=self._folder,
                timeout_s=GIT_TIMEOUT_S,
            )
        )

    def text(self, *arguments: str) -> str:
        """Return what git prints, without the last line break; raise DriverError when it fails."""
        completed = self.run(*arguments)
        if completed.exit_code != 0 or completed.truncated:
            raise _failure(arguments, completed)
        return completed.stdout.decode("utf-8", errors="surrogateescape").rstrip("\n")

    def head_commit(self) -> str:
        """Return the commit that is checked out; raise ConfigError outside of a checkout's top."""
        top = self.run("rev-parse", "--show-toplevel")
        if top.exit_code != 0:
            raise ConfigError(
                fact=f"`{self._folder.name}` is no git checkout: {_first_line(top.stderr)}",
                expected="a folder with a `.git`",
                hint="git init && git add --all && git commit",
            )
        found = Path(top.stdout.decode("utf-8", errors="surrogateescape").rstrip("\n"))
        if found.resolve() != self._folder:
            raise ConfigError(
                fact=f"`{self._folder.name}` lies inside of the git checkout `{found.name}`",
                expected="the checkout's top folder",
                hint=f"cd {found}",
            )
        commit = self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if commit.exit_code != 0:
            raise ConfigError(
                fact="the checkout has no commit yet",
                expected="a commit to release",
                hint="git add --all && git commit",
            )
        return commit.stdout.decode().strip()

    def commit_epoch_s(self, commit: str) -> int:
        """Return the committer's time, the SOURCE_DATE_EPOCH of all that is built from it."""
        return int(self.text("show", "--no-patch", "--format=%ct", f"{commit}^{{commit}}"))

    def changes(self) -> tuple[str, ...]:
        """Return the paths that differ from the commit, sorted; none means clean.

        The manifest and the lock never count: the plan holds them. Ignored files do not count, nor
        an untracked `.gitignore` or `.sealift/`, which `sealift init` makes.
        """
        listing = self.text("status", "--porcelain=v1", "-z", "--untracked-files=normal")
        changed: set[str] = set()
        rows = iter(listing.split("\0"))
        for row in rows:
            state, path = row[:2], row[3:]
            if not row:
                continue
            if state[0] in "RC":
                next(rows, "")  # The old name of a renamed file follows on its own.
            if path in _FREE or (state == "??" and path in _FREE_UNTRACKED):
                continue
            changed.add(path)
        return tuple(sorted(changed))

    def require_clean(self) -> None:
        """Raise ConfigError with the first names when the checkout has changes."""
        changed = self.changes()
        if not changed:
            return
        names = ", ".join(f"`{name}`" for name in changed[:_NAMES_SHOWN])
        more = len(changed) - _NAMES_SHOWN
        raise ConfigError(
            fact=f"the checkout has uncommitted changes: {names}"
            + (f" and {more} more" if more > 0 else ""),
            expected="a clean checkout: a release reads the commit and nothing else",
            hint="git stash --include-untracked",
        )

    def version_tag(self, commit: str) -> str:
        """Return the newest version tag that points at `commit`; raise ConfigError without one."""
        tags = self._tags("--points-at", commit)
        chosen = newest_version_tag(tags)
        if chosen:
            return chosen
        here = f" (only {', '.join(f'`{tag}`' for tag in tags[:_NAMES_SHOWN])})" if tags else ""
        raise ConfigError(
            fact=f"commit {commit[:12]} has no version tag{here}",
            expected="a tag such as `v1.2.3` on the commit, or `--snapshot` to rehearse",
            hint=self._tag_hint(),
        )

    def nearest_version_tag(self, commit: str) -> str:
        """Return the newest version tag in the history of `commit`, or nothing."""
        return newest_version_tag(self._tags("--merged", commit))

    def paths(self, commit: str) -> tuple[str, ...]:
        """Return the paths of all files of `commit`, sorted."""
        listing = self.text("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
        return tuple(sorted(path for path in listing.split("\0") if path))

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file of `commit`; None when there is none."""
        if self.run("cat-file", "-e", f"{commit}:{path}").exit_code != 0:
            return None
        completed = self.run("cat-file", "blob", f"{commit}:{path}")
        if completed.exit_code != 0 or completed.truncated:
            raise _failure(("cat-file", "blob"), completed)
        return completed.stdout

    def archive(self, commit: str, store: BlobStore) -> Tree:
        """Store the files of `commit` as `git archive` gives them; return their tree.

        Raises ConfigError for submodules, which an archive leaves out in silence, and for
        `.git/info/attributes`, which would change the files without being part of the commit.
        """
        self._refuse_what_archives_hide(commit)
        with tempfile.TemporaryDirectory(prefix="sealift-source-") as folder:
            place = Path(folder) / "source.tar"
            self.text("archive", "--format=tar", f"--output={place}", commit)
            with place.open("rb") as stream:
                return ingest_tar(store, stream)

    def _refuse_what_archives_hide(self, commit: str) -> None:
        attributes = Path(self.text("rev-parse", "--git-path", "info/attributes"))
        place = self._folder / attributes
        if place.is_file() and place.read_bytes().strip():
            raise ConfigError(
                fact=f"`{attributes}` changes what `git archive` gives",
                expected="attributes in a committed `.gitattributes`",
                hint=f"mv {attributes} .gitattributes && git add .gitattributes",
            )
        listing = self.run("ls-tree", "-r", "-z", "--full-tree", commit)
        for row in listing.stdout.split(b"\0"):
            if row.startswith(_GITLINK):
                path = row.partition(b"\t")[2].decode("utf-8", errors="replace")
                raise ConfigError(
                    fact=f"`{path}` is a submodule, which `git archive` leaves out",
                    expected="a source whose files are all in the commit",
                    hint=f"git rm --cached {path} && git add {path}",
                )

    def _tags(self, relation: str, commit: str) -> tuple[str, ...]:
        listing = self.text("tag", "--list", relation, commit, "--format=%(refname:strip=2)")
        return tuple(sorted(line for line in listing.split("\n") if line))

    def _tag_hint(self) -> str:
        if self.text("rev-parse", "--is-shallow-repository") == "true":
            return "git fetch --tags --unshallow"
        if not self.text("tag", "--list") and self.text("remote"):
            return "git fetch --tags"
        return "git tag -s v1.2.3"


class CommitListing:
    """The files of a commit, for detection."""

    def __init__(self, git: Git, commit: str) -> None:
        self._git = git
        self._commit = commit

    @property
    def name(self) -> str:
        """The checkout folder's name."""
        return self._git.folder.name

    def paths(self) -> tuple[str, ...]:
        """Return the relative paths of all files, sorted."""
        return self._git.paths(self._commit)

    def read(self, path: str, *, size_bytes_max: int) -> bytes:
        """Return at most the first `size_bytes_max` bytes of a file; nothing when it is absent."""
        return (self._git.read(self._commit, path) or b"")[:size_bytes_max]


def newest_version_tag(tags: tuple[str, ...]) -> str:
    """Return the tag with the newest version, or nothing when no tag names a version."""
    versions: list[tuple[tuple[object, ...], str]] = []
    for tag in tags:
        try:
            versions.append((_age(Version.from_tag(tag)), tag))
        except ConfigError:
            continue
    return max(versions, default=((), ""))[1]


def _age(version: Version) -> tuple[object, ...]:
    """Return a key that grows with newer versions; those of no known scheme sort first."""
    try:
        return (1, PythonVersion(version.text))
    except InvalidVersion:
        parts = _DIGITS.findall(version.text)
        return (0, *((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts))


def _first_line(output: bytes) -> str:
    return output.decode("utf-8", errors="replace").strip().partition("\n")[0]


def _failure(arguments: tuple[str, ...], completed: Completed) -> DriverError:
    reason = "its output is too long" if completed.truncated else _first_line(completed.stderr)
    if completed.timed_out:
        reason = f"it took longer than {GIT_TIMEOUT_S} seconds"
    return DriverError(
        fact=f"`git {arguments[0]}` failed: {reason}",
        hint="git fsck",
        log=completed.stderr.decode("utf-8", errors="replace")[-2_000:],
    )
