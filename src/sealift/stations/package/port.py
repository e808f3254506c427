"""What a plugin of the package station implements."""

from typing import Protocol

from sealift.stations.package.model import PackageDraft, PackageRequest


class Packager(Protocol):
    """Say how one kind of package comes to be. Pure: running is the workshop's work."""

    @property
    def tools(self) -> tuple[str, ...]:
        """The programs that its actions take in as input trees, beside the toolchain."""

    def draft(self, request: PackageRequest) -> PackageDraft:
        """Adopt a file of the stage's tree, or return the action that makes one.

        Raises ConfigError when the tree or the project's facts do not fit the kind.
        """
