"""`sealift audit`: the ledger of this checkout, and whether its chain holds."""

from pathlib import Path

import click

from sealift.app.wiring import open_house
from sealift.cli.options import folder_option, json_option, process_environment
from sealift.cli.output import heading, paint, table, write_json
from sealift.core.errors import ConfigError


@click.command(name="audit")
@folder_option
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """Show what happened here, entry by entry, and check the hash chain.

    \b
    Example:
      sealift audit --json
    """
    house = open_house(folder, process_environment())
    if not house.checkout.state_database.exists():
        # An empty ledger, made just now, would hold too: a false comfort in the wrong folder.
        raise ConfigError(
            fact=f"there is no ledger in `{house.checkout.folder}`",
            expected="a checkout from which something was released",
            hint="sealift release",
        )
    ledger = house.ledger
    ledger.verify()
    entries = tuple(ledger.entries())
    if as_json:
        write_json({"entries": entries, "verified": True})
        return
    click.echo(heading("Ledger"))
    click.echo(
        table(
            [
                (str(entry.sequence), entry.at, entry.kind, _subject(entry.body), entry.hash.short)
                for entry in entries
            ]
        )
    )
    click.echo(f"{paint('✓', 'green')} {len(entries)} entries, the chain holds")


def _subject(body: object) -> str:
    if not isinstance(body, dict):
        return ""
    shown = [str(body[key]) for key in ("project", "version", "step", "outcome") if key in body]
    return " ".join(shown)
