"""Options that several commands share."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorated = Callable[..., Any]

json_option = click.option("--json", "as_json", is_flag=True, help="Print data as JSON on stdout.")

folder_option = click.option(
    "--folder",
    "-C",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    show_default="this folder",
    help="The project's checkout.",
)

passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="Read the passphrase of the offline keys from this file [env: SEALIFT_PASSPHRASE_FILE].",
)

project_option = click.option(
    "--project", help="The project's name; default: what the checkout says."
)


def prompt_hidden(question: str) -> str:
    """Ask a person for a secret on the terminal, on stderr."""
    answer: str = click.prompt(question, hide_input=True, err=True)
    return answer


def prompt_if_terminal() -> Callable[[str], str] | None:
    """Return the way to ask a person, or None when nobody is there."""
    return prompt_hidden if sys.stdin.isatty() else None


def process_environment() -> dict[str, str]:
    """Return a copy of this process's variables: the command line is the edge for them."""
    return dict(os.environ)  # noqa: TID251 - the one place of the command line that reads them


def client_home(environment: dict[str, str]) -> Path:
    """Return SEALIFT_HOME for the commands that need no checkout."""
    from sealift.app.places import Home  # noqa: PLC0415 - options are imported by every command

    return Home.of(environment).folder
