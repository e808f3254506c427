"""Make a Debian root by mmdebstrap from the package sources that this machine's apt is set to.

The smallest system that holds dpkg's essential packages, plus what the manifest names; no
recommended packages. With a fixed SOURCE_DATE_EPOCH mmdebstrap's tar is bit-identical twice; the
normalised one, which has no times, is so whatever mmdebstrap's version does about them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sealift.base.edge.port import Command, World
from sealift.core.errors import ConfigError, DriverError, UnavailableError
from sealift.core.limits import DETECTION_FILE_BYTES_MAX, TOOLCHAIN_TIMEOUT_S
from sealift.stations.plan.apt_sources import sources_of_suite
from sealift.stations.plan.model import ToolchainSpec

PROGRAM: Final = "mmdebstrap"
_APT_FOLDER: Final = Path("/etc/apt")
_EPOCH: Final = "315532800"
"""1980-01-01, the first time that every archive format can say."""
_PASSED_ON: Final = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
_TAIL_LINES: Final = 12
# What mmdebstrap and apt say when a mirror, and not the request, is at fault.
_UNREACHABLE: Final = (
    "Temporary failure resolving",
    "Could not connect",
    "Could not resolve",
    "Connection failed",
    "Connection timed out",
    "Failed to fetch",
)
_NO_RIGHTS: Final = "unable to pick chroot mode"
_UNKNOWN_PACKAGE: Final = ("Unable to locate package", "has no installation candidate")


class DebianRoot:
    """Run mmdebstrap. `apt_folder` holds the machine's sources."""

    def __init__(self, world: World, *, apt_folder: Path = _APT_FOLDER) -> None:
        self._world = world
        self._apt_folder = apt_folder

    def write(self, toolchain: ToolchainSpec, target: Path) -> None:
        """Write the root's tar to `target`; raises as `RootMaker.make` says."""
        program = self._world.processes.find(PROGRAM)
        where = f"toolchain `{toolchain.name}`"
        if program is None:
            raise ConfigError(
                fact=f"a Debian root is made by `{PROGRAM}`, which is not installed",
                expected=f"the program `{PROGRAM}`",
                where=where,
                hint=f"apt-get install {PROGRAM}",
            )
        sources = sources_of_suite(self._sources(), toolchain.origin)
        if not sources:
            raise ConfigError(
                fact=f"this machine's apt has no source for `{toolchain.origin}`",
                expected=f"a source of that suite below `{self._apt_folder}`",
                where=where,
                hint="apt-cache policy",
            )
        completed = self._world.processes.run(
            Command(
                argv=(
                    str(program),
                    "--variant=essential",
                    "--aptopt=APT::Install-Recommends false",
                    "--skip=output/dev",
                    *_included(toolchain.packages),
                    toolchain.origin,
                    str(target),
                    "-",
                ),
                environment={
                    "PATH": _PATH,
                    "LC_ALL": "C.UTF-8",
                    "SOURCE_DATE_EPOCH": _EPOCH,
                    **{
                        name: value
                        for name, value in self._world.environment.items()
                        if name.lower() in _PASSED_ON
                    },
                },
                input=sources.encode(),
                timeout_s=TOOLCHAIN_TIMEOUT_S,
            )
        )
        if completed.timed_out:
            raise UnavailableError(
                fact=f"`{PROGRAM}` did not end within {TOOLCHAIN_TIMEOUT_S} seconds",
                where=where,
                hint="sealift lock",
            )
        if completed.exit_code != 0:
            raise _failure(completed.stderr.decode(errors="replace"), where=where)

    def _sources(self) -> Iterator[tuple[str, str]]:
        parts = self._apt_folder / "sources.list.d"
        for path in (
            self._apt_folder / "sources.list",
            *(sorted(parts.iterdir()) if parts.is_dir() else ()),
        ):
            if path.is_file() and path.suffix in {".list", ".sources"}:
                with path.open("rb") as file:
                    text = file.read(DETECTION_FILE_BYTES_MAX)
                yield path.name, text.decode("utf-8", errors="replace")


def _included(packages: tuple[str, ...]) -> tuple[str, ...]:
    return (f"--include={','.join(packages)}",) if packages else ()


def _failure(words: str, *, where: str) -> ConfigError | UnavailableError | DriverError:
    lines = words.strip().splitlines()
    tail = "\n".join(lines[-_TAIL_LINES:])
    for line in lines:
        if any(sign in line for sign in _UNKNOWN_PACKAGE):
            return ConfigError(
                fact=line.removeprefix("E: ").strip(),
                expected="packages of that suite",
                where=where,
                log=tail,
                hint="edit `packages` in sealift.toml",
            )
    if _NO_RIGHTS in words:
        return ConfigError(
            fact=f"`{PROGRAM}` may make no root here",
            expected="user namespaces with a range of ids (/etc/subuid), or root's rights",
            where=where,
            log=tail,
            hint="run `sealift lock` as root once; the builds that follow need no rights",
        )
    if any(sign in words for sign in _UNREACHABLE):
        return UnavailableError(
            fact="no package source could be reached",
            expected="the sources that apt is set to",
            where=where,
            log=tail,
            hint="apt-get update",
        )
    return DriverError(
        fact=f"`{PROGRAM}` failed: {lines[-1] if lines else 'it said nothing'}",
        where=where,
        log=tail,
        hint="sealift doctor",
    )
