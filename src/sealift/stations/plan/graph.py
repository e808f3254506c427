"""The stage graph: what needs what, in which order, and what cannot be.

The order is stable: a stage comes as early as its needs allow, and otherwise where it was written.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from sealift.core.artifact import ArtifactKind
from sealift.core.limits import STAGES_MAX
from sealift.stations.plan.document import DocumentProblem, did_you_mean
from sealift.stations.plan.model import HOST, Manifest, PackageSpec, StageSpec

# One file name a release: two of them would be one name with two contents.
_ONE_A_RELEASE: Final[frozenset[ArtifactKind]] = frozenset({"tar", "deb"})


def order_stages(manifest: Manifest) -> tuple[StageSpec, ...]:
    """Return all stages in execution order; raise DocumentProblem for a graph that cannot run."""
    if len(manifest.stages) > STAGES_MAX:
        raise DocumentProblem(
            path=("stages",),
            fact=f"the manifest has {len(manifest.stages)} stages",
            expected=f"at most {STAGES_MAX}",
        )
    by_name = {stage.name: stage for stage in manifest.stages}
    toolchains = (HOST, *(toolchain.name for toolchain in manifest.toolchains))
    for stage in manifest.stages:
        _check_toolchain(stage, toolchains)
        _check_inputs(stage, by_name)
    ordered = _sorted(manifest.stages, by_name)
    _check_packages(manifest.packages, by_name)
    return ordered


def _check_toolchain(stage: StageSpec, known: tuple[str, ...]) -> None:
    if stage.toolchain not in known:
        raise DocumentProblem(
            path=("stages", stage.name, "toolchain"),
            fact=f"stage `{stage.name}` runs in `{stage.toolchain[:80]}`, which no toolchain is "
            "called",
            expected=f"one of {', '.join(known)}",
            hint=did_you_mean(stage.toolchain, known)
            or f"add a table `[toolchains.{stage.toolchain[:80]}]`",
        )


def _check_inputs(stage: StageSpec, by_name: Mapping[str, StageSpec]) -> None:
    seen: set[str] = set()
    for needed in stage.needed_stages:
        if needed not in by_name:
            known = ("source", *by_name)
            raise DocumentProblem(
                path=("stages", stage.name, "inputs"),
                fact=f"stage `{stage.name}` needs `{needed}`, which no stage is called",
                expected=f"one of {', '.join(known)}",
                hint=did_you_mean(needed, known),
            )
        if needed in seen:
            raise DocumentProblem(
                path=("stages", stage.name, "inputs"),
                fact=f"stage `{stage.name}` names `{needed}` twice",
                expected="each input once",
            )
        seen.add(needed)


def _sorted(
    stages: tuple[StageSpec, ...], by_name: Mapping[str, StageSpec]
) -> tuple[StageSpec, ...]:
    """Sort by depth first, without recursion: a graph may be ten thousand stages deep."""
    done: dict[str, StageSpec] = {}
    for first in stages:
        # What is being looked at, each with the needs that are still to come; in order.
        trail: dict[str, Iterator[str]] = {}
        if first.name not in done:
            trail[first.name] = iter(first.needed_stages)
        while trail:
            current, coming = next(reversed(trail.items()))
            waiting = next((name for name in coming if name not in done), None)
            if waiting is None:
                del trail[current]
                done[current] = by_name[current]
            elif waiting in trail:
                names = list(trail)
                circle = [*names[names.index(waiting) :], waiting]
                raise DocumentProblem(
                    path=("stages", waiting, "inputs"),
                    fact=f"stages need each other in a circle: {' -> '.join(circle)}",
                    expected="a stage that starts without the others",
                    hint=f"remove one of these inputs, e.g. `{circle[1]}` of `{waiting}`",
                )
            else:
                trail[waiting] = iter(by_name[waiting].needed_stages)
    return tuple(done.values())


def _check_packages(packages: tuple[PackageSpec, ...], by_name: Mapping[str, StageSpec]) -> None:
    made: dict[tuple[str, ...], str] = {}
    for package in packages:
        _check_origin(package, by_name)
        single = package.kind in _ONE_A_RELEASE
        origin = (package.title,) if single else (package.stage, package.output)
        file = (package.kind, *origin)
        if file in made:
            raise DocumentProblem(
                path=("packages", package.name),
                fact=f"packages `{made[file]}` and `{package.name}` would make the same file",
                expected=f"one package of kind `{package.kind}`" + ("" if single else " an output"),
                hint=f"remove `[packages.{package.name}]`",
            )
        made[file] = package.name


def _check_origin(package: PackageSpec, by_name: Mapping[str, StageSpec]) -> None:
    stage = by_name.get(package.stage)
    if stage is None:
        raise DocumentProblem(
            path=("packages", package.name, "from"),
            fact=f"package `{package.name}` is made from `{package.stage}`, which no stage is "
            "called",
            expected=f"one of {', '.join(by_name)}",
            hint=did_you_mean(package.stage, tuple(by_name)),
        )
    outputs = tuple(name for name, _ in stage.outputs)
    if stage.kind == "fetch" or not outputs:
        raise DocumentProblem(
            path=("packages", package.name, "from"),
            fact=f"package `{package.name}` is made from `{stage.name}`, which has no outputs",
            expected="a stage with outputs",
        )
    if package.output and package.output not in outputs:
        raise DocumentProblem(
            path=("packages", package.name, "output"),
            fact=f"stage `{stage.name}` has no output `{package.output}`",
            expected=f"one of {', '.join(outputs)}",
            hint=did_you_mean(package.output, outputs),
        )
