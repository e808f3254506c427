"""Ask pip where it is configured to look, and tell uv the same. Standard library only."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

# Later scopes win; pip itself lists them in another order.
SCOPES = ("global", "user", "site", "install", ":env:")


def configured(python: Path) -> dict[str, str]:
    """Return pip's settings by name, from its files and its variables, as pip ranks them."""
    listing = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, dict[str, str]] = {scope: {} for scope in SCOPES}
    for line in listing.splitlines():
        scoped, _, value = line.partition("=")
        scope, _, name = scoped.rpartition(".")
        found.setdefault(scope, {})[name] = str(ast.literal_eval(value))
    return {name: value for scope in SCOPES for name, value in found[scope].items()}


def default_index(python: Path) -> str:
    """Return the index address that pip prints as its effective default."""
    text = subprocess.run(
        [python, "-m", "pip", "install", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "500"},
    ).stdout
    match = re.search(r"--index-url <url>.*?\(default\s+(\S+?)\)", text, re.DOTALL)
    if not match:
        sys.exit(
            "pip does not say which index it uses\n\nhint: pip config set global.index-url ADDRESS"
        )
    return match[1]


def uv_environment(python: Path) -> dict[str, str]:
    """Return the environment in which uv asks what pip would ask."""
    settings = configured(python)
    environment = dict(os.environ)
    environment.setdefault("UV_DEFAULT_INDEX", settings.get("index-url") or default_index(python))
    for setting, variable in (
        ("extra-index-url", "UV_INDEX"),
        ("find-links", "UV_FIND_LINKS"),
        ("cert", "SSL_CERT_FILE"),
    ):
        if setting in settings:
            environment.setdefault(variable, settings[setting])
    # pip looks at all of its indexes for the best version; the hashes decide what is accepted.
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return environment
