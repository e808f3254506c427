"""Statements of a whole small release, judged by the chain verifier that users run."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sealift.base.edge.port import World
from sealift.base.specs.bundle import Bundle, parse_bundle
from sealift.base.specs.chain import PREDICATES_KNOWN, verify_chain
from sealift.base.specs.evidence import ChainError
from sealift.base.specs.predicates import BUILDER_LOCAL, TEST_RESULT
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.action import (
    Action,
    ActionInput,
    ActionKind,
    ActionRecord,
    ActionResult,
    Isolation,
    Reproduction,
)
from sealift.core.artifact import Artifact
from sealift.core.codec import Json, from_json, to_json
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError, SealiftError
from sealift.core.platform import Platform
from sealift.core.published import ChainPolicy, PublishedArtifact, ReleaseDocument, TrustedKey
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
    StagePlan,
    TagSignature,
    UpstreamArchive,
)
from sealift.core.signing import KeyRole
from sealift.core.verdict import NotAssessed, Verdict
from sealift.stations.attest.statements import Material, draft_all, gate_statement
from sealift.stations.attest.steps import AttestSteps
from sealift.testing.signing_desk import InMemoryDesk

LINUX = Platform("linux/amd64")
COMMIT = "c0ffee" * 6 + "c0ff"
OPENING = Opening(
    released_at="2026-01-02T03:04:05Z",
    released_at_s=1_767_323_045,
    invocation_id="urn:uuid:6f2c",
    builder_id=BUILDER_LOCAL,
)
BOM: dict[str, Json] = {"bomFormat": "CycloneDX", "components": [{"name": "libc6"}]}


def _tree(name: str) -> Digest:
    return Digest.of(f"tree of {name}".encode())


def _record(
    stage: str, kind: ActionKind, *inputs: str, reproduced: bool = False, duration_ms: int = 0
) -> ActionRecord:
    action = Action(
        kind=kind,
        stage=stage,
        command=("/bin/sh", "-eu", "-c", "make"),
        inputs=tuple(ActionInput(name=name, tree=_tree(name)) for name in inputs),
        outputs=(("tree", "usr/**"),),
        environment=(("LANG", "C.UTF-8"),),
        toolchain="host",
        toolchain_fingerprint=Digest.of(b"host"),
        platform=LINUX,
        timeout_s=60,
        memory_bytes=1,
    )
    isolation = Isolation(sandbox="bubblewrap", network=False, facts=(("seccomp", "no"),))
    result = ActionResult(
        action=action.digest, tree=_tree(stage), log=Digest.of(b"log"), isolation=isolation
    )
    again = Reproduction(outcome="identical", perturbations=(("umask", "077"),), tree=_tree(stage))
    return ActionRecord(
        action=action,
        result=result,
        reproduction=again if reproduced else None,
        duration_ms=duration_ms,
        cached=bool(duration_ms),
    )


def _artifact(name: str, record: ActionRecord) -> Artifact:
    return Artifact(
        name=name,
        kind="deb" if name.endswith(".deb") else "tar",
        package="deb",
        platform=LINUX,
        file=Descriptor(digest=Digest.of(name.encode()), size_bytes=len(name)),
        stage=record.action.stage,
        tree=record.result.tree,
        path=name,
        action=record.action.digest,
    )


def _stage(name: str, kind: ActionKind, *inputs: str) -> StagePlan:
    return StagePlan(
        name=name,
        kind=kind,
        inputs=inputs,
        run=("make",),
        outputs=(),
        toolchain="host",
        platform=LINUX,
        timeout_s=60,
        memory_bytes=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """All that the stations before this one reported."""

    plan: ReleasePlan
    source: SourceReport
    build: BuildReport
    package: PackageReport

    @property
    def material(self) -> Material:
        return Material(
            plan=self.plan,
            opening=OPENING,
            records=(self.source.action, *self.build.records, *self.package.records),
            artifacts=self.package.artifacts,
        )

    @property
    def boms(self) -> dict[str, dict[str, Json]]:
        return {artifact.name: BOM for artifact in self.package.artifacts}


def _road(*, duration_ms: int = 0) -> Road:
    source = _record("source", "source")
    fetch = _record("tools", "fetch", duration_ms=duration_ms)
    compiled = _record(
        "compile", "build", "source", "tools", reproduced=True, duration_ms=duration_ms
    )
    check = _record("check", "test", "source", "compile")
    tool = _record("tool-nfpm", "fetch")
    tool = replace(
        tool,
        action=replace(tool.action, parameters=(("nfpm", str(Digest.of(b"the program"))),)),
    )
    package = _record("deb", "package", "compile", "tool-nfpm", reproduced=True)
    plan = ReleasePlan(
        project=ProjectFacts(
            name="jq",
            version="1.8.2",
            licence="MIT",
            description="",
            homepage="",
            maintainer="",
        ),
        source=SourceReference(commit=COMMIT, tag="v1.8.2", epoch_s=1),
        upstream=UpstreamArchive(name="jq-1.8.2.tar.gz", digest=Digest.of(b"upstream")),
        manifest=Descriptor(digest=Digest.of(b"manifest"), size_bytes=1),
        manifest_origin="committed",
        lock=None,
        downloads=(
            Download(
                group="tools",
                name="build",
                version="1.2",
                filename="build-1.2-py3-none-any.whl",
                digest=Digest.of(b"build"),
                size_bytes=5,
                purl="pkg:pypi/build@1.2",
            ),
            Download(
                group="elsewhere",
                name="x",
                version="1",
                filename="x.whl",
                digest=Digest.of(b"x"),
                size_bytes=1,
                purl="pkg:pypi/x@1",
            ),
        ),
        toolchains=(),
        stages=(
            _stage("tools", "fetch"),
            _stage("compile", "build", "source", "tools"),
            _stage("check", "test", "source", "compile"),
        ),
        packages=(),
        policy="starter",
        conditions=(),
        url="",
        channels=("stable",),
        snapshot=False,
    )
    return Road(
        plan=plan,
        source=SourceReport(
            action=source,
            tree=_tree("source"),
            tag_signature=TagSignature(outcome="pass", method="ssh", signer="me", reason=""),
            upstream_outcome="pass",
            upstream_reason="",
        ),
        build=BuildReport(records=(fetch, compiled, check)),
        package=PackageReport(
            artifacts=(_artifact("jq.tar.gz", compiled), _artifact("jq_1.8.2_amd64.deb", package)),
            records=(tool, package),
        ),
    )


GATE = GateReport(
    policy="starter",
    policy_digest=Digest.of(b"policy"),
    outcome="pass",
    verdicts=(Verdict(criterion="tests.passed", title="t", outcome="pass", reason="1 of 1"),),
    not_assessed=(NotAssessed(criterion="licences", title="l", reason="no inspector yet"),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A road whose statements were signed, and what a client needs to judge them."""

    road: Road
    attested: AttestReport
    sealed: AttestReport
    bundles: tuple[Bundle, ...]
    desk: InMemoryDesk

    def verify(self, name: str, bundles: tuple[Bundle, ...] | None = None) -> list[str]:
        artifacts = self.road.package.artifacts
        digest = next(item.file.digest for item in artifacts if item.name == name)
        builder = next(key for key in self.desk.public_keys() if key.role is KeyRole.BUILDER)
        release = ReleaseDocument(
            project="jq",
            version="1.8.2",
            licence="MIT",
            released_at=OPENING.released_at,
            commit=COMMIT,
            tag="v1.8.2",
            source_tree=_tree("source"),
            plan=self.road.plan.digest,
            artifacts=tuple(
                PublishedArtifact(
                    name=item.name,
                    kind=item.kind,
                    platform=str(item.platform),
                    sha256=item.file.digest.hex,
                    size_bytes=item.file.size_bytes,
                )
                for item in artifacts
            ),
            attestations=Digest.of(b""),
            gate_policy="starter",
            gate_outcome="pass",
            verdicts=(),
            not_assessed=(),
        )
        policy = ChainPolicy(
            project="jq",
            floor="1.8.2",
            released=("1.8.2",),
            keys=(
                TrustedKey(
                    role=KeyRole.BUILDER,
                    key_id=builder.key_id,
                    scheme=builder.scheme,
                    pem=builder.text,
                ),
            ),
            builders=(BUILDER_LOCAL,),
            predicates=PREDICATES_KNOWN,
        )
        report = verify_chain(
            name=name,
            digest=digest,
            release=release,
            policy=policy,
            bundles=self.bundles if bundles is None else bundles,
        )
        return [link.kind for link in report.links]


Signing = Callable[[Road], Signed]


@pytest.fixture
def sign(world: World, tmp_path: Path) -> Signing:
    def run(road: Road) -> Signed:
        store = LocalBlobStore(tmp_path / "store", world.files)
        desk = InMemoryDesk()
        steps = AttestSteps(store, desk)
        sboms = tuple(
            Sbom(artifact=artifact.name, file=store.put(json.dumps(BOM).encode()), components=1)
            for artifact in road.package.artifacts
        )
        attested = steps.attest(
            road.plan,
            OPENING,
            road.source,
            road.build,
            road.package,
            InspectReport(sboms=sboms, inspections=()),
        )
        sealed = steps.seal(road.plan, OPENING, road.package, GATE)
        lines = [
            store.read(item.bundle.digest, size_bytes_max=10**6)
            for item in (*attested.attestations, *sealed.attestations)
        ]
        return Signed(
            road=road,
            attested=attested,
            sealed=sealed,
            bundles=tuple(parse_bundle(line) for line in lines),
            desk=desk,
        )

    return run


def test_statements_of_a_release_make_a_chain_from_each_file_to_the_commit(sign: Signing) -> None:
    signed = sign(_road())
    links = signed.verify("jq.tar.gz")
    assert links[:4] == ["file", "gate", "test", "sbom"]
    assert links[-2:] == ["source", "commit"]
    assert "reproduction" in links
    assert signed.verify("jq_1.8.2_amd64.deb").count("reproduction") == 2


def test_names_say_what_each_attestation_is_in_a_stable_order(sign: Signing) -> None:
    signed = sign(_road())
    assert [item.name for item in signed.attested.attestations] == [
        "provenance-source",
        "provenance-tools",
        "provenance-compile",
        "provenance-check",
        "provenance-tool-nfpm",
        "provenance-deb",
        "reproduction-compile",
        "reproduction-deb",
        "test-check",
        "sbom-jq.tar.gz",
        "sbom-jq_1.8.2_amd64.deb",
    ]
    assert [item.name for item in signed.sealed.attestations] == ["gate"]


@pytest.mark.parametrize("left_out", range(12))
def test_chain_without_any_one_attestation_holds_for_no_file_that_needs_it(
    sign: Signing, left_out: int
) -> None:
    signed = sign(_road())
    names = [item.name for item in signed.attested.attestations]
    bundles = tuple(bundle for at, bundle in enumerate(signed.bundles) if at != left_out)
    # The one statement that says nothing about the package.
    if left_out == names.index("sbom-jq.tar.gz"):
        signed.verify("jq_1.8.2_amd64.deb", bundles)
        return
    with pytest.raises(ChainError):
        signed.verify("jq_1.8.2_amd64.deb", bundles)


def test_signing_again_gives_the_same_bytes_whatever_took_how_long(sign: Signing) -> None:
    first, again = sign(_road()), sign(_road(duration_ms=12_345))
    assert first.attested == again.attested
    assert first.sealed == again.sealed
    assert from_json(AttestReport, to_json(first.attested)) == first.attested


def test_package_with_the_name_of_a_stage_keeps_a_name_of_its_own(sign: Signing) -> None:
    road = _road()
    package = _record("compile", "package", "compile", reproduced=True)
    package = replace(package, result=replace(package.result, tree=_tree("package")))
    artifact = _artifact("jq.tar.gz", package)
    signed = sign(replace(road, package=PackageReport(artifacts=(artifact,), records=(package,))))
    names = [item.name for item in signed.attested.attestations]
    assert "provenance-build-compile" in names
    assert "provenance-package-compile" in names
    assert signed.verify("jq.tar.gz")


def test_names_are_safe_as_names_of_files(sign: Signing) -> None:
    road = _road()
    package = _record("package:deb", "package", "compile", reproduced=True)
    signed = sign(
        replace(
            road,
            package=PackageReport(artifacts=(_artifact("jq.tar.gz", package),), records=(package,)),
        )
    )
    assert "provenance-package-deb" in [item.name for item in signed.attested.attestations]


def test_provenance_names_all_that_went_in_and_no_time_but_the_opening_s() -> None:
    road = _road()
    drafts = {draft.name: draft.statement for draft in draft_all(road.material, road.boms)}
    source = drafts["provenance-source"].predicate["buildDefinition"]
    assert isinstance(source, dict)
    assert source["resolvedDependencies"] == [
        {"name": "commit", "uri": f"git+commit:{COMMIT}", "digest": {"gitCommit": COMMIT}},
        {
            "name": "jq-1.8.2.tar.gz",
            "uri": "urn:sealift:upstream:jq-1.8.2.tar.gz",
            "digest": {"sha256": Digest.of(b"upstream").hex},
        },
        {
            "name": "toolchain host",
            "uri": "urn:sealift:toolchain:host",
            "digest": {"sha256": Digest.of(b"host").hex},
        },
    ]
    fetched = json.dumps(drafts["provenance-tools"].predicate)
    assert "pkg:pypi/build@1.2" in fetched
    assert "pkg:pypi/x@1" not in fetched
    packaged = json.dumps(drafts["provenance-deb"].predicate)
    assert "urn:sealift:tree:tool-nfpm" in packaged
    tool = json.dumps(drafts["provenance-tool-nfpm"].predicate)
    assert "urn:sealift:tool:nfpm" in tool
    assert Digest.of(b"the program").hex in tool
    assert "urn:sealift:tree:compile" in packaged
    compiled = drafts["provenance-compile"]
    assert [subject.name for subject in compiled.subjects] == ["tree:compile", "jq.tar.gz"]
    assert compiled.predicate["runDetails"] == {
        "builder": {"id": BUILDER_LOCAL},
        "metadata": {
            "invocationId": OPENING.invocation_id,
            "startedOn": OPENING.released_at,
            "finishedOn": OPENING.released_at,
        },
    }


def test_test_result_speaks_of_every_artifact() -> None:
    road = _road()
    (statement,) = (
        draft.statement
        for draft in draft_all(road.material, road.boms)
        if draft.statement.predicate_type == TEST_RESULT
    )
    assert [subject.name for subject in statement.subjects] == ["jq.tar.gz", "jq_1.8.2_amd64.deb"]
    assert statement.predicate["result"] == "PASSED"


def test_input_that_no_action_gave_is_not_vouched_for() -> None:
    road = _road()
    unknown = _record("compile", "build", "source", "elsewhere")
    changed = replace(road, build=BuildReport(records=(road.build.records[0], unknown)))
    artifact = _artifact("jq.tar.gz", unknown)
    changed = replace(changed, package=PackageReport(artifacts=(artifact,), records=()))
    with pytest.raises(IntegrityError, match="is not what an action gave"):
        draft_all(changed.material, changed.boms)


def test_tree_of_a_stage_s_name_but_with_other_bytes_is_not_vouched_for() -> None:
    road = _road()
    package = road.package.records[-1]
    action = replace(
        package.action, inputs=(ActionInput(name="compile", tree=Digest.of(b"another tree")),)
    )
    swapped = replace(package, action=action)
    artifact = _artifact("jq.deb", swapped)
    changed = replace(road, package=PackageReport(artifacts=(artifact,), records=(swapped,)))
    with pytest.raises(IntegrityError, match="is not what an action gave"):
        draft_all(changed.material, changed.boms)


@pytest.mark.parametrize(
    ("package", "kind"),
    [
        (PackageReport(artifacts=(), records=()), ConfigError),
        (
            PackageReport(
                artifacts=(_artifact("jq.tar.gz", _record("other", "build")),), records=()
            ),
            IntegrityError,
        ),
    ],
)
def test_files_from_nowhere_and_no_files_at_all_are_refused(
    package: PackageReport, kind: type[SealiftError]
) -> None:
    road = replace(_road(), package=package)
    with pytest.raises(kind):
        draft_all(road.material, road.boms)


def test_artifact_without_a_bill_of_materials_is_refused() -> None:
    road = _road()
    with pytest.raises(IntegrityError, match="no bill of materials"):
        draft_all(road.material, {"jq.tar.gz": BOM})


def test_gate_statement_keeps_every_verdict_and_what_was_not_assessed() -> None:
    road = _road()
    predicate = gate_statement(road.plan, road.package.artifacts, GATE).predicate
    assert predicate["outcome"] == "pass"
    assert predicate["policy"] == "starter"
    assert predicate["plan"] == str(road.plan.digest)
    assert "1 of 1" in json.dumps(predicate["verdicts"])
    assert "no inspector yet" in json.dumps(predicate["notAssessed"])
    with pytest.raises(ConfigError, match="no artifacts to sign"):
        gate_statement(road.plan, (), GATE)


def test_locked_builder_key_signs_nothing(world: World, tmp_path: Path) -> None:
    road = _road()
    steps = AttestSteps(LocalBlobStore(tmp_path / "store", world.files), InMemoryDesk(locked=True))
    with pytest.raises(ConfigError, match="locked"):
        steps.seal(road.plan, OPENING, road.package, GATE)


def test_action_that_two_stations_report_is_attested_once(sign: Signing) -> None:
    road = _road()
    again = replace(road.build.records[1], cached=True, duration_ms=7)
    package = replace(road.package, records=(again, *road.package.records))
    assert sign(replace(road, package=package)).attested == sign(road).attested
