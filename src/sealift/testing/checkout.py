"""A git checkout to play in: fixed author and dates, so that equal files give equal commits.

checkout = Checkout.create(tmp_path / "project")
checkout.write("README", "hello")
commit = checkout.commit()
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sealift.base.edge.port import Command, Processes
from sealift.base.edge.real import real_world
from sealift.core.errors import DriverError
from sealift.stations.plan.git import Git

COMMIT_EPOCH_S: Final = 1_730_479_431
"""2024-11-01 16:43:51 UTC."""

_IDENTITY: Final = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": f"{COMMIT_EPOCH_S} +0000",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": f"{COMMIT_EPOCH_S} +0000",
    "LC_ALL": "C",
}
_EXECUTABLE: Final = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout in `folder`; its home is the folder's parent, so no user's settings are read."""

    folder: Path
    processes: Processes
    path: str

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make an empty repository in a new folder."""
        folder.mkdir(parents=True)
        world = real_world()
        made = cls(folder=folder, processes=world.processes, path=world.environment["PATH"])
        made.run("init", "--quiet", "--initial-branch=main")
        return made

    def clone(self, folder: Path, *options: str) -> "Checkout":
        """Clone this checkout into a new folder."""
        self.run("clone", "--quiet", *options, self.folder.as_uri(), str(folder))
        return Checkout(folder=folder, processes=self.processes, path=self.path)

    def program(self, *argv: str) -> str:
        """Run a program in the folder and return what it prints; DriverError when it fails."""
        environment = {**_IDENTITY, "PATH": self.path, "HOME": str(self.folder.parent)}
        completed = self.processes.run(
            Command(argv=argv, environment=environment, folder=self.folder)
        )
        if completed.exit_code != 0:
            raise DriverError(
                fact=f"`{' '.join(argv[:3])}` failed", log=completed.stderr.decode()[-2_000:]
            )
        return completed.stdout.decode().strip()

    def run(self, *arguments: str) -> str:
        """Run git and return what it prints; DriverError when it fails."""
        return self.program("git", *arguments)

    def write(self, path: str, text: str, *, executable: bool = False) -> None:
        """Write a file below the folder."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        if executable:
            place.chmod(_EXECUTABLE)

    def commit(self) -> str:
        """Commit everything, ignored files too, and return the commit."""
        self.run("add", "--all", "--force")
        self.run("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.run("rev-parse", "HEAD")

    def git(self) -> Git:
        """Return the plan station's view of this checkout."""
        environment = {"PATH": self.path, "HOME": str(self.folder.parent)}
        return Git(processes=self.processes, environment=environment, folder=self.folder)
