"""A manifest to begin with, a checkout to play in, a plan."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sealift.base.edge.port import World
from sealift.base.edge.real import DurableFiles, real_world
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.platform import Platform
from sealift.core.release import Download, ReleasePlan, SourceReference, ToolchainFacts
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.model import Lock
from sealift.stations.plan.planner import make_plan
from sealift.testing.checkout import Checkout

MANIFEST = """\
[project]
name = "jq"
version = "git-tag"
licence = "MIT"

[stages.compile]
inputs = ["source"]
run = ["./configure", "make"]
outputs.tree = "usr/**"

[stages.check]
kind = "test"
inputs = ["source", "compile"]
run = "make check"
timeout = "30 minutes"

[packages.deb]
from = "compile"

[gate]
policy = "starter"
conditions.small = "artifact.size_bytes < 5000000"

[publish.site]
url = "https://downloads.example.org/jq"

[channels.stable]
"""


@pytest.fixture
def manifest_text() -> str:
    return MANIFEST


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "store", DurableFiles())


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout.create(tmp_path / "project")
    made.write("README", "hello\n")
    made.write("src/run", "#!/bin/sh\n", executable=True)
    made.commit()
    return made


@pytest.fixture
def download() -> Download:
    return Download(
        group="backend",
        name="build",
        version="1.2.0",
        filename="build-1.2.0-py3-none-any.whl",
        digest=Digest.of(b"build"),
        size_bytes=5,
        purl="pkg:pypi/build@1.2.0",
        licence="MIT",
        requested=True,
    )


HOST = ToolchainFacts(
    name="host", kind="host", fingerprint=Digest.of(b"host"), description="a Debian"
)


@pytest.fixture
def planned(manifest_text: str) -> Callable[..., ReleasePlan]:
    def plan(
        *,
        text: str = manifest_text,
        commit: str = "0123456789abcdef0123456789abcdef01234567",
        tag: str = "v1.8.2",
        lock: Lock | None = None,
        snapshot: bool = False,
        nearest_tag: str = "",
        platform: str = "linux/amd64",
    ) -> ReleasePlan:
        return make_plan(
            manifest=parse_manifest(text.encode(), path="sealift.toml"),
            manifest_bytes=text.encode(),
            origin="committed",
            lock=lock,
            lock_bytes=None if lock is None else b"lock",
            source=SourceReference(commit=commit, tag=tag, epoch_s=1_730_479_431),
            toolchains=(HOST,),
            platform=Platform(platform),
            snapshot=snapshot,
            nearest_tag=nearest_tag,
        )

    return plan


@pytest.fixture
def world() -> World:
    return real_world()
