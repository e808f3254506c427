"""Projects as they lie in a folder, and the manifests that come of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sealift.stations.plan.detection import detect
from sealift.stations.plan.listing import FolderListing
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.manifest_text import render_manifest
from sealift.stations.plan.model import Detected, Manifest

Found = Callable[[Mapping[str, str]], Detected]
Written = Callable[[Mapping[str, str]], Manifest]


@pytest.fixture
def found(tmp_path: Path) -> Found:
    """Return what detection says of files by path, in a folder called `tide`."""

    def find(files: Mapping[str, str]) -> Detected:
        top = tmp_path / "tide"
        for path, text in files.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text)
        return detect(FolderListing(top))

    return find


@pytest.fixture
def written(found: Found) -> Written:
    """Return the manifest of files by path, as it is read again."""

    def write(files: Mapping[str, str]) -> Manifest:
        text = render_manifest(found(files))
        assert "#" in text
        assert text.count("\n") < 30 or "\n[packages]  # every file" in text
        return parse_manifest(text.encode(), path="sealift.toml")

    return write
