"""`sealift build`: build stages of the checked-out commit, without releasing."""

from pathlib import Path

import click

from sealift.app.building import Building, Built, BuiltStage
from sealift.app.wiring import open_house
from sealift.cli.options import folder_option, json_option, process_environment
from sealift.cli.output import duration, heading, say, table, write_json
from sealift.cli.progress import progress
from sealift.core.errors import ExitCode
from sealift.stations.build.outcome import BuildRequest


@click.command(name="build")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@folder_option
@click.option("--verify", is_flag=True, help="Run each build again, perturbed, and compare.")
@click.option(
    "--explain", is_flag=True, help="Verify, and find by more runs which change makes bytes differ."
)
@click.option("--keep-going", "-k", is_flag=True, help="Stop only what depends on a failure.")
@click.option(
    "--no-cache", is_flag=True, help="Run again what is cached; other bytes are an error (exit 4)."
)
@click.option(
    "--explain-cache", is_flag=True, help="Show what changed in each key since the last build."
)
@json_option
def command(
    stages: tuple[str, ...],
    folder: Path,
    *,
    verify: bool,
    explain: bool,
    keep_going: bool,
    no_cache: bool,
    explain_cache: bool,
    as_json: bool,
) -> None:
    """Build the named stages and what they need, or all; nothing is signed or published.

    What is built here, a release never takes from the cache: it builds anew.

    \b
    Example:
      sealift build
      sealift build compile --verify --explain-cache
      sealift build compile --explain
    """
    request = BuildRequest(stages=stages, verify=verify or explain, keep_going=keep_going)
    try:
        with progress() as listener:
            house = open_house(folder, process_environment(), progress=listener)
            building = Building(house, request, fresh=no_cache, explain=explain)
    except KeyboardInterrupt:
        say("\ninterrupted; stages that finished are kept")
        say("\nhint: run `sealift build` again to go on with the others")
        raise click.exceptions.Exit(int(ExitCode.INTERRUPTED)) from None
    if as_json:
        # An error is an object of its own on stdout: one or the other, so that both can be parsed.
        building.require()
        write_json(building.built)
        return
    _show(building.built, explain_cache=explain_cache)
    building.require()


def _show(built: Built, *, explain_cache: bool) -> None:
    how = "  every stage run again" if built.fresh else ""
    click.echo(heading(f"{built.project} {built.version}") + f"  commit {built.commit[:12]}{how}")
    rows = [
        (each.name, each.kind, _state(each), duration(each.duration_ms), str(each.tree or "-"))
        for each in built.stages
    ]
    click.echo(table(rows))
    if explain_cache:
        click.echo("\n" + heading("Cache"))
        for each in built.stages:
            for line in _explanation(each):
                click.echo(f"  {each.name}: {line}")


def _state(stage: BuiltStage) -> str:
    proof = f", {stage.reproduction.outcome}" if stage.reproduction else ""
    return stage.state + proof


def _explanation(stage: BuiltStage) -> list[str]:
    if stage.changes is None:
        return ["not looked up" if stage.state == "skipped" else "never built before"]
    if not stage.changes:
        return ["the key is the same as last time"]
    return [f"{change}: {change.before} -> {change.now}" for change in stage.changes]
