"""Find out what a project is and how it is built, from its files alone: nothing of it is run.

    detected = detect(FolderListing(Path(".")))
    print(render_manifest(detected))

Knows the kinds of `detectors/table.py`; where there is none at the top, it looks for them below,
and what it finds is a monorepo. Refuses all others with the hint to write a manifest.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sealift.core.errors import ConfigError
from sealift.core.limits import DETECTION_PARTS_MAX
from sealift.stations.plan.detectors.autotools import check_options
from sealift.stations.plan.detectors.facts import licence_of_files, project_facts
from sealift.stations.plan.detectors.listing import FolderBelow
from sealift.stations.plan.detectors.table import DETECTORS
from sealift.stations.plan.model import NO_ASSERTION, Detected
from sealift.stations.plan.port import SourceListing

_MARKS: Final = frozenset(
    {
        *("pyproject.toml", "setup.py", "Cargo.toml", "go.mod"),
        *("configure", "configure.ac", "configure.in"),
        *("CMakeLists.txt", "meson.build", "package.json", "GNUmakefile", "makefile", "Makefile"),
    }
)
_NO_PARTS: Final = frozenset(
    {
        *("vendor", "node_modules", "third_party", "deps", "target", "build", "dist", "testdata"),
        *("test", "tests", "fixtures", "doc", "docs", "example", "examples", "benchmarks"),
        *("scripts", "tools"),
    }
)
_PLAIN_FOLDER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
_DEPTH_MAX: Final = 3
_WORDS: Final = {
    "python": "Python",
    "rust": "Rust",
    "go": "Go",
    "node": "Node",
    "cmake": "CMake",
    "meson": "Meson",
    "make": "Makefile",
}


def detect(files: SourceListing, *, configure_options: tuple[str, ...] = ()) -> Detected:
    """Return what the project is; raise ConfigError when it is nothing that we know.

    `configure_options` are given to `./configure` of an autotools project.
    """
    found = _one(files) or _several(files)
    if found is None:
        raise _unknown(files)
    if not configure_options:
        return found
    if found.kind != "autotools":
        raise ConfigError(
            fact=f"`{configure_options[0][:120]}` is an option for `configure`, "
            f"which a {_WORDS.get(found.kind, found.kind)} project has not",
            expected="no --configure-option",
            hint="sealift init",
        )
    return replace(found, configure_options=check_options(configure_options))


def _one(files: SourceListing) -> Detected | None:
    """Ask every kind in turn."""
    for detector in DETECTORS.values():
        found = detector.detect(files)
        if found is not None:
            return found
    return None


def _several(files: SourceListing) -> Detected | None:
    """Look for projects in folders; each ends the search below it."""
    parts: list[Detected] = []
    for folder in _folders(files.paths()):
        if any(f"{folder}/".startswith(f"{part.folder}/") for part in parts):
            continue
        try:
            part = _one(FolderBelow(files=files, folder=folder))
        except ConfigError as error:
            error.where = f"{folder}/{error.where}" if error.where else folder
            raise
        if part is not None:
            parts.append(replace(part, folder=folder))
    if len(parts) > DETECTION_PARTS_MAX:
        raise ConfigError(
            fact=f"there are {len(parts)} projects in this repository",
            expected=f"at most {DETECTION_PARTS_MAX}",
            hint="write a sealift.toml by hand, see docs/reference/manifest.md",
        )
    if not parts:
        return None
    licences = {part.project.licence for part in parts}
    licence = licence_of_files(files)
    if licence == NO_ASSERTION and len(licences) == 1:
        licence = licences.pop()
    project = project_facts(files)
    return Detected(
        kind="monorepo",
        project=replace(project, licence=licence),
        parts=tuple(sorted(parts, key=lambda part: part.folder)),
    )


def _folders(paths: tuple[str, ...]) -> Iterator[str]:
    """Yield the folders that hold a build file, the upper ones first."""
    found = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] in _MARKS}
    for folder in sorted(found - {""}, key=lambda one: (one.count("/"), one)):
        parts = folder.split("/")
        plain = all(_PLAIN_FOLDER.match(part) for part in parts)
        if plain and len(parts) <= _DEPTH_MAX and not _NO_PARTS & set(parts):
            yield folder


def _unknown(files: SourceListing) -> ConfigError:
    marks = sorted(_MARKS & set(files.paths()))
    seen = f"; `{marks[0]}` alone does not say" if marks else ""
    return ConfigError(
        fact=f"cannot tell how this project is built{seen}",
        expected="a `pyproject.toml`, `setup.py`, `Cargo.toml`, `go.mod`, `configure`, "
        "`CMakeLists.txt`, `meson.build`, a public `package.json`, "
        "or a Makefile with the target `install`",
        hint="write a sealift.toml by hand, see docs/reference/manifest.md",
    )
