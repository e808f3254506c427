"""Read and write `sealift.lock`: every file that a release may fetch, by sha256.

    lock = parse_lock(path.read_bytes(), path="sealift.lock")
    check_lock(manifest, lock)

The text is a function of the lock's value, so that making the same lock again changes nothing. No
address is in it: the configured package index serves the files, the digests decide.
docs/formats/plan.md shows one.
"""

import re
from typing import Final

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import DOWNLOAD_BYTES_MAX, LOCK_BYTES_MAX, TOOLCHAIN_BYTES_MAX
from sealift.core.platform import Platform
from sealift.core.release import Download, UpstreamArchive
from sealift.stations.plan.document import Document, DocumentProblem, TomlTable, check_name, quote
from sealift.stations.plan.model import (
    LOCK_FORMAT,
    Lock,
    LockedStage,
    LockedToolchain,
    Manifest,
    inputs_digest,
)

_PYTHON: Final = re.compile(r"3\.[0-9]{1,3}\Z")
_FILENAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!-]{0,254}\Z")

_INSTALLED: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*:[a-z0-9-]+=[A-Za-z0-9.+:~-]+\Z")

_HEADER: Final = """\
# Written by `sealift lock`; commit it. What is not in here cannot be fetched by a release.
# To take newer files of the same requirements, run `sealift lock` again.
"""


def parse_lock(data: bytes, *, path: str) -> Lock:
    """Read a lock; raise ConfigError whose `where` is `PATH:LINE:COLUMN`."""
    document = Document(data, path=path, bytes_max=LOCK_BYTES_MAX)
    with document.reporting():
        return _lock(document.root())


def render_lock(lock: Lock) -> str:
    """Write a lock; equal locks have equal text, and `parse_lock` reads it back."""
    parts = [_HEADER, f"format = {quote(LOCK_FORMAT)}\n"]
    if lock.downloads:
        parts.append(f"python = {quote(lock.python)}\n")
    if lock.downloads or lock.toolchains:
        parts.append(f"platform = {quote(lock.platform)}\n")
    if lock.upstream is not None:
        parts.append(
            "\n# The published archive that the tagged files must equal.\n[upstream]\n"
            f"name = {quote(lock.upstream.name)}\nsha256 = {quote(lock.upstream.digest.hex)}\n"
        )
    parts += [_render_toolchain(one) for one in sorted(lock.toolchains, key=lambda one: one.name)]
    parts += [
        f"\n[[stage]]\nname = {quote(stage.name)}\ninputs = {quote(str(stage.inputs))}\n"
        for stage in sorted(lock.stages, key=lambda one: one.name)
    ]
    parts += [_render_download(one) for one in sorted(lock.downloads, key=_order)]
    return "".join(parts)


def check_lock(manifest: Manifest, lock: Lock | None) -> None:
    """Raise ConfigError unless `lock` pins exactly what fetch stages and toolchains ask for."""
    _check_toolchains(manifest, lock)
    wanted = {stage.name: inputs_digest(stage) for stage in manifest.fetch_stages}
    if lock is None:
        if wanted:
            raise ConfigError(
                where="sealift.lock",
                fact=f"there is no lock, but stage `{next(iter(wanted))}` fetches files",
                expected="every file pinned by its sha256",
                hint="sealift lock",
            )
        return
    held = {stage.name: stage.inputs for stage in lock.stages}
    for name in sorted({*wanted, *held}):
        if wanted.get(name) != held.get(name):
            raise ConfigError(
                where="sealift.lock",
                fact=f"the lock is older than the fetch stage `{name}` of the manifest",
                expected="the inputs that were locked",
                hint="sealift lock",
            )


def _check_toolchains(manifest: Manifest, lock: Lock | None) -> None:
    wanted = {one.name: (one.root, one.packages) for one in manifest.pinned_toolchains}
    held = {one.name: (one.root, one.packages) for one in (lock.toolchains if lock else ())}
    for name in sorted({*wanted, *held}):
        if wanted.get(name) != held.get(name):
            missing = name not in held
            raise ConfigError(
                where="sealift.lock",
                fact=f"the root of toolchain `{name}` is not locked"
                if missing
                else f"the lock is older than the toolchain `{name}` of the manifest",
                expected="every root pinned by its sha256",
                hint="sealift lock",
            )


def _render_toolchain(one: LockedToolchain) -> str:
    packages = f"packages = {_list(one.packages)}\n" if one.packages else ""
    installed = "".join(f"    {quote(text)},\n" for text in one.installed)
    return (
        f"\n[[toolchain]]\nname = {quote(one.name)}\nroot = {quote(one.root)}\n{packages}"
        f"sha256 = {quote(one.digest.hex)}\nsize = {one.size_bytes}\n"
        + (f"installed = [\n{installed}]\n" if installed else "")
    )


def _list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(quote(text) for text in texts) + "]"


def _order(download: Download) -> tuple[str, str]:
    return (download.group, download.filename)


def _render_download(download: Download) -> str:
    licence = f"licence = {quote(download.licence)}\n" if download.licence else ""
    requested = "requested = true\n" if download.requested else ""
    return (
        f"\n[[download]]\ngroup = {quote(download.group)}\nname = {quote(download.name)}\n"
        f"version = {quote(download.version)}\nfilename = {quote(download.filename)}\n"
        f"sha256 = {quote(download.digest.hex)}\nsize = {download.size_bytes}\n"
        f"purl = {quote(download.purl)}\n{licence}{requested}"
    )


def _lock(root: TomlTable) -> Lock:
    root.only("format", "python", "platform", "upstream", "toolchain", "stage", "download")
    if root.text("format") != LOCK_FORMAT:
        raise root.problem(
            "format", f"is `{root.text('format')[:80]}`", f"`{LOCK_FORMAT}`", "sealift lock"
        )
    stages = tuple(_stage(table) for table in root.tables("stage"))
    names = [stage.name for stage in stages]
    if len(set(names)) != len(names):
        raise DocumentProblem(path=("stage",), fact="a stage is locked twice", hint="sealift lock")
    downloads: dict[tuple[str, str], Download] = {}
    for number, table in enumerate(root.tables("download")):
        download = _download(table, frozenset(names))
        if downloads.setdefault(_order(download), download) is not download:
            raise DocumentProblem(
                path=("download", number),
                fact=f"`{download.filename}` is locked twice for stage `{download.group}`",
                expected="each file once a stage",
                hint="sealift lock",
            )
    toolchains = tuple(_toolchain(table) for table in root.tables("toolchain"))
    held = [one.name for one in toolchains]
    if len(set(held)) != len(held):
        raise DocumentProblem(
            path=("toolchain",), fact="a toolchain is locked twice", hint="sealift lock"
        )
    return Lock(
        python=_python(root) if downloads else "",
        platform=_platform(root) if downloads or toolchains else "",
        stages=stages,
        downloads=tuple(downloads.values()),
        upstream=_upstream(root.table("upstream")) if "upstream" in root else None,
        toolchains=toolchains,
    )


def _toolchain(table: TomlTable) -> LockedToolchain:
    table.only("name", "root", "packages", "sha256", "size", "installed")
    size_bytes = table.integer("size")
    if not 0 < size_bytes <= TOOLCHAIN_BYTES_MAX:
        raise table.problem("size", f"is {size_bytes}", f"1 to {TOOLCHAIN_BYTES_MAX} bytes")
    installed = table.strings("installed")
    for number, text in enumerate(installed):
        if not _INSTALLED.match(text):
            raise DocumentProblem(
                path=(*table.path, "installed", number),
                fact=f"`{text[:120]}` is no installed package",
                expected="`NAME:ARCHITECTURE=VERSION`",
                hint="sealift lock",
            )
    return LockedToolchain(
        name=check_name(table.text("name"), (*table.path, "name")),
        root=table.text("root"),
        packages=table.strings("packages"),
        digest=_sha256(table),
        size_bytes=size_bytes,
        installed=installed,
    )


def _python(root: TomlTable) -> str:
    text = root.text("python")
    if not _PYTHON.match(text):
        raise root.problem("python", f"is `{text[:80]}`", "e.g. `3.11`")
    return text


def _platform(root: TomlTable) -> str:
    text = root.text("platform")
    try:
        return str(Platform.parse(text))
    except ConfigError as error:
        raise root.problem("platform", f"is `{text[:80]}`", error.expected) from None


def _stage(table: TomlTable) -> LockedStage:
    table.only("name", "inputs")
    return LockedStage(
        name=check_name(table.text("name"), (*table.path, "name")), inputs=table.digest("inputs")
    )


def _upstream(table: TomlTable) -> UpstreamArchive:
    table.only("name", "sha256")
    return UpstreamArchive(name=_filename(table, "name"), digest=_sha256(table))


def _download(table: TomlTable, groups: frozenset[str]) -> Download:
    table.only(
        "group", "name", "version", "filename", "sha256", "size", "purl", "licence", "requested"
    )
    group = table.text("group")
    if group not in groups:
        raise table.problem("group", f"is `{group[:80]}`, which no `[[stage]]` locks", "its stage")
    size_bytes = table.integer("size")
    if not 0 <= size_bytes <= DOWNLOAD_BYTES_MAX:
        raise table.problem("size", f"is {size_bytes}", f"0 to {DOWNLOAD_BYTES_MAX} bytes")
    download = Download(
        group=group,
        name=table.text("name"),
        version=table.text("version"),
        filename=_filename(table, "filename"),
        digest=_sha256(table),
        size_bytes=size_bytes,
        purl=table.text("purl"),
        licence=table.text("licence", default=""),
        requested=table.flag("requested"),
    )
    if name_and_version(download.filename) != (download.name, download.version):
        raise table.problem(
            "filename",
            f"is `{download.filename}`",
            f"a file of {download.name} {download.version}",
            "sealift lock",
        )
    if not download.purl.startswith("pkg:"):
        raise table.problem("purl", f"is `{download.purl[:80]}`", "`pkg:pypi/NAME@VERSION`")
    return download


def name_and_version(filename: str) -> tuple[str, str]:
    """Return what a wheel's or source distribution's name says, normalised; nothing if unclear."""
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ("", "")
    return (canonicalize_name(name), str(version))


def _filename(table: TomlTable, key: str) -> str:
    text = table.text(key)
    if not _FILENAME.match(text):
        raise table.problem(key, f"is `{text[:80]}`", "a plain file name")
    return text


def _sha256(table: TomlTable) -> Digest:
    text = table.text("sha256")
    try:
        return Digest(text)
    except IntegrityError as error:
        raise table.problem("sha256", f"is `{text[:80]}`", error.expected) from None
