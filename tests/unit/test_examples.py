"""The projects of `examples/`: each is known to `make examples` and recognised for what it is."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from sealift.stations.plan.detection import detect
from sealift.stations.plan.listing import FolderListing
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.manifest_text import render_manifest

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "python-extension": ["python"],
    "node-package": ["node"],
    "c-library": ["cmake"],
    "go-tool": ["go"],
    "rust-tool": ["rust"],
    "monorepo": ["make", "go", "python"],
}


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Load the script as it is run: its folder is no package."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    spec = importlib.util.spec_from_file_location("examples", ROOT / "scripts" / "examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["examples"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["examples"]


@pytest.mark.parametrize("folder", KINDS)
def test_every_example_is_recognised_for_what_it_is(folder: str) -> None:
    found = detect(FolderListing(ROOT / "examples" / folder))
    kinds = [part.kind for part in found.parts] or [found.kind]
    assert kinds == KINDS[folder]
    assert found.project.licence == "MIT"
    text = render_manifest(found)
    stages = [stage.kind for stage in parse_manifest(text.encode(), path="sealift.toml").stages]
    assert "test" in stages


def test_every_example_is_released_by_the_script(examples: ModuleType) -> None:
    folders = {path.parent.name for path in (ROOT / "examples").glob("*/LICENSE")}
    assert {example.folder for example in examples.EXAMPLES} == folders == set(KINDS)


def test_every_toolchain_of_the_examples_has_a_row(examples: ModuleType) -> None:
    rows = (ROOT / "docs" / "dependencies.md").read_text().splitlines()
    named = {row.split("|")[1].strip() for row in rows if row.startswith("| ")}
    assert set(examples.TOOLCHAINS.values()) - named == set()


def test_the_quick_setup_does_not_ask_for_the_toolchains(examples: ModuleType) -> None:
    from system_packages import FILES, PROGRAMS  # noqa: PLC0415 - a script, on the path only here

    assert not set(examples.TOOLCHAINS.values()) & {*PROGRAMS.values(), *FILES.values()}
