"""What people are told to type exists: in the hints of errors and in the pages."""

import ast
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from sealift.cli.group import root

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "sealift"
_QUOTED = re.compile(r"`(sealift [^`]+)`")
_PLACEHOLDER = "X"


def spoken(node: ast.expr) -> Iterator[str]:
    """Yield the texts that an expression can become; what is filled in becomes a placeholder."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(piece.value) if isinstance(piece, ast.Constant) else _PLACEHOLDER
            for piece in node.values
        )
    elif isinstance(node, ast.IfExp):
        yield from spoken(node.body)
        yield from spoken(node.orelse)


def hinted(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each command that the code quotes, and of each `hint=`."""
    tree = ast.parse(source)
    inside = {
        id(piece) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for piece in n.values
    }
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "hint":
            for text in spoken(node.value):
                if text.startswith("sealift "):
                    yield node.value.lineno, text
        if isinstance(node, ast.Constant | ast.JoinedStr) and not {id(node)} & (
            inside | documentation
        ):
            for text in spoken(node):
                yield from ((node.lineno, quoted) for quoted in _QUOTED.findall(text))


def every_hint() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
        for line, text in hinted(path.read_text()):
            yield f"{path.relative_to(SOURCE)}:{line}", text


def every_page_command() -> Iterator[tuple[str, str]]:
    """Yield where and how each page calls sealift in a block of commands."""
    for path in sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))):
        block = ""
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if line.startswith("```"):
                block = "" if block else line.removeprefix("```")
            command = line.removeprefix("$ ").removesuffix(" &")
            if block in {"console", "sh"} and command.startswith("sealift "):
                yield f"{path.relative_to(ROOT)}:{number}", command


def refuse_unknown(command: click.Command, words: Sequence[str], name: str) -> None:
    """Raise click's usage error where an option or a subcommand does not exist."""
    context = click.Context(command, info_name=name)
    _, rest, _ = command.make_parser(context).parse_args(list(words))
    if isinstance(command, click.Group) and rest:
        child = command.get_command(context, rest[0])
        if child is None:
            raise click.UsageError(f"no such command `{rest[0]}`")
        refuse_unknown(child, rest[1:], rest[0])
    elif rest and not isinstance(command, click.Group):
        raise click.UsageError(f"unexpected `{rest[0]}`")


@pytest.mark.parametrize(("where", "text"), list(every_hint()))
def test_every_hinted_command_exists_with_these_options(where: str, text: str) -> None:
    del where  # it is the test's name
    refuse_unknown(root, shlex.split(text)[1:], "sealift")


@pytest.mark.parametrize(("where", "text"), list(every_page_command()))
def test_every_command_that_a_page_shows_exists_with_these_options(where: str, text: str) -> None:
    del where  # it is the test's name
    refuse_unknown(root, shlex.split(text, comments=True)[1:], "sealift")


def test_hints_are_found_in_strings_and_not_in_documentation() -> None:
    source = (
        'def f(x):\n    """Run `sealift never`."""\n'
        '    g(hint="sealift lock")\n    g(hint=f"run `sealift get {x} --from y`")\n'
        '    return "see `sealift plan`", "sealift is a word"\n'
    )
    assert sorted(text for _, text in hinted(source)) == [
        "sealift get X --from y",
        "sealift lock",
        "sealift plan",
    ]


def test_an_option_or_a_command_that_does_not_exist_is_noticed() -> None:
    @click.group()
    def tool() -> None:
        """Stand for sealift."""

    @tool.command()
    @click.option("--url")
    @click.argument("name")
    def get(url: str, name: str) -> None:
        """Stand for a command."""

    refuse_unknown(tool, ["get", "--url", "x", "y"], "tool")
    for words in (["got"], ["get", "--uri", "x"], ["get", "a", "b"]):
        with pytest.raises(click.UsageError):
            refuse_unknown(tool, words, "tool")
