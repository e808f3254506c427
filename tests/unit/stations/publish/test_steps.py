"""The publish step: once, whole, the same bytes, and never what did not pass."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sealift.base.edge.real import DurableFiles
from sealift.base.specs.chain import verify_chain
from sealift.base.specs.evidence import parse_attestations
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.codec import from_json
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, ExitCode, IntegrityError, PolicyDenied
from sealift.core.published import ChainPolicy, ReleaseDocument
from sealift.core.release import AttestReport, PublishReport
from sealift.core.signing import KeyRole, SigningDesk
from sealift.core.verdict import Outcome
from sealift.stations.publish.model import ReleaseEvidence
from sealift.stations.publish.site import Site, relative_files
from sealift.stations.publish.steps import PublishSteps
from sealift.stations.publish.trusted_tree import TrustedTree
from sealift.testing.sample_project import RELEASED_AT_S, SampleProject
from sealift.testing.signing_desk import InMemoryDesk

Publish = Callable[[ReleaseEvidence], PublishReport]


def run(steps: PublishSteps, evidence: ReleaseEvidence) -> PublishReport:
    return steps.publish(
        evidence.plan,
        evidence.opening,
        evidence.source,
        evidence.build,
        evidence.package,
        evidence.inspect,
        evidence.attest,
        evidence.seal,
        evidence.gate,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in relative_files(folder)}


def test_a_release_becomes_generation_one(
    publish: Publish, project: SampleProject, site: Site, root: bytes
) -> None:
    report = publish(project.release())
    assert (report.generation, report.already) == (1, False)
    assert report.root_digest == Digest.of(root)
    current = site.folder / "current"
    assert (current / "root.json").read_bytes() == root
    assert (current / "metadata/1.root.json").read_bytes() == root
    for file in report.files:
        assert Digest.of((current / file.path).read_bytes()) == file.file.digest
    names = {file.path.removeprefix("releases/1.8.2/") for file in report.files}
    assert names == {
        "SHA256SUMS",
        "SHA256SUMS.sig",
        "attestations.jsonl",
        "jq-1.8.2-linux-amd64.tar.gz",
        "jq-1.8.2-linux-amd64.tar.gz.cdx.json",
        "jq_1.8.2_amd64.deb",
        "jq_1.8.2_amd64.deb.cdx.json",
        "jq_1.8.2_amd64.deb.control",
        "release.json",
    }


def test_every_signed_target_is_a_hard_link_under_its_hash(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    report = publish(project.release())
    current = site.folder / "current"
    for file in report.files:
        folder, _, name = file.path.rpartition("/")
        hashed = current / "targets" / folder / f"{file.file.digest.hex}.{name}"
        assert hashed.samefile(current / file.path)
    pool = current / "apt/pool/main/j/jq/jq_1.8.2_amd64.deb"
    assert pool.samefile(current / "releases/1.8.2/jq_1.8.2_amd64.deb")


def test_a_client_can_walk_every_file_to_the_commit_with_what_was_published(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    evidence = project.release()
    publish(evidence)
    folder = site.folder / "current" / "releases/1.8.2"
    document = from_json(ReleaseDocument, (folder / "release.json").read_bytes())
    policy = from_json(ChainPolicy, (site.folder / "current/policy.json").read_bytes())
    bundles = parse_attestations(
        (folder / "attestations.jsonl").read_bytes(), expected=document.attestations
    )
    for artifact in document.artifacts:
        report = verify_chain(
            name=artifact.name,
            digest=Digest.of((folder / artifact.name).read_bytes()),
            release=document,
            policy=policy,
            bundles=bundles,
        )
        assert report.links[0].kind == "file"
        assert report.links[-1].kind == "commit"
    assert document.commit == evidence.plan.source.commit
    assert document.plan == evidence.plan.digest


def test_single_bundles_are_the_lines_of_the_collection(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    evidence = project.release()
    publish(evidence)
    current = site.folder / "current"
    lines = (current / "releases/1.8.2/attestations.jsonl").read_bytes().splitlines()
    singles = [
        (current / "attestations/1.8.2" / f"{attestation.name}.sigstore.json").read_bytes()
        for attestation in evidence.attestations
    ]
    assert [single.strip() for single in singles] == lines
    assert evidence.attestations[-1].name == "gate"


def test_publishing_again_writes_nothing(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    first = publish(project.release())
    before = contents(site.folder)
    again = publish(project.release())
    assert again == replace(first, already=True)
    assert contents(site.folder) == before


def test_the_same_bytes_at_a_later_time_are_already_released(
    publish: Publish, project: SampleProject
) -> None:
    publish(project.release())
    assert publish(project.release(released_at_s=RELEASED_AT_S + 3_600)).already


def test_a_version_never_changes_its_bytes(
    publish: Publish, project: SampleProject, store: LocalBlobStore, site: Site
) -> None:
    evidence = project.release()
    publish(evidence)
    before = contents(site.folder)
    artifact = evidence.package.artifacts[0]
    other = store.put(b"other bytes")
    changed = replace(
        evidence.package,
        artifacts=(replace(artifact, file=other), *evidence.package.artifacts[1:]),
    )
    with pytest.raises(IntegrityError) as raised:
        publish(replace(evidence, package=changed))
    assert raised.value.exit_code == ExitCode.INTEGRITY
    for said in (artifact.name, str(other.digest), str(artifact.file.digest)):
        assert said in raised.value.fact
    assert raised.value.hint
    assert contents(site.folder) == before


def test_a_version_never_loses_or_gains_a_file(publish: Publish, project: SampleProject) -> None:
    evidence = project.release()
    publish(evidence)
    fewer = replace(evidence.package, artifacts=evidence.package.artifacts[:1])
    with pytest.raises(IntegrityError, match="no file in this release"):
        publish(replace(evidence, package=fewer))


@pytest.mark.parametrize("outcome", ["fail", "unknown"])
def test_what_did_not_pass_the_gate_is_not_published(
    publish: Publish, project: SampleProject, site: Site, outcome: Outcome
) -> None:
    evidence = project.release()
    verdicts = (replace(evidence.gate.verdicts[0], outcome=outcome), *evidence.gate.verdicts[1:])
    gate = replace(evidence.gate, outcome=outcome, verdicts=verdicts)
    with pytest.raises(PolicyDenied, match=r"source\.pinned"):
        publish(replace(evidence, gate=gate))
    assert site.current() is None


def test_a_snapshot_is_never_published(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    evidence = project.release()
    with pytest.raises(PolicyDenied, match="snapshot"):
        publish(replace(evidence, plan=replace(evidence.plan, snapshot=True)))
    assert site.current() is None


def test_a_chain_that_clients_would_refuse_is_not_published(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    evidence = project.release()
    without_gate = replace(evidence, seal=AttestReport(attestations=()))
    with pytest.raises(IntegrityError, match="gate"):
        publish(without_gate)
    assert site.current() is None


def test_online_keys_alone_cannot_publish(
    site: Site, root: bytes, store: LocalBlobStore, online_desk: SigningDesk, project: SampleProject
) -> None:
    steps = PublishSteps(site, root=root, store=store, desk=online_desk)
    with pytest.raises(ConfigError, match="key"):
        run(steps, project.release())
    assert site.current() is None


@pytest.mark.parametrize("missing", [KeyRole.RELEASES, KeyRole.CHECKSUMS, KeyRole.APT])
def test_a_desk_that_may_not_sign_leaves_nothing_behind(
    site: Site, root: bytes, store: LocalBlobStore, project: SampleProject, missing: KeyRole
) -> None:
    roles = [role for role in KeyRole if role is not missing]
    desk = InMemoryDesk(project="jq", roles=roles)
    with pytest.raises(PolicyDenied):
        run(PublishSteps(site, root=root, store=store, desk=desk), project.release())
    assert site.current() is None
    assert relative_files(site.folder) == []


def test_two_publications_of_equal_inputs_are_equal_trees(
    tmp_path: Path, root: bytes, desk: SigningDesk
) -> None:
    trees = []
    for name in ("here", "there"):
        store = LocalBlobStore(tmp_path / name / "store", DurableFiles())
        site = Site(tmp_path / name / "site", DurableFiles(), publisher=f"{name}-1")
        steps = PublishSteps(site, root=root, store=store, desk=desk)
        project = SampleProject(store=store, desk=desk, kinds=("deb", "sdist", "tar", "wheel"))
        run(steps, project.release("1.8.1"))
        run(steps, project.release("1.8.2", released_at_s=RELEASED_AT_S + 60))
        trees.append(contents(site.folder / "current"))
    assert trees[0] == trees[1]
    assert len(trees[0]) > 80


def test_the_policy_grows_with_each_release_and_keeps_its_floor(
    publish: Publish, project: SampleProject, site: Site, root: bytes, desk: SigningDesk
) -> None:
    publish(project.release("1.8.1"))
    publish(project.release("1.8.2", released_at_s=RELEASED_AT_S + 60))
    policy = TrustedTree(site.folder / "current", root).policy()
    assert policy.released == ("1.8.1", "1.8.2")
    assert policy.floor == "1.8.1"
    builder = next(key for key in desk.public_keys() if key.role is KeyRole.BUILDER)
    assert [key.key_id for key in policy.keys] == [builder.key_id]
    assert policy.builders == ("urn:sealift:builder:local-bubblewrap",)


def test_an_older_opening_never_moves_the_expiry_back(
    publish: Publish, project: SampleProject, site: Site, root: bytes
) -> None:
    publish(project.release("1.8.1"))
    first = TrustedTree(site.folder / "current", root).metadata.timestamp.signed.expires
    publish(project.release("1.8.2", released_at_s=RELEASED_AT_S - 3_600))
    second = TrustedTree(site.folder / "current", root).metadata.timestamp.signed
    assert (second.version, second.expires) == (2, first)


def test_another_projects_tree_is_refused(
    publish: Publish, project: SampleProject, store: LocalBlobStore, desk: SigningDesk
) -> None:
    publish(project.release())
    other = SampleProject(store=store, desk=desk, name="yq")
    with pytest.raises(IntegrityError, match="belongs to project `jq`"):
        publish(other.release())


def test_a_tampered_tree_is_not_built_upon(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    publish(project.release("1.8.1"))
    timestamp = site.folder / "current/metadata/timestamp.json"
    timestamp.write_bytes(timestamp.read_bytes().replace(b'"version":1', b'"version":7'))
    with pytest.raises(IntegrityError):
        publish(project.release("1.8.2"))


def test_a_blob_that_rotted_in_the_store_is_not_published(
    publish: Publish, project: SampleProject, store: LocalBlobStore, site: Site, tmp_path: Path
) -> None:
    evidence = project.release()
    path = store.path(evidence.package.artifacts[0].file.digest)
    path.chmod(0o644)
    path.write_bytes(b"rotten")
    fresh = LocalBlobStore(tmp_path / "store", DurableFiles())
    assert fresh.has(evidence.package.artifacts[0].file.digest)
    with pytest.raises(IntegrityError):
        publish(evidence)
    assert site.current() is None


def test_a_wheel_that_is_none_is_not_published(
    publish: Publish, python_project: SampleProject, store: LocalBlobStore
) -> None:
    evidence = python_project.release("13.9.4")
    artifacts = tuple(
        replace(artifact, file=store.put(b"no wheel")) if artifact.kind == "wheel" else artifact
        for artifact in evidence.package.artifacts
    )
    with pytest.raises(IntegrityError, match="no Python distribution"):
        publish(replace(evidence, package=replace(evidence.package, artifacts=artifacts)))
