"""Whatever a maker leaves: refused, or a root that is normal already and unpacks as it says."""

import io
import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.base.edge.real import real_world
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.errors import IntegrityError
from sealift.core.release import ToolchainFacts
from sealift.stations.build.drivers.pinned_root import PinnedRoot
from sealift.stations.plan.root_tar import normalise_root

KINDS = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)
PARTS = st.sampled_from(("a", "b", "usr", "..", ".", "", "tmp", ".wh.a", ".wh..wh..opq", "ü"))
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
MEMBERS = st.lists(
    st.tuples(PATHS, st.sampled_from(KINDS), PATHS, st.binary(max_size=3), st.booleans()),
    max_size=8,
)


def written(path: Path, members: list[tuple[str, bytes, str, bytes, bool]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, kind, target, data, executable in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o755 if executable else 0o600
            if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE}:
                info.linkname = target
            if kind == tarfile.REGTYPE:
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@settings(max_examples=60, deadline=None)
@given(layers=st.lists(MEMBERS, min_size=1, max_size=2))
def test_normal_root_is_its_own_normal_form_and_unpacks_inside_of_its_folder(
    layers: list[list[tuple[str, bytes, str, bytes, bool]]],
) -> None:
    world = real_world({})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archives = [
            written(folder / f"layer-{number}", members) for number, members in enumerate(layers)
        ]
        normal = io.BytesIO()
        try:
            normalise_root(archives, normal)
        except IntegrityError:
            return
        (folder / "normal").write_bytes(normal.getvalue())
        again = io.BytesIO()
        normalise_root([folder / "normal"], again)
        assert again.getvalue() == normal.getvalue()
        store = LocalBlobStore(folder / "store", world.files)
        blob = store.put(normal.getvalue())
        facts = ToolchainFacts(
            name="x", kind="oci", fingerprint=blob.digest, description="a root of chance"
        )
        root = PinnedRoot(facts, store=store, world=world, folder=folder / "roots")
        root.verify()
        with tarfile.open(folder / "normal") as archive:
            expected = set(archive.getnames())
        found = {
            path.relative_to(root.unpacked()).as_posix() for path in root.unpacked().rglob("*")
        }
        assert found == expected
