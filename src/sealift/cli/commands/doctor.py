"""`sealift doctor`: look at the machine, the keys and the tree."""

from pathlib import Path

import click

from sealift.app.doctor import examine
from sealift.app.wiring import open_house
from sealift.cli.options import folder_option, json_option, process_environment
from sealift.cli.output import outcome, write_json
from sealift.core.errors import ExitCode


@click.command(name="doctor")
@folder_option
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """Check the tools, the sandbox, the keys' backup and the tree's freshness.

    Exits with 2 when something is missing that a release needs.

    \b
    Example:
      sealift doctor
    """
    checks = examine(open_house(folder, process_environment()))
    if as_json:
        write_json({"checks": checks})
    else:
        for check in checks:
            hint = f"  hint: {check.hint}" if check.hint else ""
            click.echo(f"{outcome(check.outcome)} {check.name:<16}{check.detail}{hint}")
    if any(check.outcome == "fail" for check in checks):
        raise click.exceptions.Exit(int(ExitCode.CONFIG))
