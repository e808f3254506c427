"""The files of one folder of a project, as if they were all there is."""

from dataclasses import dataclass
from functools import cached_property

from sealift.stations.plan.port import SourceListing


@dataclass(frozen=True, kw_only=True)
class FolderBelow:
    """The port `SourceListing` for `folder` of another listing."""

    files: SourceListing
    folder: str

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.rpartition("/")[2]

    def paths(self) -> tuple[str, ...]:
        """Return the paths relative to the folder, sorted."""
        return self._paths

    def read(self, path: str, *, size_bytes_max: int) -> bytes:
        """Return at most the first `size_bytes_max` bytes of a file; nothing when it is absent."""
        return self.files.read(f"{self.folder}/{path}", size_bytes_max=size_bytes_max)

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        prefix = f"{self.folder}/"
        return tuple(
            path.removeprefix(prefix) for path in self.files.paths() if path.startswith(prefix)
        )
