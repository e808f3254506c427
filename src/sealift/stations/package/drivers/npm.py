"""npm packages: `npm pack` made the tarball, we check that it is ours."""

from typing import Final

from sealift.core.errors import ConfigError
from sealift.stations.package.model import Adopt, PackageRequest

_SUFFIX: Final = ".tgz"
_SHOWN: Final = 5


class NpmPackager:
    """The port `Packager` for the tarballs of `npm pack`."""

    tools: tuple[str, ...] = ()

    def draft(self, request: PackageRequest) -> Adopt:
        """Adopt the one tarball of the tree, which must be named `NAME-VERSION.tgz`.

        `@scope/name` is `scope-name` there, as npm writes it.
        """
        paths = [
            entry.path
            for entry in request.entries()
            if entry.kind == "file" and entry.path.endswith(_SUFFIX)
        ]
        if len(paths) != 1:
            made = ", ".join(f"`{path}`" for path in paths[:_SHOWN]) or "no file"
            raise ConfigError(
                fact=f"stage `{request.package.stage}` made {made} to be the npm package",
                expected=f"exactly one file `*{_SUFFIX}`",
                where=request.where,
                hint="name one output of the stage by `output` in the package's table",
            )
        self._check(request, paths[0].rpartition("/")[2])
        return Adopt(path=paths[0])

    def _check(self, request: PackageRequest, name: str) -> None:
        """Refuse a tarball of another package or another version."""
        prefix = f"{request.project.name}-"
        if not name.startswith(prefix):
            raise ConfigError(
                fact=f"`{name}` is not of package `{request.project.name}`",
                expected=f"`{prefix}VERSION{_SUFFIX}`",
                where=request.where,
                hint=f'add `name = "…"` below `[packages.{request.package.name}]`',
            )
        version = name.removeprefix(prefix).removesuffix(_SUFFIX)
        # A rehearsal of an untagged commit: package.json knows no such version.
        if version != request.project.version and not request.snapshot:
            raise ConfigError(
                fact=f"`{name}` has version {version}, the release is {request.project.version}",
                expected="the tag and package.json to agree",
                where=request.where,
                hint=f"npm version {request.project.version}",
            )
