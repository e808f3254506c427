"""Find out what a project is and how it is built, from its files alone: nothing of it is run.

    detected = detect(FolderListing(Path(".")))
    print(render_manifest(detected))

Knows Python projects by `pyproject.toml` and autotools release archives by `configure`; refuses all
others with the hint to write a manifest.
"""

import re
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sealift.core.errors import ConfigError
from sealift.core.limits import DETECTION_FILE_BYTES_MAX, NAME_LENGTH_MAX, TEXT_LENGTH_MAX
from sealift.stations.plan.licence import expression_of_text
from sealift.stations.plan.model import NO_ASSERTION, VERSION_FROM_TAG, Detected, ProjectSpec
from sealift.stations.plan.port import SourceListing
from sealift.stations.plan.python_project import PythonProject, read_python_project

_LICENCE_FILES: Final = re.compile(r"(?i)(?:un)?(?:licen[cs]e|copying)(?:[.-][a-z0-9.-]+)?\Z")
_TEST_FILES: Final = re.compile(r"(?P<folder>tests?)/(?:.+/)?(?:test_[^/]*|[^/]*_test)\.py\Z")
_PACKAGE: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)/__init__\.py\Z")
_NOT_THE_PACKAGE: Final = frozenset(
    {"tests", "test", "docs", "doc", "examples", "benchmarks", "scripts", "tools"}
)
_CONFIGURE_FACT: Final = re.compile(r"^(PACKAGE_[A-Z]+)='([^'\n]*)'$", re.MULTILINE)
_CONFIGURE_HEAD_BYTES: Final = 256 * 1024
SETUP: Final = "setup.py"
_PLAIN_OPTION: Final = re.compile(r"[A-Za-z0-9_./:=,+@%^-]+\Z")


def detect(files: SourceListing, *, configure_options: tuple[str, ...] = ()) -> Detected:
    """Return what the project is; raise ConfigError when it is nothing that we know.

    `configure_options` are given to `./configure` of an autotools project.
    """
    paths = files.paths()
    if "pyproject.toml" in paths:
        if configure_options:
            raise _no_configure(configure_options)
        return _python(files, paths)
    if "configure" in paths:
        return _autotools(files, paths, configure_options)
    if SETUP in paths:
        return _python(files, paths)
    if "configure.ac" in paths or "configure.in" in paths:
        raise ConfigError(
            fact="there is a `configure.ac`, but no `configure`",
            expected="the unpacked release archive, in which `configure` lies",
            hint="autoreconf --install && make dist",
        )
    raise ConfigError(
        fact="cannot tell how this project is built",
        expected="a `pyproject.toml` or `setup.py` (Python), or a `configure` (autotools)",
        hint="write a sealift.toml by hand, see docs/reference/manifest.md",
    )


def _no_configure(options: tuple[str, ...]) -> ConfigError:
    return ConfigError(
        fact=f"`{options[0]}` is an option for `configure`, which a Python project has not",
        expected="no --configure-option",
        hint="sealift init",
    )


def _python(files: SourceListing, paths: tuple[str, ...]) -> Detected:
    project = read_python_project(
        files.read("pyproject.toml", size_bytes_max=DETECTION_FILE_BYTES_MAX),
        files.read("PKG-INFO", size_bytes_max=DETECTION_FILE_BYTES_MAX),
        has_setup=SETUP in paths,
    )
    tests = next((found["folder"] for path in paths if (found := _TEST_FILES.match(path))), "")
    pytest = ("pytest", *project.test_requires) if tests else ()
    return Detected(
        kind="python",
        project=ProjectSpec(
            name=_safe_name(project.name or files.name),
            version=VERSION_FROM_TAG,
            licence=project.licence or _licence_of_files(files, paths),
            description=_one_line(project.description),
            homepage=_address(project.homepage),
            maintainer=_one_line(project.maintainer),
        ),
        build_requires=_distinct(("build", *project.build_requires)),
        test_requires=_distinct((*pytest, *project.runtime_requires)),
        tests_folder=tests,
        importable=_importable(paths, project) if tests else (),
    )


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


def _autotools(files: SourceListing, paths: tuple[str, ...], options: tuple[str, ...]) -> Detected:
    for option in options:
        if not option.startswith("-") or not _PLAIN_OPTION.match(option):
            raise ConfigError(
                fact=f"`{option[:120]}` is no option for `configure`",
                expected="e.g. `--disable-docs`, without spaces or quotes",
                hint="sealift init --configure-option=--disable-docs",
            )
    script = files.read("configure", size_bytes_max=_CONFIGURE_HEAD_BYTES)
    facts: dict[str, str] = {}
    for name, value in _CONFIGURE_FACT.findall(script.decode("utf-8", errors="replace")):
        facts.setdefault(name, value)
    report = facts.get("PACKAGE_BUGREPORT", "")
    return Detected(
        kind="autotools",
        project=ProjectSpec(
            name=_safe_name(
                facts.get("PACKAGE_TARNAME") or facts.get("PACKAGE_NAME") or files.name
            ),
            version=VERSION_FROM_TAG,
            licence=_licence_of_files(files, paths),
            homepage=_address(facts.get("PACKAGE_URL", "")),
            maintainer=_one_line(report) if "@" in report else "",
        ),
        configure_options=options,
    )


def _licence_of_files(files: SourceListing, paths: tuple[str, ...]) -> str:
    """Return the licence that the files at the top agree on; NOASSERTION when they do not."""
    names = [path for path in paths if "/" not in path and _LICENCE_FILES.match(path)]
    found = {
        expression_of_text(
            files.read(name, size_bytes_max=DETECTION_FILE_BYTES_MAX).decode("utf-8", "replace")
        )
        for name in names
    }
    return found.pop() if len(found) == 1 else NO_ASSERTION


def _safe_name(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", canonicalize_name(text)).strip("-")[:NAME_LENGTH_MAX]
    return name.strip("-") or "project"


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return "".join(one for one in words if one.isprintable())[: TEXT_LENGTH_MAX // 4]


def _address(text: str) -> str:
    address = text.strip()
    plain = re.match(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[!-~]*)?\Z", address)
    return address if plain and len(address) <= TEXT_LENGTH_MAX else ""


def _distinct(requirements: tuple[str, ...]) -> tuple[str, ...]:
    """Drop repetitions, and a bare name where the same name comes with a bound."""
    bounded = {name for one in requirements if (name := Requirement(one).name) != one}
    return tuple(dict.fromkeys(one for one in requirements if one not in bounded))
