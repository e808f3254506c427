"""`sealift plan`: what a release would do, before it does anything."""

from pathlib import Path

import click

from sealift.app.planning import prepare
from sealift.app.preview import Preview, preview
from sealift.app.wiring import open_house
from sealift.cli.options import folder_option, json_option, process_environment
from sealift.cli.output import heading, say, table, write_json


@click.command(name="plan")
@folder_option
@click.option("--snapshot", is_flag=True, help="Plan a rehearsal of an untagged commit.")
@json_option
def command(folder: Path, *, snapshot: bool, as_json: bool) -> None:
    """Show stages, packages, destinations, and what the gate will ask.

    \b
    Example:
      sealift plan --json
    """
    house = open_house(folder, process_environment())
    shown = preview(house, prepare(house, snapshot=snapshot, write_lock=False))
    if as_json:
        write_json(shown)
        return
    show_preview(shown)


def show_preview(shown: Preview) -> None:
    """Print a preview as tables."""
    plan = shown.plan
    origin = {"committed": "", "uncommitted": " (not committed)", "detected": " (detected)"}
    click.echo(
        heading(f"{plan.project.name} {plan.project.version}")
        + f"  {plan.project.licence}  commit {plan.source.commit[:12]}"
        + (f"  tag {plan.source.tag}" if plan.source.tag else "  no tag")
        + f"  sealift.toml{origin[plan.manifest_origin]}"
    )
    click.echo("\n" + heading("Stages") + f"  on {shown.toolchain}")
    click.echo(
        table(
            [
                (row.name, row.kind, ", ".join(row.inputs) or "-", row.command)
                for row in shown.stages
            ]
        )
    )
    click.echo("\n" + heading("Packages"))
    click.echo(
        table(
            [(one.name, one.kind, str(one.platform), f"from {one.stage}") for one in plan.packages]
        )
    )
    click.echo("\n" + heading("Destinations"))
    click.echo(table([(one.name, one.place, one.state) for one in shown.destinations]))
    click.echo("\n" + heading("Gate") + f"  policy {plan.policy}")
    click.echo(table([(one.criterion, one.judged) for one in shown.criteria]))
    click.echo(f"  not assessed: {', '.join(shown.not_assessed)}")
    for note in shown.notes:
        say(f"note: {note}")
