"""Small releases with real bytes: what the stations after `package` get to see.

`python_release` is a wheel and a source distribution with locked tools; `program_release` a
compiled program with vendored sources, as tar and deb. Everything is fixed, so equal stores give
equal reports. Take one apart with `dataclasses.replace` to get a refused neighbour.
"""

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sealift.base.specs.predicates import SLSA_PROVENANCE
from sealift.base.store.port import BlobStore
from sealift.core.action import (
    Action,
    ActionInput,
    ActionKind,
    ActionRecord,
    ActionResult,
    Isolation,
    Reproduction,
)
from sealift.core.artifact import Artifact, ArtifactKind
from sealift.core.digest import Descriptor, Digest
from sealift.core.platform import ANY, Platform
from sealift.core.release import (
    Attestation,
    AttestReport,
    BuildReport,
    Download,
    InspectReport,
    Opening,
    PackagePlan,
    PackageReport,
    ProjectFacts,
    ReleasePlan,
    Sbom,
    SourceReference,
    SourceReport,
    StagePlan,
    TagSignature,
    ToolchainFacts,
    UpstreamArchive,
)
from sealift.core.tree import Tree, TreeEntry

LINUX: Final = Platform("linux/amd64")
COMMIT: Final = "5ea11f7" * 5 + "5ea11"
OPENING: Final = Opening(
    released_at="2024-10-12T08:00:00Z",
    released_at_s=1_728_720_000,
    invocation_id="sample",
    builder_id="urn:sealift:builder:local-bubblewrap",
)
_HOST: Final = ToolchainFacts(
    name="host", kind="host", fingerprint=Digest("7" * 64), description="Debian GNU/Linux 12"
)
_NOTHING: Final = Isolation(sandbox="none", network=False, facts=())


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRelease:
    """A release up to its packages."""

    plan: ReleasePlan
    opening: Opening
    source: SourceReport
    build: BuildReport
    package: PackageReport


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleWheel:
    """A wheel that a fetch stage pins."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    requested: bool = True
    licence: str = "MIT"


BACKEND: Final = (
    SampleWheel(name="flit-core", version="3.9.0", licence="BSD-3-Clause"),
    SampleWheel(name="build", version="1.2.1", requires=("packaging>=19.1", "pyproject-hooks")),
    SampleWheel(name="packaging", version="24.1", requested=False, licence="Apache-2.0"),
    SampleWheel(name="pyproject-hooks", version="1.1.0", requested=False),
)
TOOLS: Final = (
    SampleWheel(name="jinja2", version="3.1.4", requires=("MarkupSafe>=2.0",)),
    SampleWheel(name="markupsafe", version="2.1.5", requested=False, licence="BSD-3-Clause"),
)
REQUIREMENTS: Final = ("Jinja2 (>=3.0)", 'colorama>=0.4; sys_platform == "win32"', "tabulate")


def python_release(
    store: BlobStore,
    *,
    requirements: tuple[str, ...] = REQUIREMENTS,
    backend: tuple[SampleWheel, ...] = BACKEND,
    tools: tuple[SampleWheel, ...] = TOOLS,
) -> SampleRelease:
    """Store and describe `kite` 1.2.0: fetch, build, fetch, test; a wheel and an sdist."""
    source = _source(store, {"kite/__init__.py": b"", "pyproject.toml": b"[project]\n"})
    fetches = {"backend": backend, "tools": tools}
    records = {name: _fetch(store, name, wheels) for name, wheels in fetches.items()}
    wheel = wheel_bytes(SampleWheel(name="kite", version="1.2.0", requires=requirements))
    sdist = sdist_bytes("kite", "1.2.0", requirements)
    files = {"kite-1.2.0-py3-none-any.whl": wheel, "kite-1.2.0.tar.gz": sdist}
    made = put_tree(store, files)
    dist = _record("build", "dist", made, inputs={"source": source.tree})
    check = _record("test", "check", put_tree(store, {}), inputs={"dist": made.digest})
    kinds: dict[str, ArtifactKind] = {
        "kite-1.2.0-py3-none-any.whl": "wheel",
        "kite-1.2.0.tar.gz": "sdist",
    }
    artifacts = tuple(
        _artifact(store, name, kind=kind, data=files[name], record=dist, tree=made.digest)
        for name, kind in kinds.items()
    )
    stages = (
        _stage("backend", "fetch", ("pypi:flit_core", "pypi:build")),
        _stage("dist", "build", ("source", "backend")),
        _stage("tools", "fetch", ("pypi:jinja2",)),
        _stage("check", "test", ("source", "dist", "tools")),
    )
    downloads = tuple(_download(name, one) for name, ones in fetches.items() for one in ones)
    return SampleRelease(
        plan=_plan("kite", "1.2.0", stages, artifacts, downloads=downloads),
        opening=OPENING,
        source=source,
        build=BuildReport(records=(records["backend"], dist, records["tools"], check)),
        package=PackageReport(artifacts=artifacts, records=()),
    )


def program_release(store: BlobStore, *, depends: str = "libc6 (>= 2.34)") -> SampleRelease:
    """Store and describe `lamp` 2.0: compile and check; tar and deb made by package actions."""
    source = _source(
        store,
        {
            "configure.ac": b"AC_INIT([lamp],[2.0])\n",
            "src/lamp.c": b"int main(void) { return 0; }\n",
            "vendor/oil/configure.ac": b"AC_INIT(oil, 6.9.10)\n",
            "vendor/oil/COPYING": b"Permission is hereby granted, free of charge, to any person",
            "tests/fixture/configure.ac": b"AC_INIT(fixture, 1.0)\n",
        },
    )
    compiled = put_tree(
        store,
        {
            "usr/bin/lamp": elf_bytes(("liblamp.so.1", "libc.so.6")),
            "usr/lib/liblamp.so.1": elf_bytes(("libm.so.6",)),
            "usr/share/man/man1/lamp.1": b".TH LAMP 1\n",
        },
    )
    build = _record("build", "compile", compiled, inputs={"source": source.tree})
    check = _record("test", "check", put_tree(store, {}), inputs={"source": source.tree})
    tar, deb = tar_bytes({"lamp-2.0/usr/bin/lamp": b"x"}), deb_bytes("lamp", "2.0", depends)
    packed = {"lamp-2.0-linux-amd64.tar.gz": ("tar", tar), "lamp_2.0_amd64.deb": ("deb", deb)}
    records: list[ActionRecord] = []
    artifacts: list[Artifact] = []
    kinds: dict[str, ArtifactKind] = {"tar": "tar", "deb": "deb"}
    for name, (kind, data) in packed.items():
        tree = put_tree(store, {name: data})
        record = _record("package", f"package-{kind}", tree, inputs={"compile": compiled.digest})
        records.append(record)
        artifacts.append(
            _artifact(
                store,
                name,
                kind=kinds[kind],
                data=data,
                record=record,
                tree=tree.digest,
                stage="compile",
                platform=LINUX,
            )
        )
    stages = (
        _stage("compile", "build", ("source",), outputs=(("tree", "usr/**"),)),
        _stage("check", "test", ("source",)),
    )
    archive = UpstreamArchive(name="lamp-2.0.tar.gz", digest=Digest.of(b"upstream"))
    return SampleRelease(
        plan=_plan("lamp", "2.0", stages, tuple(artifacts), upstream=archive),
        opening=OPENING,
        source=source,
        build=BuildReport(records=(build, check)),
        package=PackageReport(artifacts=tuple(artifacts), records=tuple(records)),
    )


def sample_attestations(sample: SampleRelease) -> AttestReport:
    """Return provenance of every action, with the artifacts as further subjects."""
    records = (sample.source.action, *sample.build.records, *sample.package.records)
    return AttestReport(
        attestations=tuple(
            Attestation(
                name=f"provenance-{record.action.stage}",
                predicate_type=SLSA_PROVENANCE,
                subjects=(
                    record.result.tree,
                    *(
                        one.file.digest
                        for one in sample.package.artifacts
                        if one.action == record.action.digest
                    ),
                ),
                bundle=_descriptor_of(f"bundle {record.action.stage}".encode()),
                key_id="sample",
            )
            for record in records
        )
    )


def sample_sboms(sample: SampleRelease, *, components: int = 3) -> InspectReport:
    """Return an SBOM for every artifact that claims this many components."""
    return InspectReport(
        sboms=tuple(
            Sbom(
                artifact=one.name,
                file=_descriptor_of(f"sbom {one.name}".encode()),
                components=components,
            )
            for one in sample.package.artifacts
        ),
        inspections=(),
    )


# --- bytes --------------------------------------------------------------------------------------


def put_tree(store: BlobStore, files: Mapping[str, bytes]) -> Tree:
    """Store files and their tree."""
    entries = []
    for path, data in files.items():
        blob = store.put(data)
        entries.append(TreeEntry(path=path, digest=blob.digest, size_bytes=blob.size_bytes))
    tree = Tree.of(entries)
    store.put(tree.canonical())
    return tree


def metadata_bytes(wheel: SampleWheel) -> bytes:
    """Return core metadata 2.1."""
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {wheel.name}",
        f"Version: {wheel.version}",
        f"License: {wheel.licence}",
        *(f"Requires-Dist: {one}" for one in wheel.requires),
    ]
    return "\n".join(lines).encode() + b"\n\nA sample.\n"


def wheel_bytes(wheel: SampleWheel) -> bytes:
    """Return a wheel that holds nothing but its metadata."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        name = f"{wheel.name.replace('-', '_')}-{wheel.version}.dist-info/METADATA"
        archive.writestr(zipfile.ZipInfo(name), metadata_bytes(wheel))
    return content.getvalue()


def sdist_bytes(name: str, version: str, requires: tuple[str, ...]) -> bytes:
    """Return a source distribution with a PKG-INFO."""
    metadata = metadata_bytes(SampleWheel(name=name, version=version, requires=requires))
    return tar_bytes({f"{name}-{version}/PKG-INFO": metadata, f"{name}-{version}/a.py": b""})


def tar_bytes(files: Mapping[str, bytes], *, mode: str = "w:gz") -> bytes:
    """Return a tar archive of these files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:  # type: ignore[call-overload]  # str
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def deb_bytes(name: str, version: str, depends: str, *, mode: str = "w:gz") -> bytes:
    """Return a Debian package with a control file and no data."""
    control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nDepends: {depends}\n"
    suffix = {"w:gz": ".gz", "w:xz": ".xz", "w:": ""}[mode]
    members = {
        "debian-binary": b"2.0\n",
        f"control.tar{suffix}": tar_bytes({"./control": control.encode()}, mode=mode),
        "data.tar": tar_bytes({}, mode="w:"),
    }
    packed = b"!<arch>\n"
    for member, data in members.items():
        packed += f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        packed += data + b"\n" * (len(data) % 2)
    return packed


def elf_bytes(needed: tuple[str, ...]) -> bytes:
    """Return a 64-bit little-endian shared object that asks for libraries and does nothing."""
    names = b"\0" + b"".join(one.encode() + b"\0" for one in needed)
    offsets = [names.index(b"\0" + one.encode() + b"\0") + 1 for one in needed]
    strings_at = 64 + 2 * 56
    dynamic_at = strings_at + len(names)
    rows = [(1, offset) for offset in offsets] + [(5, strings_at), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *row) for row in rows)
    total = dynamic_at + len(dynamic)
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = identity + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, total, total, 4096)
    points = struct.pack(
        "<IIQQQQQQ", 2, 6, dynamic_at, dynamic_at, 0, len(dynamic), len(dynamic), 8
    )
    return header + load + points + names + dynamic


# --- values -------------------------------------------------------------------------------------


def _source(store: BlobStore, files: Mapping[str, bytes]) -> SourceReport:
    tree = put_tree(store, files)
    return SourceReport(
        action=_record("source", "source", tree, inputs={}),
        tree=tree.digest,
        tag_signature=TagSignature(
            outcome="pass", method="ssh", signer="maintainer", reason="good signature"
        ),
        upstream_outcome="pass",
        upstream_reason="the same files",
    )


def _fetch(store: BlobStore, stage: str, wheels: tuple[SampleWheel, ...]) -> ActionRecord:
    files: dict[str, bytes] = {}
    parameters: list[tuple[str, str]] = []
    for wheel in wheels:
        data = wheel_bytes(wheel)
        filename = _filename(wheel)
        folder = f"site/{wheel.name.replace('-', '_')}-{wheel.version}.dist-info"
        files |= {f"files/{filename}": data, f"{folder}/METADATA": metadata_bytes(wheel)}
        parameters.append((filename, str(Digest.of(data))))
    tree = put_tree(store, files)
    return _record("fetch", stage, tree, inputs={}, parameters=tuple(parameters))


def _record(
    kind: ActionKind,
    stage: str,
    tree: Tree,
    *,
    inputs: Mapping[str, Digest],
    parameters: tuple[tuple[str, str], ...] = (),
) -> ActionRecord:
    action = Action(
        kind=kind,
        stage=stage,
        command=("sh", "-c", stage),
        inputs=tuple(ActionInput(name=name, tree=digest) for name, digest in inputs.items()),
        outputs=(),
        environment=(),
        toolchain="host",
        toolchain_fingerprint=_HOST.fingerprint,
        platform=LINUX,
        parameters=parameters,
        timeout_s=60,
        memory_bytes=1,
    )
    twice = Reproduction(
        outcome="identical", perturbations=(("clock", "+400 days"),), tree=tree.digest
    )
    return ActionRecord(
        action=action,
        result=ActionResult(
            action=action.digest, tree=tree.digest, log=Digest.of(b""), isolation=_NOTHING
        ),
        reproduction=twice if kind in {"build", "package"} else None,
    )


def _stage(
    name: str,
    kind: ActionKind,
    inputs: tuple[str, ...],
    *,
    outputs: tuple[tuple[str, str], ...] = (),
) -> StagePlan:
    return StagePlan(
        name=name,
        kind=kind,
        inputs=inputs,
        run=(),
        outputs=outputs,
        toolchain="host",
        platform=LINUX,
        timeout_s=60,
        memory_bytes=1,
    )


def _download(group: str, wheel: SampleWheel) -> Download:
    data = wheel_bytes(wheel)
    return Download(
        group=group,
        name=wheel.name,
        version=wheel.version,
        filename=_filename(wheel),
        digest=Digest.of(data),
        size_bytes=len(data),
        purl=f"pkg:pypi/{wheel.name}@{wheel.version}",
        requested=wheel.requested,
    )


def _filename(wheel: SampleWheel) -> str:
    return f"{wheel.name.replace('-', '_')}-{wheel.version}-py3-none-any.whl"


def _artifact(
    store: BlobStore,
    name: str,
    *,
    kind: ArtifactKind,
    data: bytes,
    record: ActionRecord,
    tree: Digest,
    stage: str = "",
    platform: Platform = ANY,
) -> Artifact:
    return Artifact(
        name=name,
        kind=kind,
        package=kind,
        platform=platform,
        file=store.put(data),
        stage=stage or record.action.stage,
        tree=tree,
        path=name,
        action=record.action.digest,
    )


def _plan(
    name: str,
    version: str,
    stages: tuple[StagePlan, ...],
    artifacts: tuple[Artifact, ...],
    *,
    downloads: tuple[Download, ...] = (),
    upstream: UpstreamArchive | None = None,
) -> ReleasePlan:
    return ReleasePlan(
        project=ProjectFacts(
            name=name,
            version=version,
            licence="MIT",
            description="A sample",
            homepage="",
            maintainer="Sample <sample@example.org>",
        ),
        source=SourceReference(commit=COMMIT, tag=f"v{version}", epoch_s=1_700_000_000),
        upstream=upstream,
        manifest=_descriptor_of(b"manifest"),
        manifest_origin="committed",
        lock=None,
        downloads=downloads,
        toolchains=(_HOST,),
        stages=stages,
        packages=tuple(
            PackagePlan(
                name=one.package, kind=one.kind, stage=one.stage, output="", platform=one.platform
            )
            for one in artifacts
        ),
        policy="starter",
        conditions=(),
        url="",
        channels=("stable",),
        snapshot=False,
    )


def _descriptor_of(data: bytes) -> Descriptor:
    return Descriptor(digest=Digest.of(data), size_bytes=len(data))
