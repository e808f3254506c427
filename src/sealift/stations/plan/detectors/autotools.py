"""Autotools: a release archive with its `configure`, or a git checkout that has to make one."""

import re
from typing import Final

from sealift.core.errors import ConfigError
from sealift.stations.plan.detectors.facts import project_facts, read_text
from sealift.stations.plan.detectors.recipe import Place, Recipe, compiled
from sealift.stations.plan.model import Detected
from sealift.stations.plan.port import SourceListing

_CONFIGURE_FACT: Final = re.compile(r"^(PACKAGE_[A-Z]+)='([^'\n]*)'$", re.MULTILINE)
_CONFIGURE_HEAD_BYTES: Final = 256 * 1024
_INIT: Final = re.compile(r"^\s*AC_INIT\s*\(([^()]*)", re.MULTILINE)
_PLAIN_OPTION: Final = re.compile(r"[A-Za-z0-9_./:=,+@%^-]+\Z")
_BUGS: Final = 2
_TARNAME: Final = 3
_URL: Final = 4


class AutotoolsDetector:
    """The port `Detector` for autotools."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Read the facts of `configure`, else of `AC_INIT`; raise ConfigError without either."""
        paths = files.paths()
        if "configure" in paths:
            return _archive(files)
        for name in ("configure.ac", "configure.in"):
            if name in paths:
                return _checkout(files, name)
        return None

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Configure below `/usr`, make, and install into the output folder."""
        generate = ("autoreconf --install",) if detected.generate else ()
        configure = " ".join(("./configure", "--prefix=/usr", *detected.configure_options))
        make = (*generate, configure, 'make -j"$(nproc)"')
        return compiled(
            place,
            build=(*make, 'make install DESTDIR="$SEALIFT_OUT"'),
            check=(*make, "make check"),
        )


def check_options(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return options for `configure`; raise ConfigError for one that a shell would read."""
    for option in options:
        if not option.startswith("-") or not _PLAIN_OPTION.match(option):
            raise ConfigError(
                fact=f"`{option[:120]}` is no option for `configure`",
                expected="e.g. `--disable-docs`, without spaces or quotes",
                hint="sealift init --configure-option=--disable-docs",
            )
    return options


def _archive(files: SourceListing) -> Detected:
    script = files.read("configure", size_bytes_max=_CONFIGURE_HEAD_BYTES)
    facts: dict[str, str] = {}
    for name, value in _CONFIGURE_FACT.findall(script.decode("utf-8", errors="replace")):
        facts.setdefault(name, value)
    report = facts.get("PACKAGE_BUGREPORT", "")
    return Detected(
        kind="autotools",
        project=project_facts(
            files,
            name=facts.get("PACKAGE_TARNAME") or facts.get("PACKAGE_NAME") or "",
            homepage=facts.get("PACKAGE_URL", ""),
            maintainer=report if "@" in report else "",
        ),
    )


def _checkout(files: SourceListing, name: str) -> Detected:
    found = _INIT.search(read_text(files, name))
    if not found:
        raise ConfigError(
            fact=f"there is a `{name}` without a plain AC_INIT, but no `configure`",
            expected="the unpacked release archive, in which `configure` lies",
            hint="autoreconf --install && make dist",
        )
    # In the order of autoconf: package, version, bug report, tar name, address.
    stated = [one.strip().strip("[]").strip() for one in found[1].split(",")]
    stated = [one if "m4_" not in one and "$" not in one else "" for one in stated]
    stated += [""] * (_URL + 1 - len(stated))
    return Detected(
        kind="autotools",
        project=project_facts(
            files,
            name=stated[_TARNAME] or stated[0],
            homepage=stated[_URL],
            maintainer=stated[_BUGS] if "@" in stated[_BUGS] else "",
        ),
        generate=True,
    )
