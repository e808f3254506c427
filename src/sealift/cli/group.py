"""The click group: commands are imported when they are called, errors become words and codes."""

import importlib
import json
import os
import sys
import traceback

import click

from sealift import __version__
from sealift.cli.catalogue import COMMANDS, top_help
from sealift.core.errors import ConfigError, ExitCode, SealiftError

_BROKEN_PIPE_EXIT = 141


class Commands(click.Group):
    """Commands by name, one module each, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the catalogue's order."""
        del ctx
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return its `command`."""
        del ctx
        if cmd_name not in {name for name, _, _ in COMMANDS}:
            return None
        module = importlib.import_module(f"sealift.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the same text that the fast path prints."""
        del ctx
        formatter.write(top_help())


root = Commands(name="sealift", context_settings={"help_option_names": ["-h", "--help"]})


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code. Never lets an error of ours show a traceback."""
    code: int = ExitCode.OK
    try:
        outcome = root.main(args=arguments, prog_name="sealift", standalone_mode=False)
        # Not standalone, click returns the code of its own `Exit` instead of raising it.
        code = outcome if isinstance(outcome, int) else ExitCode.OK
    except SealiftError as error:
        render_error(error, as_json="--json" in arguments)
        code = error.exit_code
    except click.ClickException as error:
        render_error(_usage(error), as_json="--json" in arguments)
        code = ExitCode.CONFIG
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`): point stdout elsewhere so that exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _BROKEN_PIPE_EXIT
    except Exception:  # noqa: BLE001 - the one place where a bug becomes words
        traceback.print_exc()
        click.echo(
            f"\nThis is a bug in sealift {__version__}. Please report it with the lines above.",
            err=True,
        )
        code = ExitCode.BUG
    return int(code)


def render_error(error: SealiftError, *, as_json: bool) -> None:
    """Say fact, expectation and hint on stderr; with `--json` also as an object on stdout."""
    if as_json:
        body = {"error": {**error.details(), "exit_code": int(error.exit_code)}}
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    click.echo(_paint("error: ", "red") + str(error), err=True)
    if error.log:
        click.echo("\n" + "\n".join(f"  │ {line}" for line in error.log.splitlines()), err=True)
    if error.hint:
        click.echo("\n" + _paint("hint: ", "cyan") + error.hint, err=True)


def _usage(error: click.ClickException) -> ConfigError:
    """Put click's complaint about a command line into our own words and shape."""
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else "sealift --help"
    return ConfigError(fact=error.format_message(), hint=hint)


def _paint(text: str, colour: str) -> str:
    plain = bool(os.environ.get("NO_COLOR")) or not sys.stderr.isatty()  # noqa: TID251 - cli's edge
    return text if plain else click.style(text, fg=colour, bold=True)
