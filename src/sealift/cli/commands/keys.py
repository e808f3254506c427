"""`sealift keys`: two commands for one person, `init` and `backup`."""

from pathlib import Path

import click

from sealift.app.keys import init_keys, passphrase_for_new_keys
from sealift.app.passphrase import read_passphrase
from sealift.app.planning import project_name
from sealift.app.wiring import House, open_house
from sealift.cli.options import (
    folder_option,
    json_option,
    passphrase_option,
    process_environment,
    project_option,
    prompt_if_terminal,
)
from sealift.cli.output import heading, say, table, warn, write_json
from sealift.core.errors import ConfigError
from sealift.core.signing import OFFLINE_ROLES
from sealift.stations.attest.model import KeyringReport


@click.group(name="keys")
def command() -> None:
    """Create, back up and show the project's keys.

    \b
    Example:
      sealift keys init --trust-signer ~/.ssh/id_ed25519.pub
      sealift keys backup /media/stick/jq-keys.backup
    """


def _open(folder: Path, project: str | None) -> tuple[House, str]:
    house = open_house(folder, process_environment())
    return house, project or project_name(house)


def _passphrase(chosen: Path | None, question: str = "Passphrase of the offline keys") -> bytes:
    return read_passphrase(
        chosen=chosen,
        environment=process_environment(),
        prompt=prompt_if_terminal(),
        question=question,
    )


def _show(report: KeyringReport, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "project": report.project,
                "folder": report.folder,
                "created_at": report.created_at,
                "root_sha256": report.root_fingerprint.hex if report.root_fingerprint else None,
                "keys": report.keys,
                "signers": report.signers,
                "backup": report.backup,
                "warnings": report.warnings,
            }
        )
        return
    click.echo(heading(f"Keys of {report.project}") + f"  {report.folder}")
    rows = [
        (
            str(key.role),
            "offline" if key.role in OFFLINE_ROLES else "online",
            key.scheme,
            key.key_id,
        )
        for key in report.keys
    ]
    click.echo(table(rows))
    if report.root_fingerprint is not None:
        click.echo(f"\n  root fingerprint  {report.root_fingerprint}")
        click.echo("  Users pin it: print it in the signed tag and on your project's page.")
    for signer in report.signers:
        click.echo(f"  tags signed by    {signer.principal} ({signer.fingerprint})")
    for warning in report.warnings:
        warn(warning)


@command.command()
@folder_option
@project_option
@passphrase_option
@click.option(
    "--trust-signer",
    "trust_signers",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An SSH public key (or a file with an OpenPGP fingerprint) whose tags count.",
)
@json_option
def init(
    folder: Path,
    project: str | None,
    passphrase_file: Path | None,
    trust_signers: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Make all keys of a project and its first root.

    \b
    Example:
      sealift keys init --trust-signer ~/.ssh/id_ed25519.pub
    """
    house, name = _open(folder, project)
    passphrase = passphrase_for_new_keys(
        chosen=passphrase_file, environment=process_environment(), prompt=prompt_if_terminal()
    )
    _show(
        init_keys(house, name, passphrase=passphrase, trust_signers=trust_signers), as_json=as_json
    )


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@folder_option
@project_option
@passphrase_option
@json_option
def backup(
    file: Path,
    folder: Path,
    project: str | None,
    passphrase_file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Write one encrypted file that brings the keys back, and read it back.

    \b
    Example:
      sealift keys backup /media/stick/jq-keys.backup
    """
    house, name = _open(folder, project)
    if not file.absolute().parent.is_dir():
        raise ConfigError(
            fact=f"there is no folder `{file.parent}`",
            expected="a place for the backup, away from this machine's disk",
            hint=f"mkdir -p {file.parent}",
        )
    receipt = house.custody.backup(
        name, file, passphrase=_passphrase(passphrase_file), at=house.world.clock.now()
    )
    if as_json:
        write_json(receipt)
        return
    click.echo(f"wrote {file}: all keys of {name}, encrypted with your passphrase, read back")
    say("Keep it where this machine's thief is not. Without it a lost disk is a lost project.")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@folder_option
@project_option
@passphrase_option
@json_option
def restore(
    file: Path,
    folder: Path,
    project: str | None,
    passphrase_file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Bring keys back from a backup, where there are none.

    \b
    Example:
      sealift keys restore /media/stick/jq-keys.backup
    """
    house, name = _open(folder, project)
    _show(
        house.custody.restore(name, file, passphrase=_passphrase(passphrase_file)), as_json=as_json
    )


@command.command()
@folder_option
@project_option
@json_option
def show(folder: Path, project: str | None, *, as_json: bool) -> None:
    """Show public keys, the root's fingerprint, whose tags count, and warnings.

    \b
    Example:
      sealift keys show --json
    """
    house, name = _open(folder, project)
    _show(house.custody.show(name), as_json=as_json)


@command.command(name="trust-signer")
@click.argument("signer")
@folder_option
@project_option
@json_option
def trust_signer(signer: str, folder: Path, project: str | None, *, as_json: bool) -> None:
    """Let the tags that SIGNER signs count: a public key file, its line, or a fingerprint.

    \b
    Example:
      sealift keys trust-signer ~/.ssh/id_ed25519.pub
    """
    house, name = _open(folder, project)
    path = Path(signer)
    text = path.read_text() if path.is_file() else signer
    trusted = house.custody.trust_signer(name, text)
    if as_json:
        write_json(trusted)
        return
    click.echo(f"tags signed by {trusted.principal} ({trusted.fingerprint}) count from now on")


@command.command()
@folder_option
@project_option
@passphrase_option
@json_option
def passphrase(
    folder: Path, project: str | None, passphrase_file: Path | None, *, as_json: bool
) -> None:
    """Put the offline keys under a new passphrase, asked for on the terminal.

    \b
    Example:
      sealift keys passphrase
    """
    house, name = _open(folder, project)
    old = _passphrase(passphrase_file)
    new = passphrase_for_new_keys(chosen=None, environment={}, prompt=prompt_if_terminal())
    _show(house.custody.change_passphrase(name, old=old, new=new), as_json=as_json)
    say("Old backups still open with the old passphrase: make a new one, destroy the others.")
