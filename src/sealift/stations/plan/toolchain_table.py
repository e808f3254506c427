"""Read `[toolchains.NAME]`: which root a stage sees, and what is installed in it.

    [toolchains.debian]
    root = "debian:bookworm"
    packages = ["gcc", "libc6-dev", "make"]

Refuses roots that are not pinned by what they say (an OCI image without its digest), package names
that could be an option or a path, and packages for a root that nobody installs anything into.
"""

import re
from typing import Final

from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import TOOLCHAIN_PACKAGES_MAX
from sealift.stations.plan.document import DocumentProblem, TomlTable, dotted
from sealift.stations.plan.model import HOST, ToolchainSpec

_SUITE: Final = re.compile(r"debian:([a-z][a-z0-9-]{0,63})\Z")
_IMAGE: Final = re.compile(r"oci:([^@\s]{1,512})@(sha256:[^@\s]*)\Z")
# Debian policy, 5.6.7: package names.
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]{1,127}\Z")
_EXPECTED: Final = "`debian:SUITE`, `oci:FOLDER@sha256:HEX` or `host`"


def read_toolchain(name: str, table: TomlTable) -> ToolchainSpec:
    """Read one table; raise DocumentProblem for what is no root or no package."""
    table.only("root", "packages")
    if name == HOST:
        raise DocumentProblem(
            path=table.path,
            fact="a toolchain cannot be called `host`",
            expected="another name: `host` is this machine's own programs",
        )
    spec = _root(name, table)
    if "packages" in table and spec.kind != "debian":
        raise table.problem(
            "packages",
            f"cannot be installed into the root `{table.text('root')[:80]}`",
            "packages only with a root `debian:SUITE`",
            f"remove `{dotted((*table.path, 'packages'))}`",
        )
    return spec


def _root(name: str, table: TomlTable) -> ToolchainSpec:
    text = table.text("root")
    if text == HOST:
        return ToolchainSpec(name=name, kind="host")
    if match := _SUITE.match(text):
        return ToolchainSpec(name=name, kind="debian", origin=match[1], packages=_packages(table))
    match = _IMAGE.match(text)
    if match is None:
        unpinned = text.startswith("oci:") and "@" not in text
        raise table.problem(
            "root",
            f"is `{text[:120]}`",
            "the image's digest behind it: `oci:FOLDER@sha256:HEX`" if unpinned else _EXPECTED,
        )
    try:
        image = Digest.parse(match[2])
    except IntegrityError as error:
        raise table.problem("root", f"is `{text[:120]}`", error.expected or _EXPECTED) from None
    return ToolchainSpec(name=name, kind="oci", origin=match[1], image=image)


def _packages(table: TomlTable) -> tuple[str, ...]:
    """Return the names sorted: their order decides nothing, so it must not change a digest."""
    names = table.strings("packages")
    if len(names) > TOOLCHAIN_PACKAGES_MAX:
        raise table.problem(
            "packages", f"has {len(names)} names", f"at most {TOOLCHAIN_PACKAGES_MAX}"
        )
    for number, name in enumerate(names):
        if not _PACKAGE.match(name) or names.index(name) != number:
            raise DocumentProblem(
                path=(*table.path, "packages", number),
                fact=f"`{dotted((*table.path, 'packages'))}` holds `{name[:80]}`",
                expected="names of Debian packages, each once, without versions",
            )
    return tuple(sorted(names))
