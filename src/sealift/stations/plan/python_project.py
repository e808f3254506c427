"""What a Python project states in `pyproject.toml` (PEP 518, 621, 735; poetry) and `PKG-INFO`."""

import email.parser
import email.policy
from dataclasses import dataclass
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from sealift.core.errors import ConfigError
from sealift.core.limits import DETECTION_FILE_BYTES_MAX
from sealift.stations.plan.document import Document
from sealift.stations.plan.licence import expression_of_metadata
from sealift.stations.plan.poetry_constraint import poetry_requirements

# PEP 518: what a project without [build-system] is built with.
_DEFAULT_BUILD: Final = ("setuptools>=40.8.0",)
_TEST_GROUPS: Final = ("test", "tests", "testing")
_DEV_GROUP: Final = "dev"
_TEST_TOOLS: Final = ("pytest", "hypothesis")


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonProject:
    """The facts that a manifest needs; an empty one was not stated."""

    name: str
    licence: str
    description: str
    homepage: str
    maintainer: str
    build_requires: tuple[str, ...]
    runtime_requires: tuple[str, ...]
    test_requires: tuple[str, ...]


def read_python_project(
    pyproject: bytes, package_info: bytes, *, has_setup: bool = False
) -> PythonProject:
    """Read `pyproject.toml`, and `PKG-INFO` (both empty when absent) where that one is silent.

    With `has_setup` there is a `setup.py`, which PEP 517 builds with setuptools when nothing else
    is stated. Raises ConfigError, with line and column, when `pyproject.toml` is no TOML.
    """
    document = Document(pyproject, path="pyproject.toml", bytes_max=DETECTION_FILE_BYTES_MAX)
    root = document.root()
    build = _table(root.raw("build-system"))
    project = _table(root.raw("project"))
    poetry = _table(_table(root.raw("tool")).get("poetry"))
    if not build and not project and not poetry and not has_setup:
        raise ConfigError(
            where="pyproject.toml",
            fact="there is no `[build-system]` and no `[project]`",
            expected="a Python project that states how it is built",
            hint="write a sealift.toml by hand, see docs/reference/manifest.md",
        )
    info = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(
        package_info, headersonly=True
    )
    classifiers = _texts(project.get("classifiers")) or _texts(poetry.get("classifiers"))
    licence = project.get("license") or poetry.get("license")
    return PythonProject(
        name=_text(project.get("name")) or _text(poetry.get("name")) or str(info["Name"] or ""),
        licence=expression_of_metadata(
            licence=_text(licence) or _text(_table(licence).get("text")), classifiers=classifiers
        ),
        description=_text(project.get("description")) or _text(poetry.get("description")),
        homepage=_homepage(project, poetry),
        maintainer=_maintainer(project, poetry),
        build_requires=_valid(_texts(build.get("requires")) or _DEFAULT_BUILD),
        runtime_requires=_runtime(project, poetry, info.get_all("Requires-Dist") or []),
        test_requires=_tests(project, poetry, _table(root.raw("dependency-groups"))),
    )


def states_a_project(pyproject: bytes) -> bool:
    """Tell whether `pyproject.toml` describes a project, and not only how tools behave.

    Raises ConfigError, with line and column, when it is no TOML.
    """
    root = Document(pyproject, path="pyproject.toml", bytes_max=DETECTION_FILE_BYTES_MAX).root()
    tools = _table(root.raw("tool"))
    return bool(root.raw("build-system") or root.raw("project") or tools.get("poetry"))


def _runtime(
    project: dict[str, object], poetry: dict[str, object], stated: list[str]
) -> tuple[str, ...]:
    if "dependencies" in project:
        return _valid(_texts(project["dependencies"]))
    if stated:
        return _valid(tuple(map(str, stated)))
    return poetry_requirements(_table(poetry.get("dependencies")))


def _tests(
    project: dict[str, object], poetry: dict[str, object], groups: dict[str, object]
) -> tuple[str, ...]:
    """Return what the tests need by the project's own word.

    The first group or extra with a usual name; of `dev` only the test tools, since it mostly holds
    linters.
    """
    extras = _table(project.get("optional-dependencies"))
    named: dict[str, tuple[str, ...]] = {}
    for name, table in _table(poetry.get("group")).items():
        named[name] = poetry_requirements(_table(_table(table).get("dependencies")))
    if "dev-dependencies" in poetry:
        named.setdefault(_DEV_GROUP, poetry_requirements(_table(poetry["dev-dependencies"])))
    for source in (extras, groups):
        for name, value in source.items():
            named[name] = _valid(_texts(value))
    for name in _TEST_GROUPS:
        if named.get(name):
            return named[name]
    return tuple(one for one in named.get(_DEV_GROUP, ()) if one.startswith(_TEST_TOOLS))


def _homepage(project: dict[str, object], poetry: dict[str, object]) -> str:
    urls = {
        name.lower().replace("-", "").replace(" ", ""): _text(value)
        for name, value in _table(project.get("urls")).items()
    }
    found = (urls.get(name, "") for name in ("homepage", "home", "repository", "source"))
    stated = next((address for address in found if address), "")
    return stated or _text(poetry.get("homepage")) or _text(poetry.get("repository"))


def _maintainer(project: dict[str, object], poetry: dict[str, object]) -> str:
    for key in ("maintainers", "authors"):
        people = project.get(key)
        for person in people if isinstance(people, list) else []:
            name, mail = _text(_table(person).get("name")), _text(_table(person).get("email"))
            if name or mail:
                return f"{name} <{mail}>" if name and mail else name or mail
        stated = _texts(poetry.get(key))
        if stated:
            return stated[0]
    return ""


def _valid(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the requirements that an index can serve, in their canonical text, without extras."""
    found: list[str] = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.url or (requirement.marker and "extra" in str(requirement.marker)):
            continue
        found.append(str(requirement))
    return tuple(found)


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(one for one in value if isinstance(one, str))
