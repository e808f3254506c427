"""Files as their authors published them: from the package index that pip is configured to ask.

The address and the hash come from the index's simple page. Nothing is "prepared": a source
distribution's build backend never runs outside of the sandbox.
"""

import shutil
from pathlib import Path

from demo.projects import Upstream, sha256_of
from demo.screen import good, note
from sealift.base.edge.real import real_world
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.stations.plan.drivers.pypi_index import PypiIndex


def fetch(upstream: Upstream, downloads: Path, home: Path, *, quiet: bool = False) -> Path:
    """Return a pinned file, downloaded once and checked against its sha256 every time."""
    target = downloads / upstream.filename
    if target.exists() and sha256_of(target) == upstream.sha256:
        if not quiet:
            note(f"{upstream.filename} is here already, sha256 {upstream.sha256[:16]}…")
        return target
    world = real_world()
    store = LocalBlobStore(home / "store", world.files)
    index = PypiIndex(world, store)
    digest = Digest(upstream.sha256)
    found = index.find_file(upstream.project, upstream.filename, digest=digest)
    stored = index.download(found, digest=digest)
    shutil.copyfile(store.path(stored.digest), target)
    if not quiet:
        good(f"downloaded {upstream.filename} from the package index, sha256 as pinned")
    return target
