"""`sealift release`: from a tagged commit to a published, verified release."""

from pathlib import Path

import click

from sealift.app.passphrase import read_passphrase
from sealift.app.planning import prepare
from sealift.app.preview import preview
from sealift.app.releasing import Rehearsed, Released, ReleaseRequest, rehearse, release
from sealift.app.wiring import open_house
from sealift.cli.commands.plan import show_preview
from sealift.cli.options import (
    folder_option,
    json_option,
    passphrase_option,
    process_environment,
    prompt_if_terminal,
)
from sealift.cli.output import heading, outcome, paint, say, size, table, write_json
from sealift.cli.progress import progress
from sealift.core.errors import ExitCode


@click.command(name="release")
@folder_option
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option(
    "--snapshot", is_flag=True, help="Rehearse an untagged commit: nothing is signed or published."
)
@click.option(
    "--advisories",
    type=click.Path(path_type=Path, exists=True),
    envvar="SEALIFT_ADVISORIES",
    show_envvar=True,
    help="An OSV feed (a file or folder) to match components against.",
)
@passphrase_option
@json_option
def command(
    folder: Path,
    advisories: Path | None,
    passphrase_file: Path | None,
    *,
    dry_run: bool,
    snapshot: bool,
    as_json: bool,
) -> None:
    """Carry the tagged commit through all stations, and publish it when the gate agrees.

    Interrupted at any moment, the same command goes on where it stopped.

    \b
    Example:
      sealift release --dry-run
      sealift release
    """
    environment = process_environment()
    if dry_run:
        house = open_house(folder, environment)
        shown = preview(house, prepare(house, snapshot=snapshot, write_lock=False))
        if as_json:
            write_json(shown)
        else:
            show_preview(shown)
            say("dry run: nothing was built, signed or published")
        return
    try:
        if snapshot:
            with progress() as listener:
                rehearsed = rehearse(
                    open_house(folder, environment, progress=listener), advisories=advisories
                )
            _show_rehearsed(rehearsed, as_json=as_json)
            return
        with progress() as listener:

            def ask() -> bytes:
                with listener.paused():
                    return read_passphrase(
                        chosen=passphrase_file, environment=environment, prompt=prompt_if_terminal()
                    )

            released = release(
                open_house(folder, environment, progress=listener),
                ReleaseRequest(advisories=advisories, passphrase=ask),
            )
    except KeyboardInterrupt:
        say("\ninterrupted; what was done is kept")
        say("\nhint: run `sealift release` again to go on where it stopped")
        raise click.exceptions.Exit(int(ExitCode.INTERRUPTED)) from None
    _show_released(released, as_json=as_json)


def _show_rehearsed(rehearsed: Rehearsed, *, as_json: bool) -> None:
    if as_json:
        write_json(rehearsed)
        return
    click.echo(heading(f"{rehearsed.project} {rehearsed.version}") + "  rehearsed, not published")
    click.echo(
        table(
            [
                (one.name, size(one.file.size_bytes), str(one.file.digest))
                for one in rehearsed.package.artifacts
            ]
        )
    )
    click.echo(f"  in {rehearsed.folder}")


def _show_released(released: Released, *, as_json: bool) -> None:
    summary = released.summary
    if as_json:
        write_json(summary)
        return
    state = "already released, same bytes" if summary.already else "released"
    click.echo(f"\n{paint('✓', 'green')} {heading(f'{summary.project} {summary.version}')} {state}")
    click.echo(
        table(
            [
                (one.name, size(one.file.size_bytes), str(one.file.digest))
                for one in summary.artifacts
            ]
        )
    )
    click.echo("\n" + heading("Gate") + f"  policy {summary.gate.policy}")
    for verdict in summary.gate.verdicts:
        click.echo(f"  {outcome(verdict.outcome)} {verdict.criterion:<22}{verdict.reason}")
    unassessed = ", ".join(one.criterion for one in summary.gate.not_assessed)
    click.echo(f"  not assessed: {unassessed}")
    click.echo(
        f"\n  {summary.actions} actions, {summary.identical} rebuilt identically, "
        f"{summary.attestations} attestations"
    )
    click.echo(f"  root  {summary.root_digest}")
    click.echo(f"  page  {summary.page}")
