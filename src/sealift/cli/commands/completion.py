"""`sealift completion`: scripts for shells."""

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command(name="completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> None:
    """Print a completion script for SHELL.

    \b
    Example:
      sealift completion bash > ~/.local/share/bash-completion/completions/sealift
    """
    from sealift.cli.group import root  # noqa: PLC0415 - the group imports this module

    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"no completion for {shell}")
    click.echo(kind(root, {}, "sealift", "_SEALIFT_COMPLETE").source())
