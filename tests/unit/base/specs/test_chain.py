from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.base.specs.bundle import parse_bundle
from sealift.base.specs.chain import ChainReport, verify_chain
from sealift.base.specs.evidence import BrokenLink, ChainError, parse_attestations
from sealift.base.specs.predicates import GATE_VERDICT, REPRODUCTION, SLSA_PROVENANCE
from sealift.base.specs.slsa import (
    Provenance,
    ResourceDescriptor,
    provenance_from_plain,
    provenance_to_plain,
    tree_uri,
)
from sealift.base.specs.statement import Statement, Subject
from sealift.core.digest import Digest
from sealift.core.errors import ExitCode, IntegrityError, error_from_details
from sealift.core.published import ChainPolicy, ReleaseDocument
from sealift.testing.chains import COMMIT, SampleKey, SampleRelease, sample_release

TARBALL = "jq-1.8.2-linux-amd64.tar.gz"
DEB = "jq_1.8.2_amd64.deb"


def walk(
    sample: SampleRelease,
    *,
    name: str = TARBALL,
    document: ReleaseDocument | None = None,
    policy: ChainPolicy | None = None,
) -> ChainReport:
    return verify_chain(
        name=name,
        digest=sample.digest(name),
        release=document or sample.document(),
        policy=policy or sample.policy(),
        bundles=sample.bundles,
    )


def broken(sample: SampleRelease, **changes: object) -> BrokenLink:
    with pytest.raises(ChainError) as caught:
        walk(sample, **changes)
    assert caught.value.exit_code is ExitCode.INTEGRITY
    assert str(caught.value.link) in str(caught.value)
    return caught.value.link


def altered(
    sample: SampleRelease, name: str, change: Callable[[Provenance], Provenance]
) -> SampleRelease:
    statement = sample.statements[name]
    provenance = change(provenance_from_plain(statement.predicate))
    statement = replace(statement, predicate=provenance_to_plain(provenance))
    return replace(sample, statements={**sample.statements, name: statement})


def test_chain_walks_from_the_file_to_the_commit() -> None:
    sample = sample_release()
    links = walk(sample).links
    assert [link.kind for link in links] == [
        "file",
        "gate",
        "test",
        "sbom",
        "provenance",
        "reproduction",
        "provenance",
        "reproduction",
        "provenance",
        "provenance",
        "source",
        "commit",
    ]
    assert links[0].subject == sample.digest(TARBALL)
    assert links[-1].title == f"commit {COMMIT}"
    assert "setuptools.whl" in links[8].detail
    assert links[9].title == "test check"
    assert links[7].detail.endswith("clock, umask")


def test_chain_of_every_file_of_a_release_holds() -> None:
    assert walk(sample_release(), name=DEB).links[0].title == DEB


def test_links_do_not_depend_on_the_order_of_the_bundles() -> None:
    sample = sample_release()
    turned = replace(sample, statements=dict(reversed(sample.statements.items())))
    assert walk(turned) == walk(sample)


@pytest.mark.parametrize(
    ("missing", "link"),
    [
        (f"provenance-{TARBALL}", BrokenLink.PROVENANCE),
        ("provenance-compile", BrokenLink.PROVENANCE),
        ("provenance-dependencies", BrokenLink.PROVENANCE),
        ("provenance-source", BrokenLink.PROVENANCE),
        (f"reproduction-{TARBALL}", BrokenLink.REPRODUCTION),
        ("reproduction-compile", BrokenLink.REPRODUCTION),
        ("test-check", BrokenLink.TESTS),
        ("provenance-check", BrokenLink.TESTS),
        (f"sbom-{TARBALL}", BrokenLink.SBOM),
        ("gate", BrokenLink.GATE),
    ],
)
def test_a_missing_statement_is_named(missing: str, link: BrokenLink) -> None:
    assert broken(sample_release().without(missing)) is link


def test_what_belongs_to_another_file_is_not_missed() -> None:
    walk(sample_release().without(f"provenance-{DEB}", f"sbom-{DEB}", f"reproduction-{DEB}"))


def test_only_what_the_policy_lists_is_demanded() -> None:
    bare = sample_release().without("gate", "test-check", "reproduction-compile")
    policy = replace(bare.policy(), predicates=(SLSA_PROVENANCE,))
    assert {link.kind for link in walk(bare, policy=policy).links} == {
        "file",
        "provenance",
        "source",
        "commit",
    }


def test_provenance_is_demanded_even_by_a_policy_that_forgot_it() -> None:
    sample = sample_release().without("provenance-compile")
    policy = replace(sample.policy(), predicates=())
    assert broken(sample, policy=policy) is BrokenLink.PROVENANCE


def test_a_demand_that_this_version_cannot_check_blocks() -> None:
    policy = replace(sample_release().policy(), predicates=("https://example.org/later",))
    assert broken(sample_release(), policy=policy) is BrokenLink.POLICY


def test_other_bytes_under_a_listed_name_are_refused_with_both_digests() -> None:
    sample = sample_release()
    other = Digest.of(b"other")
    with pytest.raises(ChainError) as caught:
        verify_chain(
            name=TARBALL,
            digest=other,
            release=sample.document(),
            policy=sample.policy(),
            bundles=sample.bundles,
        )
    assert caught.value.link is BrokenLink.BYTES
    assert str(other) in caught.value.fact
    assert str(sample.digest(TARBALL)) in caught.value.expected


def test_files_that_change_names_are_refused() -> None:
    sample = sample_release()
    swapped = replace(sample, files={TARBALL: sample.files[DEB], DEB: sample.files[TARBALL]})
    assert broken(swapped, policy=replace(sample.policy(), predicates=())) is BrokenLink.PRODUCT


def test_a_name_that_the_release_does_not_list_is_refused() -> None:
    sample = sample_release()
    document = replace(sample.document(), artifacts=sample.document().artifacts[1:])
    assert broken(sample, document=document) is BrokenLink.PRODUCT


def test_a_signer_that_the_policy_does_not_name_is_refused() -> None:
    sample = sample_release()
    policy = replace(sample.policy(), keys=(SampleKey(number=8).trusted,))
    assert broken(sample, policy=policy) is BrokenLink.SIGNER


def test_a_key_named_for_another_role_signs_no_attestation() -> None:
    sample = sample_release()
    key = replace(sample.key.trusted, role="checksums")
    assert broken(sample, policy=replace(sample.policy(), keys=(key,))) is BrokenLink.SIGNER


def test_a_policy_that_gives_a_key_the_id_of_another_is_refused() -> None:
    sample = sample_release()
    key = replace(SampleKey(number=8).trusted, key_id=sample.key.trusted.key_id)
    assert broken(sample, policy=replace(sample.policy(), keys=(key,))) is BrokenLink.POLICY


def test_one_forged_bundle_among_good_ones_refuses_them_all() -> None:
    sample = sample_release()
    forged = replace(
        sample.bundles[0],
        envelope=replace(sample.bundles[0].envelope, payload=sample.bundles[1].envelope.payload),
    )
    with pytest.raises(ChainError) as caught:
        verify_chain(
            name=TARBALL,
            digest=sample.digest(TARBALL),
            release=sample.document(),
            policy=sample.policy(),
            bundles=(*sample.bundles, forged),
        )
    assert caught.value.link is BrokenLink.SIGNATURE


def test_another_builder_is_refused() -> None:
    sample = sample_release()
    foreign = altered(
        sample, "provenance-compile", lambda it: replace(it, builder_id="urn:example:laptop")
    )
    assert broken(foreign) is BrokenLink.BUILDER
    other_kind = altered(
        sample, "provenance-compile", lambda it: replace(it, build_type="urn:example:make")
    )
    assert broken(other_kind) is BrokenLink.BUILDER


def test_the_same_tree_made_for_another_version_is_refused() -> None:
    sample = sample_release()
    older = altered(
        sample,
        "provenance-dependencies",
        lambda it: replace(it, external_parameters={**it.external_parameters, "version": "1.8.1"}),
    )
    assert broken(older) is BrokenLink.PRODUCT


def test_attestations_of_another_version_prove_nothing() -> None:
    older = sample_release(version="1.8.1")
    mixed = replace(
        sample_release(),
        statements={
            **sample_release().statements,
            "provenance-compile": older.statements["provenance-compile"],
        },
    )
    assert broken(mixed) is BrokenLink.PROVENANCE


def test_a_policy_of_another_project_is_refused() -> None:
    policy = replace(sample_release().policy(), project="rich")
    assert broken(sample_release(), policy=policy) is BrokenLink.PRODUCT


def test_another_commit_or_source_tree_is_refused() -> None:
    sample = sample_release()
    for change in ({"commit": "a" * 40}, {"source_tree": Digest.of(b"other")}):
        document = replace(sample.document(), **change)
        assert broken(sample, document=document) is BrokenLink.SOURCE


def test_only_the_source_action_reads_a_repository() -> None:
    commit = ResourceDescriptor(name="submodule", uri="git+commit", git_commit="b" * 40)
    sneaky = altered(
        sample_release(),
        "provenance-compile",
        lambda it: replace(it, resolved_dependencies=(*it.resolved_dependencies, commit)),
    )
    assert broken(sneaky) is BrokenLink.SOURCE


def test_a_source_that_reads_a_stage_is_refused() -> None:
    sample = sample_release()
    tree = provenance_from_plain(sample.statements["provenance-check"].predicate)
    sneaky = altered(
        sample,
        "provenance-source",
        lambda it: replace(
            it,
            resolved_dependencies=(*it.resolved_dependencies, tree.resolved_dependencies[1]),
        ),
    )
    assert broken(sneaky) is BrokenLink.SOURCE


def test_a_file_that_no_source_went_into_is_refused() -> None:
    sourceless = altered(
        sample_release(),
        "provenance-compile",
        lambda it: replace(it, resolved_dependencies=it.resolved_dependencies[1:]),
    )
    assert broken(sourceless) is BrokenLink.SOURCE


def test_a_test_that_never_saw_the_source_proves_nothing() -> None:
    blind = altered(
        sample_release(), "provenance-check", lambda it: replace(it, resolved_dependencies=())
    )
    assert broken(blind) is BrokenLink.TESTS


def test_a_build_action_is_no_test_action() -> None:
    relabelled = altered(
        sample_release(),
        "provenance-check",
        lambda it: replace(it, external_parameters={**it.external_parameters, "kind": "build"}),
    )
    assert broken(relabelled) is BrokenLink.TESTS


def test_tools_that_no_stage_makes_are_dependencies_and_not_links() -> None:
    tool = ResourceDescriptor(name="nfpm", uri="urn:sealift:tool:nfpm", sha256=Digest.of(b"nfpm"))
    sample = altered(
        sample_release(),
        f"provenance-{TARBALL}",
        lambda it: replace(it, resolved_dependencies=(*it.resolved_dependencies, tool)),
    )
    assert "nfpm" in walk(sample).links[4].detail


def test_a_stage_made_from_itself_is_refused() -> None:
    sample = sample_release()
    compile_tree = sample.statements["provenance-compile"].subjects[0].digest
    loop = ResourceDescriptor(name="compile", uri=tree_uri("compile"), sha256=compile_tree)
    circular = altered(
        sample,
        "provenance-dependencies",
        lambda it: replace(it, resolved_dependencies=(loop,)),
    )
    assert broken(circular) is BrokenLink.CYCLE


def test_a_tree_named_without_a_sha256_is_refused() -> None:
    loose = ResourceDescriptor(name="x", uri=tree_uri("source"), git_commit=COMMIT)
    sample = altered(
        sample_release(),
        "provenance-source",
        lambda it: replace(it, resolved_dependencies=(loose,)),
    )
    assert broken(sample) is BrokenLink.SOURCE


@pytest.mark.parametrize(
    ("name", "predicate", "link"),
    [
        ("test-check", {"result": "FAILED"}, BrokenLink.TESTS),
        ("test-check", {"result": "PASSED"}, BrokenLink.TESTS),
        ("test-check", {"result": "PASSED", "configuration": []}, BrokenLink.TESTS),
        (
            "test-check",
            {
                "result": "PASSED",
                "configuration": [{"name": "check", "digest": {"sha256": "0" * 64}}],
            },
            BrokenLink.TESTS,
        ),
        ("test-check", {"result": "passed"}, BrokenLink.TESTS),
        ("test-check", {}, BrokenLink.TESTS),
        ("gate", {"outcome": "unknown"}, BrokenLink.GATE),
        ("gate", {"outcome": "fail"}, BrokenLink.GATE),
        ("gate", {"outcome": "pass", "project": "jq", "version": "1.8.1"}, BrokenLink.GATE),
        ("reproduction-compile", {"outcome": "identical"}, BrokenLink.REPRODUCTION),
        ("reproduction-compile", {"outcome": "different"}, BrokenLink.REPRODUCTION),
        ("reproduction-compile", {"outcome": "equivalent"}, BrokenLink.REPRODUCTION),
        ("reproduction-compile", {"outcome": True}, BrokenLink.REPRODUCTION),
        (f"sbom-{TARBALL}", {"spdxVersion": "SPDX-2.3"}, BrokenLink.SBOM),
        (f"sbom-{TARBALL}", {"bomFormat": "CycloneDX", "components": 3}, BrokenLink.SBOM),
        ("provenance-compile", {"buildDefinition": {}}, BrokenLink.STATEMENT),
    ],
)
def test_a_statement_that_does_not_say_it_is_refused(
    name: str, predicate: dict[str, object], link: BrokenLink
) -> None:
    sample = sample_release()
    statement = replace(sample.statements[name], predicate=predicate)
    changed = replace(sample, statements={**sample.statements, name: statement})
    assert broken(changed) is link


def test_a_second_verdict_that_contradicts_is_not_outvoted() -> None:
    sample = sample_release()
    against = replace(sample.statements["gate"], predicate={"outcome": "fail"})
    assert broken(sample.replacing(second=against)) is BrokenLink.GATE


def test_a_second_provenance_of_the_same_tree_must_hold_too() -> None:
    sample = sample_release()
    statement = sample.statements["provenance-compile"]
    provenance = provenance_from_plain(statement.predicate)
    foreign = replace(
        statement,
        predicate=provenance_to_plain(replace(provenance, builder_id="urn:example:laptop")),
    )
    assert broken(sample.replacing(second=foreign)) is BrokenLink.BUILDER


def test_a_release_document_whose_gate_did_not_pass_is_refused() -> None:
    document = replace(sample_release().document(), gate_outcome="unknown")
    assert broken(sample_release(), document=document) is BrokenLink.GATE


def test_a_chain_of_a_thousand_stages_needs_no_recursion() -> None:
    sample = sample_release()
    below = sample.statements["provenance-compile"]
    statements = dict(sample.statements)
    for number in range(1000):
        tree = Digest.of(str(number).encode())
        provenance = provenance_from_plain(below.predicate)
        previous = below.subjects[0]
        stage = previous.name.removeprefix("tree:")
        below = Statement(
            subjects=(Subject(name=f"tree:step{number}", digest=tree),),
            predicate_type=SLSA_PROVENANCE,
            predicate=provenance_to_plain(
                replace(
                    provenance,
                    external_parameters={
                        **provenance.external_parameters,
                        "stage": f"step{number}",
                    },
                    resolved_dependencies=(
                        ResourceDescriptor(name=stage, uri=tree_uri(stage), sha256=previous.digest),
                    ),
                )
            ),
        )
        statements[f"provenance-step{number}"] = below
    last = ResourceDescriptor(
        name="step999", uri=tree_uri("step999"), sha256=below.subjects[0].digest
    )
    long = altered(
        replace(sample, statements=statements),
        f"provenance-{TARBALL}",
        lambda it: replace(it, resolved_dependencies=(last,)),
    )
    policy = replace(long.policy(), predicates=(SLSA_PROVENANCE, GATE_VERDICT))
    assert len(walk(long, policy=policy).links) > 1000
    assert REPRODUCTION not in policy.predicates


def test_the_file_of_attestations_is_the_one_that_the_release_names() -> None:
    sample = sample_release()
    data = sample.attestations
    assert parse_attestations(data, expected=Digest.of(data)) == sample.bundles
    with pytest.raises(ChainError, match="attestations have digest"):
        parse_attestations(data + b"\n", expected=Digest.of(data))
    for other in (data[:-1], data + b"\n", b"", b"\n"):
        with pytest.raises(IntegrityError):
            parse_attestations(other, expected=Digest.of(other))


def test_a_broken_link_is_still_named_after_the_journal_kept_it() -> None:
    with pytest.raises(ChainError) as caught:
        walk(sample_release().without("gate"))
    again = error_from_details(caught.value.details())
    assert isinstance(again, IntegrityError)
    assert str(BrokenLink.GATE) in str(again)


SAMPLE = sample_release()
LINES = SAMPLE.lines
# Everything on the road to the tarball; the other package's statements are not.
NEEDED = [place for place, name in enumerate(SAMPLE.statements) if DEB not in name]


def judge(lines: list[bytes]) -> ChainReport:
    return verify_chain(
        name=TARBALL,
        digest=SAMPLE.digest(TARBALL),
        release=SAMPLE.document(),
        policy=SAMPLE.policy(),
        bundles=[parse_bundle(line) for line in lines],
    )


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_flipped_byte_of_any_bundle_is_refused(data: st.DataObject) -> None:
    which = data.draw(st.integers(0, len(LINES) - 1))
    line = bytearray(LINES[which])
    where = data.draw(st.integers(0, len(line) - 1))
    line[where] ^= data.draw(st.integers(1, 255))
    with pytest.raises(IntegrityError):
        judge([*LINES[:which], bytes(line), *LINES[which + 1 :]])


@settings(deadline=None, max_examples=60)
@given(st.sets(st.sampled_from(NEEDED), min_size=1))
def test_any_removed_bundle_is_missed(removed: set[int]) -> None:
    with pytest.raises(ChainError):
        judge([line for place, line in enumerate(LINES) if place not in removed])


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(NEEDED), st.sampled_from(["1.8.1", "1.8.3"]))
def test_any_intermediate_swapped_for_another_version_is_refused(place: int, version: str) -> None:
    other = sample_release(version=version).lines[place]
    with pytest.raises(ChainError):
        judge([*LINES[:place], other, *LINES[place + 1 :]])


@settings(deadline=None, max_examples=60)
@given(st.permutations(range(len(LINES))), st.sets(st.integers(0, len(LINES) - 1)))
def test_order_and_repetition_change_nothing(order: list[int], again: set[int]) -> None:
    lines = [LINES[place] for place in [*order, *sorted(again)]]
    assert judge(lines) == judge(list(LINES))
