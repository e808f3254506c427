"""Resolve requirements by pip, for the distribution's Python, to wheels only.

pip runs under that Python itself (`pip --python`), since it decides environment markers by the
interpreter that it runs on. `--only-binary :all:` means that no project's build code ever runs.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from sealift.base.edge.port import Command, Completed, World
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, DriverError, UnavailableError
from sealift.core.limits import INDEX_PAGE_BYTES_MAX, RESOLVE_TIMEOUT_S
from sealift.stations.plan.drivers.pip_settings import PipSettings, pip_settings_reader
from sealift.stations.plan.lockfile import name_and_version
from sealift.stations.plan.port import Resolution, ResolvedFile

DISTRIBUTION_PYTHON: Final = Path("/usr/bin/python3")

_UNREACHABLE: Final = (
    "NewConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "ProxyError",
    "SSLError",
)
_NO_SUCH_OPTION: Final = "no such option: --python"
_OLD_PIP_EXIT: Final = 2


class _Archive(msgspec.Struct):
    hashes: dict[str, str] = {}


class _DownloadInfo(msgspec.Struct):
    url: str
    archive_info: _Archive = msgspec.field(default_factory=_Archive)


class _Item(msgspec.Struct):
    download_info: _DownloadInfo
    requested: bool = False


class _Report(msgspec.Struct):
    version: str
    install: list[_Item]


class PipResolver:
    """The port `RequirementResolver` over pip."""

    def __init__(
        self,
        world: World,
        *,
        python: Path = DISTRIBUTION_PYTHON,
        settings: Callable[[], PipSettings] | None = None,
    ) -> None:
        self._world = world
        self._python = python
        self._settings = settings or pip_settings_reader(world)

    def resolve(self, requirements: tuple[str, ...], *, constraints: tuple[str, ...]) -> Resolution:
        """Return wheels that satisfy `requirements` and all that these need."""
        settings = self._settings()
        python = self._python_version(settings.environment)
        with tempfile.TemporaryDirectory(prefix="sealift-lock-") as folder:
            limits = Path(folder) / "constraints.txt"
            limits.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
            completed = self._world.processes.run(
                Command(
                    argv=(
                        *settings.command,
                        *("--python", str(self._python), "install", "--quiet", "--dry-run"),
                        *("--ignore-installed", "--report", "-", "--only-binary", ":all:"),
                        *("--constraint", str(limits), "--", *requirements),
                    ),
                    environment=settings.environment,
                    folder=Path(folder),
                    timeout_s=RESOLVE_TIMEOUT_S,
                    output_bytes_max=INDEX_PAGE_BYTES_MAX,
                )
            )
        if completed.exit_code != 0 or completed.truncated:
            raise _failure(completed, requirements, python)
        return Resolution(python=python, files=_files(completed.stdout))

    def _python_version(self, environment: Mapping[str, str]) -> str:
        if not self._python.exists():
            raise ConfigError(
                fact=f"`{self._python}` is missing, which the sandbox builds with",
                expected="the distribution's Python",
                hint="apt-get install python3",
            )
        script = "import sys; print('%d.%d' % sys.version_info[:2])"
        completed = self._world.processes.run(
            Command(argv=(str(self._python), "-I", "-c", script), environment=environment)
        )
        if completed.exit_code != 0:
            raise ConfigError(
                fact=f"`{self._python}` does not run",
                expected="the distribution's Python",
                hint="apt-get install --reinstall python3",
                log=completed.stderr.decode("utf-8", "replace")[-2_000:],
            )
        return completed.stdout.decode().strip()


def _files(report: bytes) -> tuple[ResolvedFile, ...]:
    try:
        parsed = msgspec.json.decode(report, type=_Report)
    except msgspec.MsgspecError as error:
        raise DriverError(
            fact=f"pip's report cannot be read: {error}",
            expected="a report of pip 22.3 or later",
            hint="python3 -m pip install --upgrade pip",
        ) from error
    files = [_file(item) for item in parsed.install]
    return tuple(sorted(files, key=lambda file: file.filename))


def _file(item: _Item) -> ResolvedFile:
    filename = unquote(urlsplit(item.download_info.url).path.rpartition("/")[2])
    name, version = name_and_version(filename)
    if not name:
        raise DriverError(
            fact=f"pip chose `{filename[:120]}`", expected="a wheel", hint="sealift lock"
        )
    sha256 = item.download_info.archive_info.hashes.get("sha256")
    return ResolvedFile(
        name=name,
        version=version,
        filename=filename,
        digest=Digest(sha256) if sha256 else None,
        requested=item.requested,
    )


def _failure(
    completed: Completed, requirements: tuple[str, ...], python: str
) -> ConfigError | UnavailableError:
    words = completed.stderr.decode("utf-8", "replace")
    log = words[-2_000:]
    if completed.exit_code == _OLD_PIP_EXIT and _NO_SUCH_OPTION in words:
        return ConfigError(
            fact="pip is too old to resolve for another Python",
            expected="pip 22.3 or later",
            hint="python3 -m pip install --upgrade pip",
        )
    if completed.timed_out or any(sign in words for sign in _UNREACHABLE):
        return UnavailableError(
            fact="pip cannot reach the package index",
            expected="an index that answers",
            hint="python3 -m pip config list",
            log=log,
        )
    last = next((line for line in reversed(words.splitlines()) if line.startswith("ERROR:")), "")
    return ConfigError(
        fact=f"no wheels satisfy {', '.join(f'`{one}`' for one in requirements)}"
        + (f" ({last.removeprefix('ERROR: ')})" if last else ""),
        expected=f"a wheel of each for Python {python}",
        hint="edit the fetch stage's inputs, then run `sealift lock`",
        log=log,
    )
