"""Write the manifest that `sealift init` leaves behind: under 30 lines, each of which says why."""

from typing import Final

from sealift.stations.plan.document import quote
from sealift.stations.plan.model import INDEX_PREFIX, NO_ASSERTION, Detected, ProjectSpec

_UNZIP: Final = 'python3 -m zipfile -e "$SEALIFT_INPUTS"/dist/*.whl'
_IMPORT_ALL: Final = (
    'python3 -c "import importlib, pkgutil; print(len([importlib.import_module(module.name)'
    " for module in pkgutil.walk_packages(['.']) if '._' not in module.name])"
    " or exit('no modules'), 'modules imported')\""
)


def render_manifest(detected: Detected, *, url: str = "") -> str:
    """Return a manifest that `parse_manifest` accepts and that does what was detected.

    `url` is where users will download from; the pages then say so.
    """
    lines = [
        f"# {detected.project.name}'s road from tag to verified download; `sealift plan` shows it.",
        *_project(detected.project),
        "",
        *(_python(detected) if detected.kind == "python" else _autotools(detected)),
        "[channels.stable]  # points at this release once the gate has agreed",
        *(["[publish.site]", f"url = {quote(url)}"] if url else []),
    ]
    return "\n".join(lines) + "\n"


def _project(project: ProjectSpec) -> list[str]:
    unknown = "  # not recognised: write the SPDX expression here"
    lines = [
        "[project]",
        f"name = {quote(project.name)}",
        f"version = {quote(project.version)}  # tag v1.2.3 -> 1.2.3",
        f"licence = {quote(project.licence)}{unknown if project.licence == NO_ASSERTION else ''}",
    ]
    for key, value in (
        ("description", project.description),
        ("homepage", project.homepage),
        ("maintainer", project.maintainer),
    ):
        if value:
            lines.append(f"{key} = {quote(value)}")
    return lines


def _python(detected: Detected) -> list[str]:
    libraries = bool(detected.test_requires)
    lines = [
        "[stages]  # fetch: the only stages with network, and only for what sealift.lock pins",
        f"backend = {_fetch(detected.build_requires)}",
    ]
    if libraries:
        lines.append(f"libraries = {_fetch(detected.test_requires)}")
    lines += [
        "",
        "[stages.dist]  # the wheel is built from the sdist, so both hold the same",
        'inputs = ["source", "backend"]',
        "run = 'python3 -m build --no-isolation --outdir \"$SEALIFT_OUT\"'",
        'outputs = { wheel = "*.whl", sdist = "*.tar.gz" }',
        "",
        *(_test_suite(detected, libraries) if detected.has_tests else _import_test(libraries)),
        "[packages]",
        'wheel = { from = "dist", output = "wheel" }',
        'sdist = { from = "dist", output = "sdist" }',
    ]
    return lines


def _test_suite(detected: Detected, libraries: bool) -> list[str]:  # noqa: FBT001
    inputs = ["source", "dist", *(["libraries"] if libraries else [])]
    remove = [f"rm -rf {' '.join(detected.importable)}"] if detected.importable else []
    run = [*remove, f"{_UNZIP} .", f"python3 -m pytest -q {detected.tests_folder}"]
    return [
        "[stages.check]  # the source's own tests, against the built wheel",
        'kind = "test"',
        f"inputs = {_list(inputs)}",
        f"run = {_list(run)}",
    ]


def _import_test(libraries: bool) -> list[str]:  # noqa: FBT001
    inputs = ["dist", *(["libraries"] if libraries else [])]
    run = [f"{_UNZIP} /tmp/wheel", "cd /tmp/wheel", _IMPORT_ALL]
    return [
        "[stages.check]  # no tests in the source: import every public module of the wheel",
        'kind = "test"',
        f"inputs = {_list(inputs)}",
        f"run = [{quote(run[0])}, {quote(run[1])},",
        f"  {quote(run[2])}]",
    ]


def _autotools(detected: Detected) -> list[str]:
    configure = " ".join(("./configure", "--prefix=/usr", *detected.configure_options))
    make = 'make -j"$(nproc)"'
    install = 'make install DESTDIR="$SEALIFT_OUT"'
    return [
        "[stages.compile]  # in a sandbox without network; built twice and compared",
        'inputs = ["source"]',
        f"run = {_list([configure, make, install])}",
        'outputs = { tree = "usr/**" }',
        "",
        "[stages.check]  # the source's own tests",
        'kind = "test"',
        'inputs = ["source"]',
        f"run = {_list([configure, make, 'make check'])}",
        "",
        "[packages]",
        'tar = { from = "compile" }',
        'deb = { from = "compile" }',
    ]


def _fetch(requirements: tuple[str, ...]) -> str:
    names = _list([f"{INDEX_PREFIX}{requirement}" for requirement in requirements])
    return f'{{ kind = "fetch", inputs = {names} }}'


def _list(values: list[str]) -> str:
    return f"[{', '.join(quote(value) for value in values)}]"
