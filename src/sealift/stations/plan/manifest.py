"""Read `sealift.toml`: every key known, every value of its type, every mistake with its place.

    manifest = parse_manifest(path.read_bytes(), path="sealift.toml")

Refuses what DESIGN.md section 8 promises for later as "not yet supported", so that nobody relies
on a key that does nothing. The reference for people is docs/reference/manifest.md.
"""

from typing import Final, get_args
from urllib.parse import urlsplit

from sealift.core.artifact import ArtifactKind
from sealift.core.errors import ConfigError
from sealift.core.limits import CONDITION_LENGTH_MAX, MANIFEST_BYTES_MAX
from sealift.core.release import Condition
from sealift.core.version import Version
from sealift.stations.plan.document import (
    Document,
    DocumentProblem,
    TomlTable,
    check_name,
    did_you_mean,
    dotted,
    not_yet_supported,
)
from sealift.stations.plan.graph import order_stages
from sealift.stations.plan.licence import check_expression
from sealift.stations.plan.model import (
    STABLE,
    STARTER,
    VERSION_FROM_TAG,
    Manifest,
    PackageSpec,
    ProjectSpec,
    StageSpec,
)
from sealift.stations.plan.stage_table import read_stage
from sealift.stations.plan.toolchain_table import read_toolchain

_PACKAGE_KINDS: Final[tuple[ArtifactKind, ...]] = get_args(ArtifactKind)

_TABLES: Final = ("project", "toolchains", "stages", "packages", "gate", "publish", "channels")
_LATER_TABLES: Final = frozenset({"release"})
_LATER_CHANNEL_KEYS: Final = frozenset({"from", "soak", "rings", "halt_when"})
_LATER_PACKAGE_KINDS: Final = frozenset({"zip", "rpm", "apk", "oci"})
_LATER_POLICIES: Final = frozenset({"baseline", "strict"})


def parse_manifest(data: bytes, *, path: str) -> Manifest:
    """Read a manifest; raise ConfigError whose `where` is `PATH:LINE:COLUMN`."""
    document = Document(data, path=path, bytes_max=MANIFEST_BYTES_MAX)
    with document.reporting():
        manifest = _manifest(document.root())
        order_stages(manifest)
        return manifest


def check_graph(manifest: Manifest) -> tuple[StageSpec, ...]:
    """Return the stages in execution order; raise ConfigError for a graph that cannot run.

    For manifests that were not read from a file; `where` is then the key instead of a line.
    """
    try:
        return order_stages(manifest)
    except DocumentProblem as problem:
        raise ConfigError(
            where=dotted(problem.path),
            fact=problem.fact,
            expected=problem.expected,
            hint=problem.hint,
        ) from None


def _manifest(root: TomlTable) -> Manifest:
    root.only(*_TABLES, later=_LATER_TABLES)
    if "project" not in root:
        raise root.missing("project", "a table `[project]`")
    policy, conditions = _gate(root.table("gate"))
    return Manifest(
        project=_project(root.table("project")),
        stages=tuple(read_stage(name, table) for name, table in root.named_tables("stages")),
        packages=tuple(_package(name, table) for name, table in root.named_tables("packages")),
        policy=policy,
        conditions=conditions,
        url=_publish(root.table("publish")),
        channels=_channels(root),
        toolchains=tuple(
            read_toolchain(name, table) for name, table in root.named_tables("toolchains")
        ),
    )


def _project(table: TomlTable) -> ProjectSpec:
    table.only("name", "version", "licence", "description", "homepage", "maintainer")
    licence = table.text("licence")
    wrong = check_expression(licence)
    if wrong:
        raise table.problem("licence", f"is wrong: {wrong}", "e.g. `MIT` or `NOASSERTION`")
    version = table.text("version", default=VERSION_FROM_TAG)
    if version != VERSION_FROM_TAG:
        try:
            Version(version)
        except ConfigError as error:
            raise table.problem(
                "version", f"is `{version[:80]}`", f"`{VERSION_FROM_TAG}` or a version"
            ) from error
    return ProjectSpec(
        name=check_name(table.text("name"), (*table.path, "name")),
        version=version,
        licence=licence,
        description=table.text("description", default=""),
        homepage=_address(table, "homepage"),
        maintainer=table.text("maintainer", default=""),
    )


def _package(name: str, table: TomlTable) -> PackageSpec:
    table.only("from", "output", "kind", "name")
    key = "kind" if "kind" in table else ""
    kind = table.text("kind", default=name)
    place = (*table.path, key) if key else table.path
    if kind in _LATER_PACKAGE_KINDS:
        raise not_yet_supported((*table.path, "kind"), f'"{kind}"')
    for artifact_kind in _PACKAGE_KINDS:
        if kind == artifact_kind:
            return PackageSpec(
                name=name,
                kind=artifact_kind,
                stage=table.text("from"),
                output=table.text("output", default=""),
                title=check_name(table.text("name"), (*table.path, "name"))
                if "name" in table
                else "",
            )
    raise DocumentProblem(
        path=place,
        fact=f"package `{name}` is of kind `{kind[:80]}`",
        expected=f"one of {', '.join(_PACKAGE_KINDS)}",
        hint=did_you_mean(kind, _PACKAGE_KINDS) or f"add `kind = …` below `[packages.{name}]`",
    )


def _gate(table: TomlTable) -> tuple[str, tuple[Condition, ...]]:
    table.only("policy", "conditions")
    policy = table.text("policy", default=STARTER)
    if policy in _LATER_POLICIES:
        raise not_yet_supported((*table.path, "policy"), f'"{policy}"')
    if policy != STARTER:
        raise table.problem("policy", f"is `{policy[:80]}`", f"`{STARTER}`")
    conditions = table.table("conditions")
    return policy, tuple(
        Condition(name=check_name(name, (*conditions.path, name)), expression=expression)
        for name in conditions
        if (expression := _expression(conditions, name))
    )


def _expression(conditions: TomlTable, name: str) -> str:
    text = conditions.text(name)
    if not text.strip() or len(text) > CONDITION_LENGTH_MAX:
        raise conditions.problem(
            name, "is empty or too long", f"a CEL expression of {CONDITION_LENGTH_MAX} characters"
        )
    # Imported here: it takes half a second, and most manifests have no conditions.
    import cel  # noqa: PLC0415

    try:
        cel.compile(text)
    except ValueError as error:
        mistake = str(error).partition("ERROR: ")[2].partition("\n")[0] or str(error)
        raise conditions.problem(name, f"is no CEL expression: {mistake}", "e.g. `1 < 2`") from None
    return text


def _publish(table: TomlTable) -> str:
    for key in table:
        if key != "site":
            raise not_yet_supported((*table.path, key))
    site = table.table("site")
    site.only("url")
    if "site" in table and "url" not in site:
        raise site.missing("url", "the address of the published tree")
    return _address(site, "url").rstrip("/")


def _channels(root: TomlTable) -> tuple[str, ...]:
    """Read `[channels]`: without the table a release moves `stable`, with an empty one nothing."""
    if "channels" not in root:
        return (STABLE,)
    names: list[str] = []
    for name, table in root.named_tables("channels"):
        if name != STABLE:
            raise not_yet_supported(table.path)
        table.only(later=_LATER_CHANNEL_KEYS)
        names.append(name)
    return tuple(names)


def _address(table: TomlTable, key: str) -> str:
    text = table.text(key, default="")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        plain = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.username is None
            and not any(character.isspace() for character in text)
        )
        if key == "url":
            plain = plain and not parts.query and not parts.fragment
    except ValueError:
        plain = False
    if not plain:
        raise table.problem(key, f"is `{text[:120]}`", "an address like `https://example.org/jq`")
    return text
