"""Python projects: any PEP 517 backend, with machine code or without; a `setup.py` alone."""

import re
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sealift.core.limits import DETECTION_FILE_BYTES_MAX
from sealift.stations.plan.detectors.facts import project_facts
from sealift.stations.plan.detectors.recipe import PackageDraft, Place, Recipe, StageDraft
from sealift.stations.plan.model import INDEX_PREFIX, SOURCE, Detected
from sealift.stations.plan.port import SourceListing
from sealift.stations.plan.python_project import (
    PythonProject,
    read_python_project,
    states_a_project,
)

_TEST_FILES: Final = re.compile(r"(?P<folder>tests?)/(?:.+/)?(?:test_[^/]*|[^/]*_test)\.py\Z")
_PACKAGE: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)/__init__\.py\Z")
_NOT_THE_PACKAGE: Final = frozenset(
    {"tests", "test", "docs", "doc", "examples", "benchmarks", "scripts", "tools"}
)
_OTHER_KINDS: Final = frozenset(
    {
        *("Cargo.toml", "go.mod", "configure", "configure.ac", "configure.in", "CMakeLists.txt"),
        *("meson.build", "package.json", "GNUmakefile", "makefile", "Makefile"),
    }
)
_EXTENSION: Final = "extension"
_SETUP: Final = "setup.py"
_SETUPTOOLS: Final = "setuptools"
_MACHINE_CODE: Final = re.compile(
    r"(?!(?:tests?|docs?|examples|benchmarks|vendor)/).+\.(?:c|cc|cpp|cxx|pyx|f90|rs)\Z"
)
_BUILD: Final = 'python3 -m build --no-isolation --outdir "$SEALIFT_OUT"'
# `build` unpacks the sdist in a folder of a random name, which compilers write into their output;
# the modes of what is unpacked go into the wheel.
_COMPILING: Final = (
    "umask 022",
    'python3 -m build --no-isolation --sdist --outdir "$SEALIFT_OUT"',
    'mkdir /tmp/source && tar -C /tmp/source -xzf "$SEALIFT_OUT"/*.tar.gz',
    'python3 -m build --no-isolation --wheel --outdir "$SEALIFT_OUT" /tmp/source/*',
)
# The sdists of setuptools hold the time at which they were made, and who made them.
_REPACKING: Final = (
    "umask 022",
    "python3 -m build --no-isolation --sdist --outdir /tmp/sdist",
    "mkdir /tmp/source && cd /tmp/source && tar -xzf /tmp/sdist/*.tar.gz",
    'tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 -cf /tmp/sdist.tar *',
    'gzip -9n < /tmp/sdist.tar > "$SEALIFT_OUT/$(basename /tmp/sdist/*)"',
    'python3 -m build --no-isolation --wheel --outdir "$SEALIFT_OUT" /tmp/source/*',
)
_IMPORT_ALL: Final = (
    'python3 -c "import importlib, pkgutil; print(len([importlib.import_module(module.name)'
    " for module in pkgutil.walk_packages(['.']) if '._' not in module.name])"
    " or exit('no modules'), 'modules imported')\""
)


class PythonDetector:
    """The port `Detector` for Python."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Read `pyproject.toml`; one that only configures tools belongs to another kind's project.

        A `setup.py` alone is built by setuptools, unless it lies beside a `configure`.
        Raises ConfigError where it is no TOML, or the only sign of how the project is built.
        """
        paths = files.paths()
        has_setup = _SETUP in paths
        if "pyproject.toml" not in paths and (not has_setup or "configure" in paths):
            return None
        stated = files.read("pyproject.toml", size_bytes_max=DETECTION_FILE_BYTES_MAX)
        if not has_setup and _OTHER_KINDS & set(paths) and not states_a_project(stated):
            return None
        project = read_python_project(
            stated,
            files.read("PKG-INFO", size_bytes_max=DETECTION_FILE_BYTES_MAX),
            has_setup=has_setup,
        )
        tests = next((found["folder"] for path in paths if (found := _TEST_FILES.match(path))), "")
        pytest = ("pytest", *project.test_requires) if tests else ()
        return Detected(
            kind="python",
            project=project_facts(
                files,
                name=project.name,
                licence=project.licence,
                description=project.description,
                homepage=project.homepage,
                maintainer=project.maintainer,
            ),
            build_requires=_distinct(("build", *project.build_requires)),
            test_requires=_distinct((*pytest, *project.runtime_requires)),
            tests_folder=tests,
            importable=_importable(paths, project) if tests else (),
            targets=(_EXTENSION,) if any(map(_MACHINE_CODE.match, paths)) else (),
        )

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Build the wheel from the sdist with pinned backends; test the wheel."""
        dist, backend = place.stage("dist"), place.stage("backend")
        fetches = [StageDraft(name=backend, kind="fetch", inputs=_wanted(detected.build_requires))]
        libraries = [place.stage("libraries")] if detected.test_requires else []
        if libraries:
            wanted = _wanted(detected.test_requires)
            fetches.append(StageDraft(name=libraries[0], kind="fetch", inputs=wanted))
        build = StageDraft(
            name=dist,
            comment="the wheel is built from the sdist, so both hold the same",
            inputs=(SOURCE, backend),
            run=place.script(*_build(detected)),
            outputs=(("wheel", "*.whl"), ("sdist", "*.tar.gz")),
        )
        test = _suite if detected.has_tests else _import_test
        return Recipe(
            stages=(*fetches, build, test(detected, place, dist, libraries)),
            packages=(
                PackageDraft(kind="wheel", stage=dist, output="wheel"),
                PackageDraft(kind="sdist", stage=dist, output="sdist"),
            ),
        )


def _build(detected: Detected) -> tuple[str, ...]:
    if any(Requirement(one).name == _SETUPTOOLS for one in detected.build_requires):
        return _REPACKING
    return _COMPILING if _EXTENSION in detected.targets else (_BUILD,)


def _suite(detected: Detected, place: Place, dist: str, libraries: list[str]) -> StageDraft:
    remove = [f"rm -rf {' '.join(detected.importable)}"] if detected.importable else []
    return StageDraft(
        name=place.stage("check"),
        comment="the source's own tests, against the built wheel",
        kind="test",
        inputs=(SOURCE, dist, *libraries),
        run=place.script(
            *remove, f"{_unzip(dist)} .", f"python3 -m pytest -q {detected.tests_folder}"
        ),
    )


def _import_test(_: Detected, place: Place, dist: str, libraries: list[str]) -> StageDraft:
    return StageDraft(
        name=place.stage("check"),
        comment="no tests in the source: import every public module of the wheel",
        kind="test",
        inputs=(dist, *libraries),
        run=(f"{_unzip(dist)} /tmp/wheel", "cd /tmp/wheel", _IMPORT_ALL),
    )


def _unzip(dist: str) -> str:
    return f'python3 -m zipfile -e "$SEALIFT_INPUTS"/{dist}/*.whl'


def _wanted(requirements: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{INDEX_PREFIX}{requirement}" for requirement in requirements)


def _importable(paths: tuple[str, ...], project: PythonProject) -> tuple[str, ...]:
    """Return the top paths that Python could import the source from, instead of the wheel."""
    if any(path.startswith("src/") and path.endswith(".py") for path in paths):
        return ("src",)
    found = [match["name"] for path in paths if (match := _PACKAGE.match(path))]
    module = f"{canonicalize_name(project.name).replace('-', '_')}.py"
    return (
        *(name for name in found if name not in _NOT_THE_PACKAGE),
        *((module,) if module in paths else ()),
    )


def _distinct(requirements: tuple[str, ...]) -> tuple[str, ...]:
    """Drop repetitions, and a bare name where the same name comes with a bound."""
    bounded = {name for one in requirements if (name := Requirement(one).name) != one}
    return tuple(dict.fromkeys(one for one in requirements if one not in bounded))
