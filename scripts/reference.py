"""Write the pages that are made of others' words.

Commands come from click, ports from their Protocols, `docs/formats.md` from the parts that each
station keeps in `docs/formats/`.

    .venv/bin/python scripts/reference.py          write the pages
    .venv/bin/python scripts/reference.py --check  exit 1 when one is out of date

Nobody writes them twice, and a test fails when a page is out of date.
"""

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from sealift.cli.catalogue import COMMANDS
from sealift.cli.group import root

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "src" / "sealift"
REFERENCE: Final = ROOT / "docs" / "reference"
FORMATS: Final = ROOT / "docs" / "formats"
PROGRAM: Final = "sealift"
NO_REWRAP: Final = "\b"

_COMMANDS_HEAD: Final = """\
# Commands

This page is written by `scripts/reference.py` from the commands themselves.

Data goes to standard output, words to standard error; commands that print data have `--json`.
What the exit codes mean is said in [Exit codes and errors](errors.md).
"""
_PORTS_HEAD: Final = """\
# Ports

This page is written by `scripts/reference.py` from the Protocols themselves.

A port is what a driver or a plugin implements.
[How to add a driver](../../CONTRIBUTING.md#how-to-add-a-driver) says how one joins.
"""
_FORMATS_HEAD: Final = """\
# Formats

Every file that Sealift writes to a project, to `SEALIFT_HOME` and to the published tree.

This page is put together by `scripts/reference.py` from the parts in `docs/formats/`, which lie
beside each other in the order of the road.
Every format has a name with a version, such as `sealift-tree-v1`; a reader refuses another one.
"""
_FORMATS_ORDER: Final = (
    *("ground", "plan", "core", "build", "package", "inspect", "attest", "gate", "publish"),
    *("channel", "chain-and-trust", "serve"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A Protocol of the code."""

    module: str
    source: str
    node: ast.ClassDef


def commands_page() -> str:
    """Return the page of all commands, in the catalogue's order."""
    parts = [_COMMANDS_HEAD, "| Command | What it does |\n|---|---|"]
    parts[-1] += "".join(
        f"\n| [`{PROGRAM} {name}`](#{PROGRAM}-{name}) | {cell(summary)} |"
        for name, _, summary in COMMANDS
    )
    context = click.Context(root, info_name=PROGRAM, **root.context_settings)
    group = ""
    for name, title, _ in COMMANDS:
        if title != group:
            group = title
            parts.append(f"## {title}")
        command = root.get_command(context, name)
        if command is None:
            sys.exit(f"the catalogue names `{name}`, but there is no such command")
        parts += command_sections(command, context, name, depth=3)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def command_sections(
    command: click.Command, parent: click.Context, name: str, *, depth: int
) -> Iterator[str]:
    """Yield the Markdown of a command, then of its subcommands."""
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * min(depth, 4)} {context.command_path}"
    about, examples = help_blocks(command.help or "")
    yield from about
    usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece)
    yield f"```text\n{context.command_path} {usage}\n```"
    records = [
        record
        for parameter in command.get_params(context)
        if not getattr(parameter, "hidden", False)
        and (record := parameter.get_help_record(context)) is not None
        and any(record[1:])  # an argument without words stands in the usage line already
    ]
    if records:
        rows = "".join(f"\n| `{cell(names)}` | {cell(words)} |" for names, words in records)
        yield "| Option | Meaning |\n|---|---|" + rows
    yield from examples
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            below = command.get_command(context, child)
            if below is not None and not below.hidden:
                yield from command_sections(below, context, child, depth=depth + 1)


def help_blocks(text: str) -> tuple[list[str], list[str]]:
    """Return the paragraphs of a help text, and as code blocks what click must not rewrap."""
    about, examples = [], []
    for block in inspect.cleandoc(text).split("\n\n"):
        if block.startswith(NO_REWRAP):
            lines = block.removeprefix(NO_REWRAP).strip("\n")
            if first_is_label(lines):
                label, _, lines = lines.partition("\n")
                examples.append(label)
            examples.append(f"```text\n{inspect.cleandoc(lines)}\n```")
        elif block.strip():
            about.append(" ".join(block.split()))
    return about, examples


def first_is_label(lines: str) -> bool:
    """Tell whether a block starts with a line such as `Example:` before what it introduces."""
    first, separator, _ = lines.partition("\n")
    return bool(separator) and first.endswith(":")


def cell(text: str) -> str:
    """Return text that fits into one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def ports() -> list[Port]:
    """Return every public Protocol, lower floors first, then by module and place."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        if path.name != "port.py" and not module.startswith("sealift.core."):
            continue
        source = path.read_text()
        found += [
            Port(module=module, source=source, node=node)
            for node in ast.parse(source).body
            if isinstance(node, ast.ClassDef) and is_protocol(node)
        ]
    floors = ("sealift.core", "sealift.base", "sealift.stations", "sealift")
    return sorted(found, key=lambda port: [port.module.startswith(f) for f in floors], reverse=True)


def is_protocol(node: ast.ClassDef) -> bool:
    """Tell whether a class is a public Protocol."""
    names = {base.id for base in node.bases if isinstance(base, ast.Name)}
    return "Protocol" in names and not node.name.startswith("_")


def ports_page() -> str:
    """Return the page of all ports."""
    parts = [_PORTS_HEAD, "| Port | Module |\n|---|---|"]
    known = ports()
    parts[-1] += "".join(
        f"\n| [`{port.node.name}`](#{port.node.name.lower()}) | `{port.module}` |" for port in known
    )
    for port in known:
        parts.append(f"## {port.node.name}")
        parts.append(f"`{port.module}`")
        parts.append(prose(ast.get_docstring(port.node) or ""))
        for member in port.node.body:
            if isinstance(member, ast.FunctionDef):
                parts.append(f"```python\n{signature(port.source, member)}\n```")
                parts.append(prose(ast.get_docstring(member) or ""))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def signature(source: str, node: ast.FunctionDef) -> str:
    """Return a method's lines up to its body, as they stand in the code."""
    start = min((decorator.lineno for decorator in node.decorator_list), default=node.lineno)
    lines = source.splitlines()[start - 1 : node.body[0].lineno - 1]
    return inspect.cleandoc("\n".join(lines)).removesuffix(":")


def prose(text: str) -> str:
    """Join the lines of each paragraph of a docstring."""
    return "\n\n".join(" ".join(block.split()) for block in text.split("\n\n"))


def formats_page() -> str:
    """Return the parts of `docs/formats/` as one page, in the order of the road."""
    parts = sorted(FORMATS.glob("*.md"), key=lambda path: (place_on_the_road(path.stem), path.stem))
    texts = [path.read_text().strip("\n").replace("](../", "](") for path in parts]
    titles = [
        line.removeprefix("## ")
        for text in texts
        for line in text.splitlines()
        if line.startswith("## ")
    ]
    contents = "\n".join(f"- [{title}](#{anchor(title)})" for title in titles)
    return "\n\n".join([_FORMATS_HEAD.strip("\n"), contents, *texts]) + "\n"


def place_on_the_road(part: str) -> int:
    """Return where a part stands; those that nobody ordered come last."""
    return _FORMATS_ORDER.index(part) if part in _FORMATS_ORDER else len(_FORMATS_ORDER)


def anchor(title: str) -> str:
    """Return a heading's anchor as forges make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def pages() -> dict[Path, str]:
    """Return every generated page."""
    return {
        REFERENCE / "commands.md": commands_page(),
        REFERENCE / "ports.md": ports_page(),
        ROOT / "docs" / "formats.md": formats_page(),
    }


def main() -> None:
    """Write the pages, or only compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    checking = parser.parse_args().check
    stale = []
    for path, text in pages().items():
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.relative_to(ROOT))
        if not checking:
            path.write_text(text)
    for name in stale:
        print(f"{'out of date' if checking else 'wrote'}: {name}")
    if stale and checking:
        sys.exit("\nhint: .venv/bin/python scripts/reference.py")


if __name__ == "__main__":
    main()
