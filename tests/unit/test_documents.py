"""The pages against the code: nothing undocumented, no dead link, no word that belittles."""

import ast
import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sealift.cli.catalogue import COMMANDS
from sealift.core import errors
from sealift.core.errors import ConfigError, ExitCode, SealiftError
from sealift.stations.plan.manifest import parse_manifest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
DEPENDENCIES = (ROOT / "docs" / "dependencies.md").read_text()
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)|<img[^>]*\ssrc=\"(?P<image>[^\"]+)\"")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)


def page_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def first_cells(markdown: str) -> set[str]:
    """Return what stands in the first column of every table."""
    rows = (line for line in markdown.splitlines() if line.startswith("| "))
    return {row.split("|")[1].split(",")[0].strip().strip("`") for row in rows}


def imported_names(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def anchors(markdown: str) -> set[str]:
    """Return the anchors that headings give, as forges make them."""
    titles = (match["title"] for match in _HEADING.finditer(_FENCE.sub("", markdown)))
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower())
        .strip()
        .replace(" ", "-")
        for title in titles
    }


def dead_links(path: Path, markdown: str) -> Iterator[str]:
    """Yield every link to a file or a heading that is not there."""
    for match in _LINK.finditer(_FENCE.sub("", markdown)):
        target = match["target"] or match["image"]
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        if not place.exists():
            yield f"{target}: no such file"
        elif anchor and anchor not in anchors(markdown if place == path else place.read_text()):
            yield f"{target}: no such heading"


def script(name: str) -> ModuleType:
    """Load a script as it is run: the folder is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_direct_dependency_has_a_row_that_says_what_it_is_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {
        canonicalize_name(Requirement(line).name)
        for line in (*project["project"]["dependencies"], *project["dependency-groups"]["dev"])
    }
    named = {canonicalize_name(name) for name in first_cells(DEPENDENCIES)}
    assert declared - named == set()


def test_everything_that_the_code_imports_has_a_row() -> None:
    named = {canonicalize_name(name) for name in first_cells(DEPENDENCIES)}
    providers = importlib.metadata.packages_distributions()
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported_names(node)
    }
    foreign = imported - sys.stdlib_module_names - {"sealift"}
    assert foreign >= {"click", "tuf"}
    unnamed = {name for name in foreign if not set(map(canonicalize_name, providers[name])) & named}
    assert unnamed == set()


def test_every_system_package_has_a_row() -> None:
    setup = script("system_packages")
    wanted = {*setup.PROGRAMS.values(), *setup.FILES.values(), setup.DISTRIBUTION_PYTHON.name}
    named = first_cells(DEPENDENCIES)
    assert wanted - named == set()


def test_a_row_is_found_by_its_name_alone_not_by_a_mention_elsewhere() -> None:
    table = "tuf is fine\n\n| Package | For |\n|---|---|\n| click | uses rich |\n"
    assert first_cells(table) >= {"click"}
    assert first_cells(table).isdisjoint({"rich", "tuf"})


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_internal_links_lead_somewhere(path: Path) -> None:
    assert list(dead_links(path, path.read_text())) == []


def test_a_dead_link_and_a_dead_anchor_are_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "there.md").write_text("# One: two `three`\n")
    good = "# Here\n[a](there.md) [b](there.md#one-two-three) [c](#here) [d](https://example.org)\n"
    page.write_text(good)
    assert list(dead_links(page, good)) == []
    bad = '[a](gone.md) [b](there.md#four) [c](#nowhere) <img alt="" src="gone.svg">\n'
    assert len(list(dead_links(page, bad))) == 4


def test_the_generated_reference_is_what_the_code_says() -> None:
    for path, text in script("reference").pages().items():
        assert path.read_text() == text, "run .venv/bin/python scripts/reference.py"


def test_the_reference_has_every_command_and_every_port() -> None:
    reference = script("reference")
    page = reference.commands_page()
    for name, _, _ in COMMANDS:
        assert f"\n### sealift {name}\n" in page
    assert "\n#### sealift keys backup\n" in page
    named = {port.node.name for port in reference.ports()}
    assert {"Workshop", "SigningDesk", "Flow", "BlobStore", "Executor", "Packager"} <= named


def test_every_exit_code_and_error_code_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text()
    for code in ExitCode:
        assert re.search(rf"^\| {int(code)} \| `{code.name}` \|", page, re.MULTILINE), code
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, SealiftError)
    ]
    for kind in kinds:
        row = rf"^\| {int(kind.exit_code)} \| `{kind.exit_code.name}` \| `{kind.code}` \|"
        assert re.search(row, page, re.MULTILINE), kind


def test_the_reference_names_no_exit_code_that_does_not_exist() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text()
    named = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert named == {int(code) for code in ExitCode}


def test_every_variable_that_the_code_reads_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "environment.md").read_text()
    internal = {"SEALIFT_PROBE"}  # planted by the sandbox's probe, to be found nowhere
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"\bSEALIFT_[A-Z_]*[A-Z]\b", code)) | {"NO_COLOR", "SSL_CERT_FILE"}
    assert set(re.findall(r"^\| `(SEALIFT_[A-Z_]+)`", page, re.MULTILINE)) <= named
    assert {name for name in named - internal if f"| `{name}`" not in page} == set()


def test_every_decision_is_in_the_index_with_its_status() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    pages = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]
    for page in pages:
        status = re.search(r"^Status: (\w+)", page.read_text(), re.MULTILINE)
        assert status, page.name
        row = rf"^\| \[{page.name[:4]}\]\({re.escape(page.name)}\) \| .+ \| {status[1]} \|$"
        assert re.search(row, index, re.MULTILINE), page.name


def test_every_format_that_the_code_names_is_described() -> None:
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r'"(sealift-[a-z-]+-v[0-9]+)"', code))
    page = (ROOT / "docs" / "formats.md").read_text()
    assert len(named) > 10
    assert {name for name in named if f"`{name}`" not in page and f'"{name}"' not in page} == set()


def test_every_test_that_a_page_calls_as_a_witness_exists() -> None:
    code = [path.read_text() for path in ROOT.glob("tests/**/*.py")]
    # The suites of ports lie beside their fakes.
    code += [path.read_text() for path in ROOT.glob("src/sealift/testing/*.py")]
    known = {name for text in code for name in re.findall(r"def (test_\w+)", text)}
    named = {name for path in PAGES for name in re.findall(r"`(test_\w+)`", path.read_text())}
    assert len(named) > 20
    assert named - known == set()


MANIFEST_PAGE = (ROOT / "docs" / "reference" / "manifest.md").read_text()
MANIFESTS = re.findall(r"^```toml\n(.*?)^```$", MANIFEST_PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", MANIFESTS)
def test_the_manifests_of_the_reference_are_accepted(text: str) -> None:
    manifest = parse_manifest(text.encode(), path="sealift.toml")
    assert manifest.packages
    with pytest.raises(ConfigError):
        parse_manifest(text.replace("inputs", "input").encode(), path="sealift.toml")


@pytest.mark.parametrize(
    "addition",
    [
        "[release]",
        "[stages.x]\nmatrix.platform = []",
        "[stages.x]\nnetwork = true",
        *(f"[packages.{kind}]\nfrom = 'dist'" for kind in ("zip", "rpm", "apk", "oci")),
        "[gate]\npolicy = 'baseline'",
        "[gate]\npolicy = 'strict'",
        *(f"[channels.stable]\n{key} = 1" for key in ("from", "soak", "rings", "halt_when")),
        "[channels.beta]",
        "[publish.bucket]",
    ],
)
def test_what_the_reference_calls_not_yet_supported_is_refused_so(addition: str) -> None:
    text = f"{MANIFESTS[1]}\n{addition}\n"
    with pytest.raises(ConfigError, match="is not yet supported"):
        parse_manifest(text.encode(), path="sealift.toml")


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_no_page_calls_anything_simple_that_the_reader_is_stuck_on(path: Path) -> None:
    # The pages that state the rule quote the word.
    lines = (line for line in path.read_text().splitlines() if '"simply"' not in line)
    assert [line for line in lines if re.search(r"\bsimply\b", line, re.IGNORECASE)] == []
