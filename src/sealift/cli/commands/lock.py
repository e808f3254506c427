"""`sealift lock`: pin what fetch stages download."""

from pathlib import Path

import click

from sealift.app.locking import write_lock
from sealift.app.wiring import open_house
from sealift.cli.options import folder_option, json_option, process_environment
from sealift.cli.output import paint, size, table, write_json


@click.command(name="lock")
@folder_option
@click.option(
    "--constraint",
    "constraints",
    multiple=True,
    help="Limit a version, e.g. poetry-core==1.9.0; repeat for more.",
)
@click.option(
    "--source-archive",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The published source archive that the commit must equal; its digest is recorded.",
)
@click.option(
    "--toolchain",
    "toolchains",
    multiple=True,
    help="Make the root of this toolchain anew though it is locked; repeat for more.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be pinned, write nothing.")
@json_option
def command(
    folder: Path,
    constraints: tuple[str, ...],
    source_archive: Path | None,
    toolchains: tuple[str, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Resolve the requirements of fetch stages and pin every file by sha256.

    The roots of toolchains are made, stored and pinned as well, once: a locked root stays as it is.

    \b
    Example:
      sealift lock --constraint poetry-core==1.9.0
    """
    house = open_house(folder, process_environment())
    done = write_lock(
        house,
        constraints=constraints,
        source_archive=source_archive,
        dry_run=dry_run,
        toolchains_anew=toolchains,
    )
    if as_json:
        write_json(done)
        return
    rows = [
        (one.group, one.name, one.version, size(one.size_bytes), f"sha256:{one.digest.short}…")
        for one in done.downloads
    ]
    rows += [
        (
            one.name,
            one.root.partition("@")[0],
            f"{len(one.installed)} packages",
            size(one.size_bytes),
            f"sha256:{one.digest.short}…",
        )
        for one in done.toolchains
    ]
    if rows:
        click.echo(table(rows))
    if done.upstream is not None:
        click.echo(f"  source equals {done.upstream.name} (sha256:{done.upstream.digest.short}…)")
    for name in done.removed:
        click.echo(f"  - {name}")
    verb = "would pin" if dry_run else "pinned"
    roots = f" and {len(done.toolchains)} roots" if done.toolchains else ""
    click.echo(f"{paint('✓', 'green')} {verb} {len(done.downloads)} files{roots} in sealift.lock")
