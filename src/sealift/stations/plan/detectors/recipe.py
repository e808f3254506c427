"""The stages and packages that a manifest will be written from."""

from dataclasses import dataclass

from sealift.core.artifact import ArtifactKind
from sealift.stations.plan.model import SOURCE, StageKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDraft:
    """A table `[stages.NAME]`; a fetch stage has `inputs` alone. The comment says why."""

    name: str
    comment: str = ""
    kind: StageKind = "build"
    inputs: tuple[str, ...]
    run: tuple[str, ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDraft:
    """An entry of `[packages]`. `title` is what the file calls itself; empty: the project."""

    kind: ArtifactKind
    stage: str
    output: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a project is built, tested and packed."""

    stages: tuple[StageDraft, ...]
    packages: tuple[PackageDraft, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the source a project lies, and what the names of its stages begin with."""

    folder: str = ""
    prefix: str = ""

    def stage(self, name: str) -> str:
        """Return the name of a stage: `dist`, or `web-dist` in a monorepo."""
        return f"{self.prefix}-{name}" if self.prefix else name

    def script(self, *lines: str) -> tuple[str, ...]:
        """Return the lines, run in the project's folder."""
        return (f"cd {self.folder}", *lines) if self.folder else lines


def compiled(place: Place, *, build: tuple[str, ...], check: tuple[str, ...]) -> Recipe:
    """Return what programs and libraries need: a tree below `usr`, as an archive and as a deb.

    An empty `check` leaves the test stage out: nothing in the source says how to test it.
    """
    stages = [
        StageDraft(
            name=place.stage("compile"),
            comment="in a sandbox without network; built twice and compared",
            inputs=(SOURCE,),
            run=place.script(*build),
            outputs=(("tree", "usr/**"),),
        )
    ]
    if check:
        stages.append(
            StageDraft(
                name=place.stage("check"),
                comment="the source's own tests",
                kind="test",
                inputs=(SOURCE,),
                run=place.script(*check),
            )
        )
    return Recipe(
        stages=tuple(stages),
        packages=(
            PackageDraft(kind="tar", stage=place.stage("compile")),
            PackageDraft(kind="deb", stage=place.stage("compile")),
        ),
    )
