"""Wheels and source distributions: the build backend made them, we check that they are ours."""

from collections.abc import Callable
from typing import Final

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from sealift.core.errors import ConfigError
from sealift.stations.package.model import Adopt, PackageRequest

_Parsed = tuple[str, Version, bool]


class WheelPackager:
    """The port `Packager` for wheels (PEP 427)."""

    tools: tuple[str, ...] = ()

    def draft(self, request: PackageRequest) -> Adopt:
        """Adopt the one wheel of the tree; its name must state the project and the version.

        A wheel with a platform tag other than `any` holds machine code.
        """
        return _adopt(request, suffix=".whl", noun="wheel", parse=_parse_wheel)


class SdistPackager:
    """The port `Packager` for source distributions (PEP 625)."""

    tools: tuple[str, ...] = ()

    def draft(self, request: PackageRequest) -> Adopt:
        """Adopt the one source distribution of the tree, checked as wheels are."""
        return _adopt(request, suffix=".tar.gz", noun="source distribution", parse=_parse_sdist)


def _parse_wheel(name: str) -> _Parsed:
    project, version, _, tags = parse_wheel_filename(name)
    return project, version, any(tag.platform != "any" for tag in tags)


def _parse_sdist(name: str) -> _Parsed:
    return (*parse_sdist_filename(name), False)


def _adopt(
    request: PackageRequest, *, suffix: str, noun: str, parse: Callable[[str], _Parsed]
) -> Adopt:
    paths = [
        entry.path
        for entry in request.entries()
        if entry.kind == "file" and entry.path.endswith(suffix)
    ]
    if len(paths) != 1:
        raise ConfigError(
            fact=f"stage `{request.package.stage}` made {_listed(paths)} to be the {noun}",
            expected=f"exactly one file `*{suffix}`",
            where=request.where,
            hint="name one output of the stage by `output` in the package's table",
        )
    name = paths[0].rpartition("/")[2]
    try:
        project, version, native = parse(name)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        raise ConfigError(
            fact=f"`{name}` is no {noun}'s name: {error}",
            expected=f"`NAME-VERSION…{suffix}`",
            where=request.where,
        ) from error
    _check(request, name=name, project=project, version=version)
    return Adopt(path=paths[0], native=native)


def _check(request: PackageRequest, *, name: str, project: str, version: Version) -> None:
    """Refuse a file that names another project or another version than the release's."""
    wanted = canonicalize_name(request.project.name)
    if canonicalize_name(project) != wanted:
        raise ConfigError(
            fact=f"`{name}` is of project `{project}`",
            expected=f"`{wanted}`",
            where=request.where,
            hint="set `project.name` in sealift.toml to the name in pyproject.toml",
        )
    if request.snapshot:
        # A rehearsal of an untagged commit: the backend knows no such version.
        return
    try:
        tagged = Version(request.project.version)
    except InvalidVersion as error:
        raise ConfigError(
            fact=f"version `{request.project.version}` is no Python version",
            expected="a version as PEP 440 defines it",
            where=request.where,
        ) from error
    if version != tagged:
        raise ConfigError(
            fact=f"`{name}` has version {version}, the release is {tagged}",
            expected="the tag and the project's own metadata to agree",
            where=request.where,
            hint=f"set the version in pyproject.toml to {tagged}, commit, and tag again",
        )


_SHOWN: Final = 5


def _listed(paths: list[str]) -> str:
    if not paths:
        return "no file"
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(f"`{path}`" for path in paths[:_SHOWN]) + more
