"""`sealift site`: the published tree, and keeping it fresh."""

from pathlib import Path

import click

from sealift.app.planning import project_name
from sealift.app.sites import refresh_site, site_status
from sealift.app.timers import site_timer
from sealift.app.wiring import open_house
from sealift.cli.options import (
    folder_option,
    json_option,
    process_environment,
    project_option,
)
from sealift.cli.output import heading, paint, say, table, warn, write_json


@click.group(name="site")
def command() -> None:
    """Show and refresh the published tree.

    \b
    Example:
      sealift site status
      sealift site refresh
    """


@command.command()
@folder_option
@project_option
@json_option
def status(folder: Path, project: str | None, *, as_json: bool) -> None:
    """Show what is published, where channels point, and until when clients accept it.

    \b
    Example:
      sealift site status --json
    """
    house = open_house(folder, process_environment())
    shown = site_status(house, project or project_name(house))
    if as_json:
        write_json(shown)
        return
    where = f"generation {shown.generation}" if shown.generation is not None else "empty"
    click.echo(heading(shown.project) + f"  {where}  {shown.folder}")
    click.echo(f"  released  {', '.join(shown.released) or 'nothing yet'}")
    for channel, version in shown.channels:
        click.echo(f"  channel   {channel} -> {version}")
    click.echo(
        table(
            [
                (one.role, f"valid until {one.expires:%Y-%m-%d %H:%M} UTC")
                for one in shown.freshness.roles
            ]
        )
    )
    for warning in shown.freshness.warnings:
        warn(warning)


@command.command()
@folder_option
@project_option
@json_option
def refresh(folder: Path, project: str | None, *, as_json: bool) -> None:
    """Sign the timestamp and apt's index anew, with their online keys alone.

    Run it daily: clients refuse a tree whose timestamp is older than 14 days.

    \b
    Example:
      sealift site refresh --project jq
    """
    house = open_house(folder, process_environment())
    name = project or project_name(house)
    done = refresh_site(house, name)
    if as_json:
        write_json(done)
        return
    click.echo(
        f"{paint('✓', 'green')} {name}: {', '.join(done.roles)} signed until "
        f"{done.expires:%Y-%m-%d %H:%M} UTC, generation {done.generation}"
    )


@command.command()
@folder_option
@project_option
@click.option("--install", is_flag=True, help="Write the units for this user.")
@json_option
def timer(folder: Path, project: str | None, *, install: bool, as_json: bool) -> None:
    """Print the systemd units that refresh the tree every day.

    \b
    Example:
      sealift site timer --project jq --install
    """
    house = open_house(folder, process_environment())
    made = site_timer(house, project or project_name(house), install=install)
    if as_json:
        write_json(made)
        return
    if not made.installed:
        click.echo(
            f"# {made.service_name}\n{made.service}\n# {made.timer_name}\n{made.timer}", nl=False
        )
        say("write them with --install, or copy the command into your CI's schedule")
        return
    click.echo(f"{paint('✓', 'green')} wrote {made.folder}/{made.timer_name}")
    say(f"next: systemctl --user enable --now {made.timer_name}")
