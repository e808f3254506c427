"""Write the manifest that `sealift init` leaves behind: under 30 lines, each of which says why.

That of a monorepo is longer: it has the stages of every part, named by its folder.
"""

from typing import Final

from sealift.stations.plan.detectors.facts import safe_name
from sealift.stations.plan.detectors.recipe import PackageDraft, Place, Recipe, StageDraft
from sealift.stations.plan.detectors.table import DETECTORS
from sealift.stations.plan.document import quote
from sealift.stations.plan.model import NO_ASSERTION, Detected, ProjectSpec

_WIDTH: Final = 120


def render_manifest(detected: Detected, *, url: str = "") -> str:
    """Return a manifest that `parse_manifest` accepts and that does what was detected.

    `url` is where users will download from; the pages then say so.
    """
    lines = [
        f"# {detected.project.name}'s road from tag to verified download; `sealift plan` shows it.",
        *_project(detected.project),
        "",
        *(_parts(detected) if detected.parts else _single(detected)),
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


def _single(detected: Detected) -> list[str]:
    recipe = DETECTORS[detected.kind].recipe(detected, Place())
    return [
        *_stages(recipe),
        "[packages]",
        *(_package(package.kind, package) for package in recipe.packages),
    ]


def _parts(detected: Detected) -> list[str]:
    """Write every part's stages under names that begin with its folder's."""
    stages: list[StageDraft] = []
    packages: list[str] = []
    for part, prefix in zip(detected.parts, _prefixes(detected.parts), strict=True):
        place = Place(folder=part.folder, prefix=prefix)
        recipe = DETECTORS[part.kind].recipe(part, place)
        stages += recipe.stages
        packages += [
            _package(
                f"{prefix}-{package.kind}", package, title=_title(detected, part, prefix, package)
            )
            for package in recipe.packages
        ]
    recipe = Recipe(stages=tuple(stages), packages=())
    return [*_stages(recipe), "[packages]  # every file calls itself by its own name", *packages]


def _prefixes(parts: tuple[Detected, ...]) -> list[str]:
    """Return what the names of each part's stages begin with: its folder's last name if it can."""
    last = [safe_name(part.folder.rpartition("/")[2]) for part in parts]
    if len(set(last)) == len(last):
        return last
    return [safe_name(part.folder) for part in parts]


def _title(detected: Detected, part: Detected, prefix: str, package: PackageDraft) -> str:
    """Return what a part's package calls itself.

    Wheels and npm packages have the name that their own files state; an archive or a deb of `cli`
    in the repository `tide` is `tide-cli`, and one of two that are called so has its folder's name.
    """
    name, project = part.project.name, detected.project.name
    if package.kind in {"wheel", "sdist", "npm"}:
        return name
    if sum(one.project.name == name for one in detected.parts) > 1:
        name = prefix
    return name if name.startswith(project) else safe_name(f"{project}-{name}")


def _stages(recipe: Recipe) -> list[str]:
    fetches = [stage for stage in recipe.stages if stage.kind == "fetch"]
    lines = []
    if fetches:
        lines.append(
            "[stages]  # fetch: the only stages with network, and only for what sealift.lock pins"
        )
        lines += [
            f'{stage.name} = {{ kind = "fetch", inputs = {_list(stage.inputs)} }}'
            for stage in fetches
        ]
        lines.append("")
    for stage in recipe.stages:
        if stage.kind != "fetch":
            lines += [*_stage(stage), ""]
    # The longest manifest, that of a Python project, has to stay under 30 lines.
    return lines[:-1] if fetches else lines


def _stage(stage: StageDraft) -> list[str]:
    comment = f"  # {stage.comment}" if stage.comment else ""
    lines = [f"[stages.{stage.name}]{comment}"]
    if stage.kind != "build":
        lines.append(f"kind = {quote(stage.kind)}")
    lines += [f"inputs = {_list(stage.inputs)}", *_run(stage.run)]
    if stage.outputs:
        globs = ", ".join(f"{name} = {quote(glob)}" for name, glob in stage.outputs)
        lines.append(f"outputs = {{ {globs} }}")
    return lines


def _run(commands: tuple[str, ...]) -> list[str]:
    """Write one command as a string, several as a list that is broken where it grows too wide."""
    if len(commands) == 1:
        return [f"run = {quote(commands[0])}"]
    lines, row = [], "run = ["
    for number, command in enumerate(commands):
        word = quote(command) + ("]" if number == len(commands) - 1 else ",")
        gap = "" if row.endswith("[") else " "
        if number and len(row) + len(gap) + len(word) > _WIDTH:
            lines.append(row)
            row, gap = " ", " "
        row += gap + word
    return [*lines, row]


def _package(name: str, package: PackageDraft, *, title: str = "") -> str:
    kind = f"kind = {quote(package.kind)}, " if name != package.kind else ""
    output = f", output = {quote(package.output)}" if package.output else ""
    called = f", name = {quote(title)}" if title else ""
    return f"{name} = {{ {kind}from = {quote(package.stage)}{output}{called} }}"


def _list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(quote(value) for value in values)}]"
