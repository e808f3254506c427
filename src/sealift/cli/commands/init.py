"""`sealift init`: detect the project and write a manifest."""

from pathlib import Path

import click

from sealift.app.onboarding import write_manifest
from sealift.app.wiring import open_house
from sealift.cli.options import folder_option, json_option, process_environment
from sealift.cli.output import paint, say, write_json


@click.command(name="init")
@folder_option
@click.option("--url", default="", help="Where users will download from.")
@click.option(
    "--configure-option",
    "configure_options",
    multiple=True,
    help="For autotools: an option for ./configure; repeat for more.",
)
@click.option("--force", is_flag=True, help="Replace the manifest that is there.")
@click.option("--dry-run", is_flag=True, help="Print the manifest, write nothing.")
@json_option
def command(
    folder: Path,
    url: str,
    configure_options: tuple[str, ...],
    *,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Detect what the project is and write a sealift.toml with comments.

    \b
    Example:
      sealift init --url https://downloads.example.org/jq
    """
    house = open_house(folder, process_environment())
    done = write_manifest(
        house, configure_options=configure_options, url=url, force=force, dry_run=dry_run
    )
    if as_json:
        write_json(done)
        return
    if dry_run:
        click.echo(done.text, nl=False)
        return
    click.echo(
        f"{paint('✓', 'green')} {done.project} ({done.kind}): wrote sealift.toml with "
        f"stages {', '.join(done.stages)} and packages {', '.join(done.packages)}"
    )
    say("next: sealift keys init, then sealift lock, then commit and sign a tag")
