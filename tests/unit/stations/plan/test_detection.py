"""What `sealift init` finds, from files alone."""

import tomllib
from pathlib import Path

import pytest

from sealift.core.errors import ConfigError
from sealift.stations.plan.detection import detect
from sealift.stations.plan.git import CommitListing
from sealift.stations.plan.listing import FolderListing
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.manifest_text import render_manifest
from sealift.stations.plan.model import Detected
from sealift.testing.checkout import Checkout

POETRY = """\
[tool.poetry]
name = "Rich_Text"
homepage = "https://example.org/rich"
description = "Render rich text"
authors = ["Will <will@example.org>"]
license = "MIT"
[tool.poetry.dependencies]
python = ">=3.8.0"
pygments = "^2.13.0"
[tool.poetry.dev-dependencies]
pytest = "^7.0.0"
black = "^22.6"
[build-system]
requires = ["poetry-core>=1.0.0"]
build-backend = "poetry.core.masonry.api"
"""
MODERN = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "sample"
license = "Apache-2.0"
dependencies = ["packaging>=24", "x @ https://example.org/x.whl"]
authors = [{ name = "Ada", email = "ada@example.org" }]
[project.urls]
Homepage = "https://example.org/sample"
[project.optional-dependencies]
test = ["pytest>=8", "hypothesis"]
docs = ["sphinx"]
"""
PACKAGE_INFO = """\
Metadata-Version: 2.1
Name: rich
Version: 13.9.4
Requires-Dist: ipywidgets (>=7.5.1,<9) ; extra == "jupyter"
Requires-Dist: markdown-it-py (>=2.2.0)
Requires-Dist: typing-extensions (>=4.0.0,<5.0) ; python_version < "3.11"

Long description
"""
CONFIGURE = """\
#! /bin/sh
PACKAGE_NAME='jq'
PACKAGE_TARNAME='jq'
PACKAGE_VERSION='1.8.2'
PACKAGE_STRING='jq 1.8.2'
PACKAGE_BUGREPORT='bugs@example.org'
PACKAGE_URL='https://example.org/jq'
"""
MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy\n"


def project(folder: Path, **files: str) -> FolderListing:
    for name, text in files.items():
        place = folder / name.replace("__", "/").replace("_dot_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return FolderListing(folder)


def written(detected: Detected) -> dict[str, dict[str, dict[str, object]]]:
    text = render_manifest(detected)
    parse_manifest(text.encode(), path="sealift.toml")
    assert text.count("\n") < 30
    return tomllib.loads(text)


def test_poetry_project_without_tests_imports_every_module(tmp_path: Path) -> None:
    files = project(tmp_path, pyproject_dot_toml=POETRY, **{"PKG-INFO": PACKAGE_INFO})
    detected = detect(files)
    assert detected.kind == "python"
    assert detected.project.name == "rich-text"
    assert detected.project.licence == "MIT"
    assert detected.project.maintainer == "Will <will@example.org>"
    assert detected.build_requires == ("build", "poetry-core>=1.0.0")
    assert detected.test_requires == (
        "markdown-it-py>=2.2.0",
        'typing-extensions<5.0,>=4.0.0; python_version < "3.11"',
    )
    assert not detected.has_tests
    text = render_manifest(detected)
    assert "no tests in the source: import every public module" in text
    assert written(detected)["stages"]["check"]["inputs"] == ["dist", "libraries"]


def test_poetry_table_speaks_where_there_is_no_package_information(tmp_path: Path) -> None:
    detected = detect(project(tmp_path, pyproject_dot_toml=POETRY))
    assert detected.test_requires == ("pygments<3,>=2.13.0",)


def test_modern_project_with_tests_runs_them_against_the_wheel(tmp_path: Path) -> None:
    files = project(
        tmp_path, pyproject_dot_toml=MODERN, src__sample__one_dot_py="", tests__test_one_dot_py=""
    )
    detected = detect(files)
    assert detected.project.homepage == "https://example.org/sample"
    assert detected.project.maintainer == "Ada <ada@example.org>"
    assert detected.build_requires == ("build", "hatchling")
    # A bare `pytest` gives way to the project's own bound; what has an address is left out.
    assert detected.test_requires == ("pytest>=8", "hypothesis", "packaging>=24")
    check = written(detected)["stages"]["check"]
    assert check["inputs"] == ["source", "dist", "libraries"]
    assert check["run"] == [
        "rm -rf src",
        'python3 -m zipfile -e "$SEALIFT_INPUTS"/dist/*.whl .',
        "python3 -m pytest -q tests",
    ]


def test_package_beside_the_tests_is_moved_out_of_the_way(tmp_path: Path) -> None:
    files = project(
        tmp_path,
        pyproject_dot_toml=MODERN,
        sample____init___dot_py="",
        tests____init___dot_py="",
        tests__test_one_dot_py="",
    )
    (tmp_path / "sample" / "__init__.py").parent.mkdir(exist_ok=True)
    (tmp_path / "sample" / "__init__.py").write_text("")
    assert detect(files).importable == ("sample",)


def test_only_test_tools_are_taken_from_a_group_of_developers(tmp_path: Path) -> None:
    text = MODERN.partition("[project.optional")[0] + (
        '[dependency-groups]\ndev = ["ruff", "pytest-xdist>=3", { include-group = "x" }]\n'
    )
    files = project(tmp_path, pyproject_dot_toml=text, tests__test_one_dot_py="")
    assert detect(files).test_requires == ("pytest", "pytest-xdist>=3", "packaging>=24")


def test_project_without_a_build_system_is_built_by_setuptools(tmp_path: Path) -> None:
    detected = detect(project(tmp_path, pyproject_dot_toml='[project]\nname = "x"\n'))
    assert detected.build_requires == ("build", "setuptools>=40.8.0")
    assert detected.project.licence == "NOASSERTION"
    assert "write the SPDX expression here" in render_manifest(detected)


def test_autotools_archive_is_configured_compiled_and_checked(tmp_path: Path) -> None:
    files = project(tmp_path, configure=CONFIGURE, COPYING=MIT)
    detected = detect(files, configure_options=("--with-oniguruma=builtin", "--disable-docs"))
    assert detected.kind == "autotools"
    assert detected.project.name == "jq"
    assert detected.project.licence == "MIT"
    assert detected.project.homepage == "https://example.org/jq"
    assert detected.project.maintainer == "bugs@example.org"
    manifest = written(detected)
    configure = "./configure --prefix=/usr --with-oniguruma=builtin --disable-docs"
    assert manifest["stages"]["compile"]["run"] == [
        configure,
        'make -j"$(nproc)"',
        'make install DESTDIR="$SEALIFT_OUT"',
    ]
    assert manifest["stages"]["check"]["run"] == [configure, 'make -j"$(nproc)"', "make check"]
    assert set(manifest["packages"]) == {"tar", "deb"}


def test_two_licences_that_differ_are_none(tmp_path: Path) -> None:
    files = project(tmp_path, configure=CONFIGURE, COPYING=MIT, LICENSE="Apache License 2")
    assert detect(files).project.licence == "NOASSERTION"


def test_committed_and_unpacked_files_are_detected_alike(checkout: Checkout) -> None:
    checkout.write("configure", CONFIGURE)
    checkout.write("COPYING", MIT)
    commit = checkout.commit()
    checkout.write("pyproject.toml", MODERN)
    assert detect(CommitListing(checkout.git(), commit)).kind == "autotools"
    assert detect(FolderListing(checkout.folder)).kind == "python"


@pytest.mark.parametrize("option", ["disable-docs", "--with x", "--a=$(id)", "-x;id", "--a='b'"])
def test_option_that_a_shell_would_read_is_refused(tmp_path: Path, option: str) -> None:
    files = project(tmp_path, configure=CONFIGURE)
    with pytest.raises(ConfigError, match="is no option"):
        detect(files, configure_options=(option,))


def test_option_for_configure_is_refused_in_a_python_project(tmp_path: Path) -> None:
    files = project(tmp_path, pyproject_dot_toml=MODERN)
    with pytest.raises(ConfigError, match="a Python project has not"):
        detect(files, configure_options=("--x",))


@pytest.mark.parametrize(
    ("files", "fact", "hint"),
    [
        ({"Cargo_dot_toml": ""}, "cannot tell how", "docs/reference/manifest.md"),
        ({"configure_dot_ac": ""}, "but no `configure`", "autoreconf"),
        (
            {"pyproject_dot_toml": "[tool.ruff]\n"},
            "no `[build-system]`",
            "docs/reference/manifest.md",
        ),
        ({"pyproject_dot_toml": "[project\n"}, "not valid TOML", "pyproject.toml at line 1"),
    ],
)
def test_what_is_not_known_is_refused_with_a_hint(
    tmp_path: Path, files: dict[str, str], fact: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        detect(project(tmp_path, **files))
    assert fact in caught.value.fact
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "project = 3\n[build-system]\nrequires = 5\n",
        "[project]\nname = []\nlicense = 3\ndependencies = {}\nauthors = 3\nurls = 1\n",
        "[project]\nname = 'x'\n[tool.poetry]\ndependencies = 1\ngroup = {test = 2}\n",
        '[project]\nname = "x"\ndependencies = [1, "!!", "a; extra == \\"b\\""]\n',
    ],
)
def test_odd_metadata_is_taken_as_silence(tmp_path: Path, text: str) -> None:
    detected = detect(project(tmp_path, pyproject_dot_toml=text))
    assert detected.build_requires == ("build", "setuptools>=40.8.0")
    assert detected.test_requires == ()
    written(detected)


def test_a_project_with_nothing_but_a_setup_py_is_built_with_setuptools(tmp_path: Path) -> None:
    folder = tmp_path / "kite-1.0"
    folder.mkdir()
    (folder / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    (folder / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: kite\nVersion: 1.0\nRequires-Dist: six>=1\n\n"
    )
    detected = detect(FolderListing(folder))
    assert detected.kind == "python"
    assert detected.project.name == "kite"
    assert detected.build_requires == ("build", "setuptools>=40.8.0")
    assert detected.test_requires == ("six>=1",)


def test_a_pyproject_that_only_configures_tools_counts_with_a_setup_py_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    with pytest.raises(ConfigError, match="no `\\[build-system\\]`"):
        detect(FolderListing(tmp_path))
    (tmp_path / "setup.py").touch()
    assert detect(FolderListing(tmp_path)).build_requires == ("build", "setuptools>=40.8.0")
