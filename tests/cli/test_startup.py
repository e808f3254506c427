"""Start-up is a feature: what the two cheapest options import is pinned."""

import json
import subprocess
import sys

import pytest

from sealift import __version__
from sealift.cli.catalogue import COMMANDS, top_help
from sealift.cli.group import root

PROBE = """
import json, sys
before = set(sys.modules)
sys.argv = ["sealift", {option!r}]
from sealift.cli.main import main
main()
print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("option", "modules"),
    [
        ("--version", ["sealift", "sealift.cli", "sealift.cli.main"]),
        ("--help", ["sealift", "sealift.cli", "sealift.cli.catalogue", "sealift.cli.main"]),
    ],
)
def test_version_and_help_import_nothing_else(option: str, modules: list[str]) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", PROBE.format(option=option)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(completed.stderr) == modules
    expected = f"sealift {__version__}\n" if option == "--version" else top_help()
    assert completed.stdout == expected


def test_every_command_of_the_catalogue_can_be_imported_and_explains_itself() -> None:
    context = root.make_context("sealift", ["doctor"], resilient_parsing=True)
    for name, _, _ in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        assert command.help
        assert "Example" in command.help
    assert root.get_command(context, "nonsense") is None
