"""Where pip is configured to look: the one place that says which package index to ask.

Addresses come from pip's own configuration, never from constants (DESIGN.md, section 8).
"""

import ast
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from sealift.base.edge.port import Command, Completed, Processes, World
from sealift.core.errors import ConfigError, DriverError, UnavailableError

_PIP_TIMEOUT_S: Final = 60
_SCOPES: Final = ("global", "install", ":env:")
"""Later ones win, as in pip."""
_DEFAULT_INDEX: Final = re.compile(r"--index-url <url>.*?\(default\s+(\S+?)\)", re.DOTALL)
_PASSED_ON: Final = (
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "trusted-host",
    "cert",
    "client-cert",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
    "cache-dir",
)
_KEPT: Final = (
    "PATH",
    "HOME",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    *(
        name
        for base in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
        for name in (base, base.upper())
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipSettings:
    """How to call pip, and where it looks.

    `indexes` are in pip's order. Addresses may hold credentials: they are never shown or stored.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    indexes: tuple[str, ...]
    find_links: tuple[str, ...]


def read_pip_settings(processes: Processes, environment: Mapping[str, str]) -> PipSettings:
    """Ask pip for its settings; raise ConfigError when there is no pip."""
    command = _find_pip(processes, environment)
    settings = _configured(_run(processes, (*command, "config", "list"), environment))
    indexes: list[str] = []
    if settings.get("no-index", "").lower() not in {"1", "true", "yes", "on"}:
        indexes.append(settings.get("index-url") or _default(processes, command, environment))
        indexes += settings.get("extra-index-url", "").split()
    passed = {
        f"PIP_{name.upper().replace('-', '_')}": " ".join(settings[name].split())
        for name in _PASSED_ON
        if name in settings
    }
    return PipSettings(
        command=command,
        environment={
            **{name: environment[name] for name in _KEPT if name in environment},
            **passed,
            # All that matters was read above; nothing else of the machine's has a say.
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "LC_ALL": "C.UTF-8",
        },
        indexes=tuple(dict.fromkeys(indexes)),
        find_links=tuple(settings.get("find-links", "").split()),
    )


def pip_settings_reader(world: World) -> Callable[[], PipSettings]:
    """Return a function that asks pip once and then remembers: each question costs a second."""
    return cache(lambda: read_pip_settings(world.processes, world.environment))


def _find_pip(processes: Processes, environment: Mapping[str, str]) -> tuple[str, ...]:
    candidates: list[tuple[str, ...]] = [(sys.executable, "-m", "pip")]
    python, pip = processes.find("python3"), processes.find("pip")
    candidates += [(str(python), "-m", "pip")] if python else []
    candidates += [(str(pip),)] if pip else []
    for command in candidates:
        if not command[0]:
            continue
        asked = processes.run(
            Command(argv=(*command, "--version"), environment=environment, timeout_s=_PIP_TIMEOUT_S)
        )
        if asked.exit_code == 0:
            return command
    raise ConfigError(
        fact="there is no pip, which knows the package index and resolves requirements",
        expected="`python3 -m pip` or `pip`",
        hint="apt-get install python3-pip",
    )


def _default(processes: Processes, command: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """Return the index that pip's own help names as its default."""
    wide = {**environment, "COLUMNS": "500"}
    text = _run(processes, (*command, "install", "--help"), wide).decode("utf-8", "replace")
    match = _DEFAULT_INDEX.search(text)
    if not match:
        raise ConfigError(
            fact="pip does not say which index it uses",
            expected="an index address",
            hint="pip config set global.index-url ADDRESS",
        )
    return match[1]


def _configured(listing: bytes) -> dict[str, str]:
    found: dict[str, dict[str, str]] = {scope: {} for scope in _SCOPES}
    for line in listing.decode("utf-8", "replace").splitlines():
        scoped, _, value = line.partition("=")
        scope, _, name = scoped.rpartition(".")
        if scope in found:
            try:
                found[scope][name] = str(ast.literal_eval(value))
            except (ValueError, SyntaxError):
                continue
    return {name: value for scope in _SCOPES for name, value in found[scope].items()}


def _run(processes: Processes, argv: tuple[str, ...], environment: Mapping[str, str]) -> bytes:
    completed: Completed = processes.run(
        Command(argv=argv, environment=environment, timeout_s=_PIP_TIMEOUT_S)
    )
    if completed.timed_out:
        raise UnavailableError(fact=f"pip gave no answer in {_PIP_TIMEOUT_S} seconds")
    if completed.exit_code != 0:
        raise DriverError(
            fact=f"`pip {argv[-1]}` failed with exit code {completed.exit_code}",
            log=completed.stderr.decode("utf-8", "replace")[-2_000:],
            hint="python3 -m pip config debug",
        )
    return completed.stdout
