"""Builders of whole releases as reports: what publish, channel and the pages are given.

`SampleProject(store).release()` fills the store with artifacts, SBOMs and really signed statements
(by the attest station, so that the chain verifies), and returns the evidence. Change one thing with
`dataclasses.replace` to get the refused neighbour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sealift.base.specs.predicates import BUILDER_LOCAL
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
from sealift.core.codec import format_time, to_json
from sealift.core.digest import Descriptor, Digest
from sealift.core.platform import ANY, Platform
from sealift.core.release import (
    AttestReport,
    BuildReport,
    Download,
    GateReport,
    InspectReport,
    Opening,
    PackageReport,
    ProjectFacts,
    ReleasePlan,
    Sbom,
    SourceReference,
    SourceReport,
    TagSignature,
    ToolchainFacts,
    UpstreamArchive,
)
from sealift.core.signing import SigningDesk
from sealift.core.tree import Tree, TreeEntry
from sealift.core.verdict import Finding, Inspection, NotAssessed, Verdict
from sealift.stations.attest.steps import AttestSteps
from sealift.stations.publish.model import ReleaseEvidence
from sealift.testing.packages import (
    control_paragraph,
    core_metadata,
    debian_package,
    source_distribution,
    tar_archive,
    wheel,
)

RELEASED_AT_S: Final = 1_795_373_700
"""2026-11-22 18:55 UTC."""
LINUX: Final = Platform("linux/amd64")
_TOOLCHAIN: Final = Digest.of(b"the packages of a Debian machine")
_COMMIT: Final = "4c8f1b6d2a9e07f35d61c0be8a7f42931d5e6c0b"
_CHANGES: Final = (
    ("clock", "+34580597 s"),
    ("time-zone", "LINT-14"),
    ("locale", "tr_TR.utf8"),
    ("umask", "0077"),
    ("processors", "1"),
    ("user", "4242"),
    ("host-name", "elsewhere"),
    ("outside-path", "another folder"),
)
_SANDBOX: Final = Isolation(
    sandbox="bubblewrap 0.8.0",
    network=False,
    facts=(
        ("namespaces", "cgroup ipc mnt net pid user uts"),
        ("interfaces", "lo"),
        ("capabilities", "none"),
        ("no-new-privileges", "yes"),
        ("root", "read-only"),
        ("seccomp", "no"),
        ("memory", "limited by control group"),
    ),
)
_NO_SANDBOX: Final = Isolation(sandbox="none", network=True, facts=())


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleProject:
    """A project to release. `kinds` says which packages it has."""

    store: BlobStore
    desk: SigningDesk
    name: str = "jq"
    kinds: tuple[ArtifactKind, ...] = ("deb", "tar")
    url: str = "https://downloads.example.org/jq"
    description: str = "A lightweight and flexible command-line JSON processor"
    homepage: str = "https://jqlang.org/"

    def release(
        self, version: str = "1.8.2", *, released_at_s: int = RELEASED_AT_S
    ) -> ReleaseEvidence:
        """Return everything that a passed release has, with signed statements in the store."""
        opening = Opening(
            released_at=format_time(datetime.fromtimestamp(released_at_s, tz=UTC)),
            released_at_s=released_at_s,
            invocation_id="urn:uuid:0d9e6b0c-5a2f-4f6e-9a55-8c5d1f0f7f11",
            builder_id=BUILDER_LOCAL,
        )
        plan = self._plan(version)
        source = self._source(version)
        build = self._build(version, source)
        package = self._package(version, build)
        inspect = self._inspect(package)
        attests = AttestSteps(self.store, self.desk)
        attest = attests.attest(plan, opening, source, build, package, inspect)
        evidence = ReleaseEvidence(
            plan=plan,
            opening=opening,
            source=source,
            build=build,
            package=package,
            inspect=inspect,
            attest=attest,
            seal=AttestReport(attestations=()),
            gate=_gate(package, source),
        )
        return replace(evidence, seal=attests.seal(plan, opening, package, evidence.gate))

    def _plan(self, version: str) -> ReleasePlan:
        return ReleasePlan(
            project=ProjectFacts(
                name=self.name,
                version=version,
                licence="MIT",
                description=self.description,
                homepage=self.homepage,
                maintainer=f"{self.name} maintainers <maintainers@example.org>",
            ),
            source=SourceReference(commit=_COMMIT, tag=f"v{version}", epoch_s=1_790_000_000),
            upstream=UpstreamArchive(
                name=f"{self.name}-{version}.tar.gz", digest=Digest.of(version.encode())
            ),
            manifest=Descriptor(digest=Digest.of(b"manifest"), size_bytes=640),
            manifest_origin="committed",
            lock=Descriptor(digest=Digest.of(b"lock"), size_bytes=900),
            downloads=self._downloads(),
            toolchains=(
                ToolchainFacts(
                    name="host",
                    kind="host",
                    fingerprint=_TOOLCHAIN,
                    description="Debian GNU/Linux 12 (bookworm), 412 packages",
                ),
            ),
            stages=(),
            packages=(),
            policy="starter",
            conditions=(),
            url=self.url,
            channels=("stable",),
            snapshot=False,
        )

    def _downloads(self) -> tuple[Download, ...]:
        if "wheel" not in self.kinds:
            return ()
        return tuple(
            Download(
                group="backend",
                name=name,
                version=version,
                filename=f"{name}-{version}-py3-none-any.whl",
                digest=Digest.of(f"{name} {version}".encode()),
                size_bytes=80_000,
                purl=f"pkg:pypi/{name}@{version}",
                licence="MIT",
                requested=True,
            )
            for name, version in (("build", "1.3.0"), ("poetry-core", "1.9.0"))
        )

    def _source(self, version: str) -> SourceReport:
        record = self._record("source", "source", version, ())
        return SourceReport(
            action=record,
            tree=record.result.tree,
            tag_signature=TagSignature(
                outcome="pass",
                method="ssh",
                signer="maintainer@example.org",
                reason="good ssh signature by a key in allowed_signers",
            ),
            upstream_outcome="pass",
            upstream_reason="the committed tree equals the archive",
        )

    def _build(self, version: str, source: SourceReport) -> BuildReport:
        inputs: tuple[ActionRecord, ...] = (source.action,)
        records: list[ActionRecord] = []
        if self._downloads():
            records.append(self._record("backend", "fetch", version, ()))
            inputs = (source.action, records[-1])
        compile_record = self._record("compile", "build", version, inputs)
        check = self._record("check", "test", version, (source.action, compile_record))
        return BuildReport(records=(*records, compile_record, check))

    def _package(self, version: str, build: BuildReport) -> PackageReport:
        made = next(record for record in build.records if record.action.kind == "build")
        artifacts: list[Artifact] = []
        records: list[ActionRecord] = []
        for kind in sorted(self.kinds):
            adopted = kind in {"wheel", "sdist"}
            record = made if adopted else self._record(kind, "package", version, (made,))
            artifacts.append(self._artifact(kind, version, record))
            if not adopted:
                records.append(record)
        return PackageReport(
            artifacts=tuple(sorted(artifacts, key=lambda artifact: artifact.name)),
            records=tuple(records),
        )

    def _artifact(self, kind: ArtifactKind, version: str, record: ActionRecord) -> Artifact:
        name, data = self._contents(kind, version)
        return Artifact(
            name=name,
            kind=kind,
            package=kind,
            platform=ANY if kind in {"wheel", "sdist", "npm"} else LINUX,
            file=self.store.put(data),
            stage=record.action.stage,
            tree=record.result.tree,
            path=name,
            action=record.action.digest,
        )

    def _contents(self, kind: ArtifactKind, version: str) -> tuple[str, bytes]:
        name = self.name
        metadata = core_metadata(
            name=name,
            version=version,
            extra="Requires-Python: >=3.8\nRequires-Dist: pygments>=2.13\n",
        )
        match kind:
            case "deb":
                control = control_paragraph(package=name, version=version)
                return f"{name}_{version}_amd64.deb", debian_package(control)
            case "tar":
                data = tar_archive((f"{name}-{version}/README", b"a sample\n" * 4_000))
                return f"{name}-{version}-linux-amd64.tar.gz", data
            case "npm":
                described = f'{{"name": "{name}", "version": "{version}"}}'.encode()
                return f"{name}-{version}.tgz", tar_archive(("package/package.json", described))
            case "wheel":
                file = f"{name}-{version}-py3-none-any.whl"
                return file, wheel(name=name, version=version, metadata=metadata)
            case "sdist":
                file = f"{name}-{version}.tar.gz"
                return file, source_distribution(name=name, version=version, metadata=metadata)

    def _inspect(self, package: PackageReport) -> InspectReport:
        sboms = tuple(
            Sbom(
                artifact=artifact.name,
                file=self.store.put(to_json(_bill_of_materials(artifact))),
                components=2,
            )
            for artifact in package.artifacts
        )
        return InspectReport(sboms=sboms, inspections=_inspections())

    def _record(
        self, stage: str, kind: ActionKind, version: str, inputs: Sequence[ActionRecord]
    ) -> ActionRecord:
        output = self.store.put(f"output of {self.name} {version} {stage}\n".encode())
        tree = Tree.of(
            [TreeEntry(path="output", digest=output.digest, size_bytes=output.size_bytes)]
        )
        self.store.put(tree.canonical())
        action = Action(
            kind=kind,
            stage=stage,
            command=("git", "archive", "--format=tar", _COMMIT)
            if kind == "source"
            else ("/bin/sh", "-eu", "-c", "make"),
            inputs=tuple(
                ActionInput(name=record.action.stage, tree=record.result.tree) for record in inputs
            ),
            outputs=(("all", "**"),),
            environment=(("LC_ALL", "C.UTF-8"),),
            toolchain="host",
            toolchain_fingerprint=_TOOLCHAIN,
            platform=LINUX,
            parameters=(("commit", _COMMIT), ("tag", f"v{version}")) if kind == "source" else (),
            network=kind == "fetch",
            timeout_s=3_600,
            memory_bytes=2**33,
        )
        sandboxed = kind not in {"source", "fetch"}
        return ActionRecord(
            action=action,
            result=ActionResult(
                action=action.digest,
                tree=tree.digest,
                log=self.store.put(b"").digest,
                isolation=_SANDBOX if sandboxed else _NO_SANDBOX,
            ),
            reproduction=Reproduction(outcome="identical", perturbations=_CHANGES, tree=tree.digest)
            if kind in {"build", "package"}
            else None,
        )


def _bill_of_materials(artifact: Artifact) -> dict[str, object]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"type": "file", "name": artifact.name}},
        "components": [
            {"type": "library", "name": "libc6", "purl": "pkg:deb/debian/libc6@2.36-9"},
            {"type": "library", "name": "oniguruma", "purl": "pkg:generic/oniguruma@6.9.10"},
        ],
    }


def _inspections() -> tuple[Inspection, ...]:
    return (
        Inspection(
            inspector="sbom",
            outcome="pass",
            reason="every file has a bill of materials with components",
            looked_at=2,
        ),
        Inspection(
            inspector="advisories",
            outcome="unknown",
            reason="the advisory feed is 41 days old; 7 are allowed",
            looked_at=4,
            facts=(
                ("components covered by the feed", "2"),
                ("components matched", "1"),
                ("feed newest entry", "2026-10-12"),
                ("feed advisories", "14,812"),
            ),
            findings=(
                Finding(
                    inspector="advisories",
                    rule="PYSEC-2026-17",
                    subject="pkg:generic/oniguruma@6.9.10",
                    severity="low",
                    message="A sample advisory, so that the page shows what a finding looks like.",
                ),
            ),
        ),
    )


def _gate(package: PackageReport, source: SourceReport) -> GateReport:
    files = tuple(artifact.file.digest for artifact in package.artifacts)
    told = (
        (
            "source.pinned",
            "The source is pinned",
            f"commit {_COMMIT[:12]} and all downloads are named by digest",
        ),
        (
            "source.tag-signed",
            "The tag is signed",
            f"good ssh signature by {source.tag_signature.signer}",
        ),
        ("tests.passed", "The project's tests passed", "1 test stage ran and passed: check"),
        (
            "outputs.identical",
            "A second build gave the same bytes",
            "every build and package action was run twice and is identical",
        ),
        (
            "provenance.complete",
            "Provenance is complete",
            "each action and each file has signed SLSA provenance",
        ),
        ("sbom.not-empty", "Every file has a bill of materials", "none of them is empty"),
    )
    open_questions = (
        ("licences", "Licences of what is inside", "no licence inspector yet"),
        ("secrets", "Secrets in the files", "no secret scanner yet"),
        ("interface", "Changes of the interface", "no API or ABI comparison yet"),
        ("difference", "Difference to the release before", "no artifact comparison yet"),
        ("approvals", "A second person's approval", "one maintainer releases this project"),
        ("rebuilders", "Independent rebuilders", "nobody else has rebuilt it yet"),
        ("log", "Transparency log", "no log is kept yet, so signatures have no proven time"),
    )
    return GateReport(
        policy="starter",
        policy_digest=Digest.of(b"starter"),
        outcome="pass",
        verdicts=tuple(
            Verdict(criterion=name, title=title, outcome="pass", reason=reason, evidence=files)
            for name, title, reason in told
        ),
        not_assessed=tuple(
            NotAssessed(criterion=name, title=title, reason=reason)
            for name, title, reason in open_questions
        ),
    )
