"""`sealift serve`: the published trees over HTTP."""

from pathlib import Path

import click

from sealift.app.places import Home
from sealift.cli.options import process_environment
from sealift.cli.output import say
from sealift.server.static import serve


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8620,
    show_default=True,
    help="The port; 0 takes any free one.",
)
@click.option(
    "--sites",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of published trees; default: SEALIFT_HOME/site.",
)
@click.option(
    "--access-log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Append one JSON line a request to this file.",
)
def command(host: str, port: int, sites: Path | None, access_log: Path | None) -> None:
    """Serve every published tree as /NAME/… until interrupted.

    For rehearsals and small sites; nginx or a CDN in front of the same folder stays the advice.

    \b
    Example:
      sealift serve --port 8620 --access-log access.jsonl
    """
    folder = sites or Home.of(process_environment()).sites

    def ready(bound: int) -> None:
        say(f"serving {folder} at http://{host}:{bound}/ (Ctrl-C ends it)")

    serve(folder, host=host, port=port, access_log=access_log, ready=ready)
