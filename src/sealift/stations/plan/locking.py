"""`sealift lock`: pin what fetch stages may fetch, and the archive that the commit came from."""

import email.parser
import email.policy
import re
import zipfile
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from sealift.base.specs.purl import Purl
from sealift.base.store.port import BlobStore
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import DETECTION_FILE_BYTES_MAX
from sealift.core.platform import Platform
from sealift.core.release import Download
from sealift.core.tree import Tree
from sealift.stations.plan.licence import expression_of_metadata
from sealift.stations.plan.model import (
    Lock,
    LockedStage,
    LockedToolchain,
    Manifest,
    StageSpec,
    inputs_digest,
)
from sealift.stations.plan.port import (
    PackageIndex,
    RequirementResolver,
    ResolvedFile,
    RootMaker,
)
from sealift.stations.plan.upstream import record_archive

_METADATA: Final = re.compile(r"[^/]+\.dist-info/METADATA\Z")


def lock(
    manifest: Manifest,
    *,
    resolver: RequirementResolver,
    index: PackageIndex,
    store: BlobStore,
    platform: Platform,
    constraints: tuple[str, ...] = (),
    source_archive: Path | None = None,
    source: Tree | None = None,
    previous: Lock | None = None,
    roots: RootMaker | None = None,
    anew: tuple[str, ...] = (),
) -> Lock:
    """Resolve every fetch stage, bring its files into the store, and return the lock.

    A root that the `previous` lock pins stays unless `anew` names its toolchain. When the store has
    lost it, it is made again and has to have the same bytes.

    `source` is the committed tree that `source_archive` must equal. Without `source_archive` the
    archive of the `previous` lock stays. Raises what the ports raise.
    """
    if source_archive is not None and source is None:
        raise ConfigError(
            fact=f"there is no commit to compare `{source_archive.name}` with",
            expected="a git checkout of the archive's files",
            hint="git init && git add --all && git commit",
        )
    for text in constraints:
        _check_constraint(text)
    toolchains = _toolchains(manifest, store, roots, previous, platform=platform, anew=anew)
    downloads: list[Download] = []
    pythons: set[str] = set()
    for stage in manifest.fetch_stages:
        resolution = resolver.resolve(stage.requirements, constraints=constraints)
        pythons.add(resolution.python)
        downloads += [_pinned(stage, file, index, store) for file in resolution.files]
    upstream = previous.upstream if previous else None
    if source_archive is not None and source is not None:
        upstream = record_archive(store, source_archive, source=source)
    return Lock(
        python=pythons.pop() if downloads else "",
        platform=str(platform) if downloads or toolchains else "",
        stages=tuple(
            LockedStage(name=stage.name, inputs=inputs_digest(stage))
            for stage in sorted(manifest.fetch_stages, key=lambda one: one.name)
        ),
        downloads=tuple(sorted(downloads, key=lambda one: (one.group, one.filename))),
        upstream=upstream,
        toolchains=toolchains,
    )


def _toolchains(
    manifest: Manifest,
    store: BlobStore,
    roots: RootMaker | None,
    previous: Lock | None,
    *,
    platform: Platform,
    anew: tuple[str, ...],
) -> tuple[LockedToolchain, ...]:
    specs = {spec.name: spec for spec in manifest.pinned_toolchains}
    for name in anew:
        if name not in specs:
            raise ConfigError(
                fact=f"no toolchain with a pinned root is called `{name[:80]}`",
                expected=f"one of {', '.join(specs)}" if specs else "a table `[toolchains.NAME]`",
                hint="sealift lock",
            )
    same_platform = previous is not None and previous.platform == str(platform)
    held = {one.name: one for one in (previous.toolchains if previous and same_platform else ())}
    locked = []
    for name, spec in sorted(specs.items()):
        known = held.get(name)
        if known is not None and (known.root, known.packages) != (spec.root, spec.packages):
            known = None
        if name in anew:
            known = None
        if known is not None and store.has(known.digest):
            locked.append(known)
            continue
        if roots is None:
            raise ConfigError(
                where=f"toolchain `{name}`",
                fact="nothing here can make its root",
                expected=spec.root,
            )
        made = roots.make(spec)
        if known is not None and made.tar.digest != known.digest:
            raise IntegrityError(
                where=f"toolchain `{name}`",
                fact=f"the store has lost its root, and made again it is {made.tar.digest}",
                expected=f"{known.digest}, which the lock pins",
                hint=f"copy the root's blob from another store, or take a newer root: "
                f"sealift lock --toolchain {name}",
            )
        locked.append(
            LockedToolchain(
                name=name,
                root=spec.root,
                packages=spec.packages,
                digest=made.tar.digest,
                size_bytes=made.tar.size_bytes,
                installed=made.installed,
            )
        )
    return tuple(locked)


def _check_constraint(text: str) -> None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise ConfigError(
            fact=f"`{text[:120]}` is no constraint: {str(error).partition(chr(10))[0]}",
            expected="e.g. `poetry-core==1.9.0`",
            hint="sealift lock --constraint 'NAME==VERSION'",
        ) from error
    if requirement.url:
        raise ConfigError(
            fact=f"constraint `{text[:120]}` names an address",
            expected="a name and a version",
            hint="sealift lock --constraint 'NAME==VERSION'",
        )


def _pinned(
    stage: StageSpec, file: ResolvedFile, index: PackageIndex, store: BlobStore
) -> Download:
    """Fetch a file now, so that the digest in the lock is one that was seen."""
    offered = index.find_file(file.name, file.filename, digest=file.digest)
    got = index.download(offered, digest=file.digest)
    return Download(
        group=stage.name,
        name=file.name,
        version=file.version,
        filename=file.filename,
        digest=got.digest,
        size_bytes=got.size_bytes,
        purl=str(Purl.of("pypi", file.name, file.version)),
        licence=_wheel_licence(store, got.digest),
        requested=file.requested,
    )


def _wheel_licence(store: BlobStore, digest: Digest) -> str:
    """Return the SPDX expression that a wheel's METADATA states, or nothing when it is unclear.

    A file that is no wheel is not refused here: the fetch stage, which unpacks it, does that.
    """
    try:
        with store.open(digest) as stream, zipfile.ZipFile(stream) as wheel:
            name = next(one for one in wheel.namelist() if _METADATA.match(one))
            with wheel.open(name) as member:
                text = member.read(DETECTION_FILE_BYTES_MAX)
    except (zipfile.BadZipFile, StopIteration, NotImplementedError, RuntimeError, ValueError):
        return ""
    metadata = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(
        text, headersonly=True
    )
    return expression_of_metadata(
        expression=str(metadata["License-Expression"] or ""),
        licence=str(metadata["License"] or ""),
        classifiers=tuple(map(str, metadata.get_all("Classifier") or [])),
    )
