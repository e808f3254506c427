"""The package station's values: what a packager is asked, and what it answers."""

import re
from dataclasses import dataclass
from typing import Final

from sealift.core.action import Action
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.glob import Glob
from sealift.core.release import PackagePlan, ProjectFacts, ToolchainFacts
from sealift.core.tree import Tree, TreeEntry

_FILE_NAME_PART: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~_-]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRequest:
    """One package of the plan, with the tree that it is made from.

    `globs` narrow the tree to one named output; empty means all of it. `tools` are the trees of
    the programs that the packager named in `tools`. A `snapshot` has a version that no build
    backend knows.
    """

    project: ProjectFacts
    package: PackagePlan
    tree: Tree
    globs: tuple[str, ...]
    tools: tuple[tuple[str, Digest], ...]
    toolchain: ToolchainFacts
    epoch_s: int
    snapshot: bool

    @property
    def where(self) -> str:
        """The package as errors name it."""
        return f"package `{self.package.name}`"

    @property
    def stage(self) -> str:
        """The name of the package's action, beside those of the stages."""
        return f"package-{self.package.name}"

    def entries(self) -> tuple[TreeEntry, ...]:
        """Return the entries that belong to the package, sorted by path."""
        globs = [Glob.parse(text) for text in self.globs]
        return tuple(
            entry
            for entry in self.tree.entries
            if not globs or any(glob.matches(entry.path) for glob in globs)
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether the package leaves some of the tree out."""
        return len(self.entries()) != len(self.tree.entries)

    def tool(self, name: str) -> Digest:
        """Return the tree of a tool; KeyError for one that the packager did not name."""
        return dict(self.tools)[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """The stage made the file already: it is the one at `path` in the stage's tree.

    `native` tells a file that runs on the stage's platform only, where others of its kind run
    anywhere: a wheel that holds machine code.
    """

    path: str
    native: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """An action makes the file, which then lies at `path` in that action's tree."""

    action: Action
    path: str


PackageDraft = Adopt | Make


def file_name_part(text: str, *, where: str) -> str:
    """Return `text` if it is safe inside a file name and a shell word, else raise ConfigError."""
    if not _FILE_NAME_PART.match(text):
        raise ConfigError(
            fact=f"`{text[:80]}` cannot be part of a file name",
            expected="letters, digits and `.+~_-`",
            where=where,
            hint="set `project.name` in sealift.toml",
        )
    return text
