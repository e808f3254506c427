"""A manifest to begin with, a checkout to play in, and an index that lies on disk."""

import hashlib
import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sealift.base.edge.port import Response, World
from sealift.base.edge.real import DurableFiles, real_world
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.digest import Digest
from sealift.core.errors import UnavailableError
from sealift.core.platform import Platform
from sealift.core.release import Download, ReleasePlan, SourceReference, ToolchainFacts
from sealift.stations.plan.git import Git
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.model import Lock
from sealift.stations.plan.planner import make_plan

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


@dataclass
class Checkout:
    """A git checkout with a fixed author and date."""

    folder: Path

    def run(self, *arguments: str) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
            "GIT_AUTHOR_DATE": "2024-11-01T16:43:51+00:00",
            "GIT_COMMITTER_DATE": "2024-11-01T16:43:51+00:00",
        }
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, path: str, text: str) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def commit(self) -> str:
        self.run("add", "--all", "--force")
        self.run("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.run("rev-parse", "HEAD")

    def git(self) -> Git:
        world = real_world()
        return Git(processes=world.processes, environment=world.environment, folder=self.folder)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Checkout(folder)
    made.run("init", "--quiet")
    made.write("README", "hello\n")
    made.write("src/run", "#!/bin/sh\n")
    (folder / "src" / "run").chmod(0o755)
    made.commit()
    return made


@dataclass
class DiskIndex:
    """A simple repository as folders, and an `Http` that serves `file:` addresses only."""

    root: Path
    asked: list[str] = field(default_factory=list)

    def add(self, project: str, filename: str, data: bytes, *, stated: bytes | None = None) -> None:
        (self.root / "files").mkdir(parents=True, exist_ok=True)
        (self.root / "files" / filename).write_bytes(data)
        page = self.root / "simple" / project / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        sha256 = hashlib.sha256(data if stated is None else stated).hexdigest()
        link = f'<a href="../../files/{filename}#sha256={sha256}">{filename}</a>\n'
        page.write_text((page.read_text() if page.exists() else "<html>") + link)

    @property
    def url(self) -> str:
        return (self.root / "simple").as_uri()

    @contextmanager
    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> Iterator[Response]:
        del headers, timeout_s
        self.asked.append(url)
        place = Path(url.removeprefix("file://"))
        if not url.startswith("file://") or not place.is_file():
            raise UnavailableError(fact=f"cannot reach {url}")
        yield Response(
            status=200,
            url=url,
            headers={"content-type": "text/html"},
            chunks=iter([place.read_bytes()]),
        )


@pytest.fixture
def index_on_disk(tmp_path: Path) -> DiskIndex:
    return DiskIndex(tmp_path / "index")


def make_wheel(folder: Path, name: str, version: str, *, metadata: str = "") -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{name}-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}",
        )
    return place.read_bytes()


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., bytes]:
    def build(name: str, version: str, *, metadata: str = "") -> bytes:
        return make_wheel(tmp_path / "wheels", name, version, metadata=metadata)

    return build


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
