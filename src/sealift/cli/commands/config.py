"""`sealift config`: explain the values in force."""

from pathlib import Path

import click

from sealift.app.explaining import explain_settings
from sealift.app.wiring import open_house
from sealift.cli.options import folder_option, json_option, process_environment
from sealift.cli.output import table, write_json
from sealift.core.errors import ConfigError

_SHOWN_CHARACTERS = 60


@click.group(name="config")
def command() -> None:
    """Explain the values in force.

    \b
    Example:
      sealift config explain stages.compile
    """


@command.command(name="explain")
@click.argument("key", required=False, default="")
@folder_option
@click.option("--snapshot", is_flag=True, help="Explain a rehearsal of an untagged commit.")
@json_option
def explain(key: str, folder: Path, *, snapshot: bool, as_json: bool) -> None:
    """Say for each effective value where it comes from: a line, a default, detection or the lock.

    KEY limits that to one key and what lies below it.

    \b
    Example:
      sealift config explain --json
    """
    house = open_house(folder, process_environment())
    settings = explain_settings(house, snapshot=snapshot)
    shown = [one for one in settings if not key or f"{one.key}.".startswith(f"{key}.")]
    if not shown:
        raise ConfigError(
            fact=f"no value in force is called `{key[:120]}`",
            expected="a key of the manifest, such as `project.name`",
            hint="sealift config explain",
        )
    if as_json:
        write_json(shown)
        return
    click.echo(
        table([(one.key, _short(one.value), one.origin, one.place) for one in shown], indent=0)
    )


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
