"""`sealift verify`: from a file back to its source, offline."""

from pathlib import Path

import click

from sealift.base.edge.real import real_world
from sealift.cli.chain import link_lines
from sealift.cli.options import client_home, json_option, process_environment
from sealift.cli.output import paint, say, write_json
from sealift.client.verify import verify


@click.command(name="verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="The project; default: whichever pinned project lists the file.")
@json_option
def command(file: Path, name: str | None, *, as_json: bool) -> None:
    """Walk from FILE back to its source and print each link; needs no network.

    It uses what `sealift get` pinned and kept: root, metadata, attestations.

    \b
    Example:
      sealift verify jq-1.8.2-linux-amd64.tar.gz
    """
    environment = process_environment()
    report = verify(real_world(environment), client_home(environment), file, name=name)
    if as_json:
        write_json(report)
        return
    click.echo(f"{paint('✓', 'green')} {file} is {report.project} {report.version}")
    for row in link_lines(report.links):
        click.echo(row)
    say(f"  trusted root  {report.root}")
    for note in report.notes:
        say(f"  note          {note}")
