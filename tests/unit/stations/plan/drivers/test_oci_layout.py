"""Images from a layout on disk: every byte by its digest, or none at all."""

import io
from pathlib import Path

import pytest

from sealift.base.edge.port import World
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.platform import Platform
from sealift.stations.plan.drivers.debian_root import DebianRoot
from sealift.stations.plan.drivers.oci_layout import OciLayout
from sealift.stations.plan.drivers.root_maker import SystemRootMaker
from sealift.stations.plan.model import ToolchainSpec
from sealift.stations.plan.root_tar import read_file
from sealift.testing.oci import OciImages, layer

HERE = Platform("linux/amd64")


def spec(image: Digest) -> ToolchainSpec:
    return ToolchainSpec(name="base", kind="oci", origin="image", image=image)


@pytest.fixture
def images(tmp_path: Path) -> OciImages:
    return OciImages(tmp_path / "image")


@pytest.fixture
def maker(tmp_path: Path, world: World, store: LocalBlobStore) -> SystemRootMaker:
    return SystemRootMaker(
        world,
        store=store,
        scratch=tmp_path / "scratch",
        debian=DebianRoot(world),
        oci=OciLayout(tmp_path, platform=HERE),
    )


def test_layers_become_one_root_in_the_store(
    maker: SystemRootMaker, images: OciImages, store: LocalBlobStore, tmp_path: Path
) -> None:
    image = images.image([layer({"etc/a": b"old", "etc/b": b"b"}), layer({"etc/a": b"new"})])
    made = maker.make(spec(image))
    tar = io.BytesIO(store.read(made.tar.digest, size_bytes_max=100_000))
    assert read_file(tar, "etc/a", size_bytes_max=10) == b"new"
    assert made.installed == ()
    assert maker.make(spec(image)) == made
    assert list((tmp_path / "scratch").iterdir()) == []


def test_plain_and_gzipped_layers_give_the_same_root(
    maker: SystemRootMaker, images: OciImages
) -> None:
    contents = layer({"etc/a": b"a"})
    plain = images.image([contents], layer_type="application/vnd.oci.image.layer.v1.tar")
    assert maker.make(spec(plain)).tar == maker.make(spec(images.image([contents]))).tar


def test_index_leads_to_the_image_of_this_platform(
    maker: SystemRootMaker, images: OciImages
) -> None:
    ours, theirs = (images.image([layer({"etc/a": text})]) for text in (b"ours", b"theirs"))
    index = images.index({"linux/amd64": ours, "linux/arm64": theirs})
    assert maker.make(spec(index)).tar == maker.make(spec(ours)).tar
    with pytest.raises(ConfigError, match="has 0 images for `linux/amd64`"):
        maker.make(spec(images.index({"linux/arm64": theirs})))


def test_layer_whose_bytes_are_others_is_refused(
    maker: SystemRootMaker, images: OciImages, store: LocalBlobStore
) -> None:
    image = images.image([layer({"etc/a": b"a"})])
    (changed,) = (
        path for path in (images.folder / "blobs/sha256").iterdir() if path.name != image.hex
    )
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(IntegrityError, match="a blob of the image has digest"):
        maker.make(spec(image))
    assert list(store.digests()) == []


def test_manifest_whose_bytes_are_others_is_refused(
    maker: SystemRootMaker, images: OciImages
) -> None:
    image = images.image([layer({"etc/a": b"a"})])
    images.path(image).write_text("{}")
    with pytest.raises(IntegrityError, match="a blob of the image has digest"):
        maker.make(spec(image))


def test_image_without_layers_or_with_strange_ones_is_refused(
    maker: SystemRootMaker, images: OciImages
) -> None:
    with pytest.raises(IntegrityError, match="the image has 0 layers"):
        maker.make(spec(images.image([])))
    zstd = "application/vnd.oci.image.layer.v1.tar+zstd"
    with pytest.raises(ConfigError, match="a layer is of type"):
        maker.make(spec(images.image([b"x"], layer_type=zstd)))


def test_layer_that_is_no_gzip_is_refused(maker: SystemRootMaker, images: OciImages) -> None:
    data = images.blob(b"no gzip")
    row = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": str(data),
        "size": 7,
    }
    with pytest.raises(IntegrityError, match="cannot be unpacked"):
        maker.make(spec(images.document({"layers": [row]})))


def test_folder_that_is_no_layout_is_refused_with_a_command(
    maker: SystemRootMaker, tmp_path: Path
) -> None:
    (tmp_path / "image").mkdir()
    with pytest.raises(ConfigError, match="is no OCI image layout") as caught:
        maker.make(spec(Digest("a" * 64)))
    assert caught.value.hint == "ls image"


def test_image_that_the_layout_lacks_is_told(maker: SystemRootMaker, images: OciImages) -> None:
    assert images.folder.is_dir()
    with pytest.raises(ConfigError, match="is not in the layout"):
        maker.make(spec(Digest("a" * 64)))
