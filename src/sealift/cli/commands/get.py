"""`sealift get`: download a release and verify it before it appears."""

from pathlib import Path

import click

from sealift.base.edge.real import real_world
from sealift.cli.options import client_home, json_option, process_environment
from sealift.cli.output import paint, say, size, warn, write_json
from sealift.client.get import get
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError


@click.command(name="get")
@click.argument("name")
@click.option("--from", "url", help="The address of the project's tree; remembered for next time.")
@click.option("--root-sha256", help="Demand this fingerprint of the root.")
@click.option("--release", "version", help="A version; default: what the channel names.")
@click.option("--channel", default="stable", show_default=True, help="The channel to follow.")
@click.option("--file", "pattern", help="A file's name, glob or kind (deb, wheel, sdist, tar).")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="this folder",
    help="Where to put the file.",
)
@json_option
def command(
    name: str,
    url: str | None,
    root_sha256: str | None,
    version: str | None,
    channel: str,
    pattern: str | None,
    into: Path,
    *,
    as_json: bool,
) -> None:
    """Download a release of NAME and verify it from its root before it appears.

    The first time, say where the tree lies and which root you trust; both are pinned.

    \b
    Example:
      sealift get jq --from https://downloads.example.org/jq --root-sha256 3f2a…
      sealift get jq
    """
    environment = process_environment()
    report = get(
        real_world(environment),
        client_home(environment),
        name,
        url=url,
        root_sha256=_demanded(root_sha256),
        version=version,
        channel=channel,
        file=pattern,
        folder=into,
    )
    if as_json:
        write_json(report)
        return
    state = "was there already, verified" if report.already else "downloaded, verified"
    click.echo(
        f"{paint('✓', 'green')} {report.path}  {size(report.artifact.size_bytes)}  "
        f"{report.project} {report.version}, {state}"
    )
    commit = report.links[-1]
    click.echo(f"  {len(report.links)} links hold, from the file to {commit.title}")
    if report.trust == "first-use":
        warn(
            f"root {report.root} was trusted on first use; compare it with what the project "
            "publishes, or demand it with --root-sha256"
        )
    else:
        say(f"  trusted root  {report.root} ({report.trust})")
    say(f"  see each link: sealift verify {report.path}")
    for note in report.notes:
        say(f"  note          {note}")


def _demanded(fingerprint: str | None) -> Digest | None:
    """Read what the user demands of the root.

    An empty one is a mistake (a script's unset variable), never a wish to trust on first use.
    """
    if fingerprint is None:
        return None
    try:
        return Digest(fingerprint.strip().lower().removeprefix("sha256:"))
    except IntegrityError as error:
        raise ConfigError(
            where="--root-sha256",
            fact=error.fact,
            expected="the 64 hex digits of the root's fingerprint",
            hint="copy it from the project's signed tag: git tag --list -n9 TAG",
        ) from error
