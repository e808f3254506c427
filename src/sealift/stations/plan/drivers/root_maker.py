"""The port `RootMaker`: a Debian suite by mmdebstrap, an OCI image from its layout on disk."""

from pathlib import Path
from typing import Final

from sealift.base.edge.disk import disk_errors
from sealift.base.edge.port import World
from sealift.base.store.port import BlobStore
from sealift.core.errors import ConfigError
from sealift.core.limits import PACKAGE_METADATA_BYTES_MAX
from sealift.stations.plan.drivers.debian_root import DebianRoot
from sealift.stations.plan.drivers.oci_layout import OciLayout
from sealift.stations.plan.model import ToolchainSpec
from sealift.stations.plan.port import MadeRoot
from sealift.stations.plan.root_tar import installed_packages, normalise_root, read_file

_STATUS: Final = "var/lib/dpkg/status"


class SystemRootMaker:
    """Make roots on this machine, in folders below `scratch`, which may be lost."""

    def __init__(
        self,
        world: World,
        *,
        store: BlobStore,
        scratch: Path,
        debian: DebianRoot,
        oci: OciLayout,
    ) -> None:
        self._world = world
        self._store = store
        self._scratch = scratch
        self._debian = debian
        self._oci = oci

    def make(self, toolchain: ToolchainSpec) -> MadeRoot:
        """Return the root as a normalised tar in the store; raises as the port says."""
        if toolchain.kind == "host":
            raise ConfigError(
                fact=f"toolchain `{toolchain.name}` is this machine", expected="a root to make"
            )
        self._world.files.make_folder(self._scratch)
        # Named by this process, so that the next start removes what a killed one left.
        token = self._world.entropy.token_bytes(6).hex()
        folder = self._scratch / f"{self._world.process_id}-{token}"
        with disk_errors(folder):
            folder.mkdir(mode=0o700)
            try:
                return self._make(toolchain, folder)
            finally:
                self._world.files.remove(folder)

    def _make(self, toolchain: ToolchainSpec, folder: Path) -> MadeRoot:
        if toolchain.kind == "debian":
            path = folder / "made.tar"
            self._debian.write(toolchain, path)
            archives: tuple[Path, ...] = (path,)
        else:
            archives = self._oci.write(toolchain, folder)
        normal = folder / "root.tar"
        with normal.open("wb") as target:
            normalise_root(archives, target)
        with normal.open("rb") as root:
            status = read_file(root, _STATUS, size_bytes_max=4 * PACKAGE_METADATA_BYTES_MAX)
        return MadeRoot(tar=self._store.put_file(normal), installed=installed_packages(status))
