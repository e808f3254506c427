"""`sealift rebuild`: make a published release again, and say how it compares."""

from pathlib import Path

import click

from sealift.app.rebuilding import Reference, find_reference, rebuild
from sealift.app.wiring import House, open_house
from sealift.cli.options import json_option, process_environment
from sealift.cli.output import paint, say, table, write_json
from sealift.cli.progress import progress
from sealift.core.action import Reproduced
from sealift.core.codec import to_json
from sealift.core.errors import ExitCode
from sealift.core.rebuild import RebuildVerdict
from sealift.stations.attest.rebuilder_key import check_key_file, sign_verdict

_COLOURS: dict[Reproduced, str] = {
    "identical": "green",
    "equivalent": "yellow",
    "unknown": "yellow",
    "different": "red",
}
_EXITS: dict[Reproduced, ExitCode] = {
    "identical": ExitCode.OK,
    "equivalent": ExitCode.OK,
    "unknown": ExitCode.UNAVAILABLE,
    "different": ExitCode.INTEGRITY,
}


@click.command(name="rebuild")
@click.argument("reference")
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="this folder",
    help="A checkout that has the commit, or the published source archive.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the verdict here."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="Sign the verdict with this key: ECDSA P-256 in PEM, unencrypted, mode 0600.",
)
@click.option(
    "--attestation",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the signed verdict goes; default: beside --output, or REF.rebuild.sigstore.json.",
)
@json_option
def command(
    reference: str,
    source: Path,
    output: Path | None,
    key: Path | None,
    attestation: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make a release again from its provenance alone, and compare the bytes.

    REFERENCE is a downloaded file, or NAME@VERSION of a release that `sealift get` brought here.
    The exit code is 0 for identical and equivalent, 4 for different, 5 for unknown.

    \b
    Example:
      sealift rebuild jq-1.8.2-linux-amd64.tar.gz --source ~/src/jq
      sealift rebuild jq@1.8.2 --source jq-1.8.2.tar.gz --key rebuilder.pem
    """
    if key is not None:
        check_key_file(key)
    with progress() as tell:
        house = open_house(Path(), process_environment(), progress=tell)
        found = find_reference(house, reference)
        verdict = rebuild(house, found, source=source)
    if output is not None:
        house.world.files.write_durably(output.absolute(), to_json(verdict) + b"\n")
    signed = _sign(house, verdict, found, key, attestation, output) if key is not None else None
    if as_json:
        write_json(verdict)
    else:
        _show(verdict)
    if signed is not None:
        say(f"  signed verdict  {signed}")
    click.get_current_context().exit(int(_EXITS[verdict.outcome]))


def _sign(
    house: House,
    verdict: RebuildVerdict,
    reference: Reference,
    key: Path,
    attestation: Path | None,
    output: Path | None,
) -> Path:
    bundle, _ = sign_verdict(key, verdict)
    beside = output or reference.path or Path(f"{verdict.project}-{verdict.version}")
    path = attestation or beside.with_name(f"{beside.name}.rebuild.sigstore.json")
    house.world.files.write_durably(path.absolute(), bundle + b"\n")
    return path


def _show(verdict: RebuildVerdict) -> None:
    for file in verdict.files:
        click.echo(f"{paint(file.outcome, _COLOURS[file.outcome])}  {file.name}  {file.published}")
        if file.reason:
            click.echo(f"  {file.reason}")
    rows = [
        (action.kind, action.stage, action.outcome, action.reason) for action in verdict.actions
    ]
    click.echo(table(rows))
    for toolchain in verdict.toolchains:
        same = toolchain.here == toolchain.published
        here = "the same" if same else str(toolchain.here or "not here")
        say(f"  toolchain       {toolchain.name} {toolchain.published}; here: {here}")
    say(f"  rebuilt from    {verdict.source}")
