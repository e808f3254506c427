from dataclasses import replace

import pytest

from sealift.base.specs.chain import verify_chain
from sealift.base.specs.evidence import BrokenLink, ChainError
from sealift.base.specs.recipes import DOCUMENT_FIELD, action_of_provenance, check_action_document
from sealift.base.specs.slsa import Provenance, provenance_from_plain, provenance_to_plain
from sealift.core.action import Action, ActionInput
from sealift.core.codec import Json, to_json, to_plain
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.platform import ANY
from sealift.testing.chains import SampleRelease, sample_release

TARBALL = "jq-1.8.2-linux-amd64.tar.gz"
COMPILE = Action(
    kind="build",
    stage="compile",
    command=("make",),
    inputs=(ActionInput(name="source", tree=Digest.of(b"source")),),
    outputs=(("tree", "usr/**"),),
    environment=(("TZ", "UTC"),),
    toolchain="host",
    toolchain_fingerprint=Digest.of(b"host"),
    platform=ANY,
    timeout_s=60,
    memory_bytes=2**30,
)


def documented(
    document: Json, *, digest: str = str(COMPILE.digest), sample: SampleRelease | None = None
) -> SampleRelease:
    """Put an action document into the provenance of `compile`, and its digest where it counts."""
    release = sample or sample_release()
    statements = dict(release.statements)
    made = statements["provenance-compile"]
    provenance = provenance_from_plain(made.predicate)
    provenance = replace(
        provenance, internal_parameters={"action": digest, DOCUMENT_FIELD: document}
    )
    statements["provenance-compile"] = replace(made, predicate=provenance_to_plain(provenance))
    again = statements["reproduction-compile"]
    statements["reproduction-compile"] = replace(
        again, predicate={**again.predicate, "action": digest}
    )
    return replace(release, statements=statements)


def compiled(sample: SampleRelease) -> Provenance:
    return provenance_from_plain(sample.statements["provenance-compile"].predicate)


def walk(sample: SampleRelease) -> None:
    verify_chain(
        name=TARBALL,
        digest=sample.digest(TARBALL),
        release=sample.document(),
        policy=sample.policy(),
        bundles=sample.bundles,
    )


def test_published_action_comes_back_whole_and_the_chain_holds() -> None:
    sample = documented(to_plain(COMPILE))
    walk(sample)
    assert action_of_provenance(compiled(sample)) == COMPILE


def test_provenance_without_a_document_holds_but_names_no_action_to_run() -> None:
    sample = sample_release()
    walk(sample)
    assert action_of_provenance(compiled(sample)) is None


@pytest.mark.parametrize(
    "document",
    [
        {**to_plain(COMPILE), "environment": [["TZ", "CET"]]},
        {**to_plain(COMPILE), "memory_bytes": 1},
        {},
        "compile",
    ],
)
def test_document_of_another_action_breaks_the_chain(document: Json) -> None:
    with pytest.raises(ChainError) as caught:
        walk(documented(document))
    assert caught.value.link is BrokenLink.STATEMENT


@pytest.mark.parametrize(
    ("field", "value"), [("stage", "other"), ("kind", "test"), ("command", ["sh"])]
)
def test_document_that_says_another_thing_than_the_provenance_is_refused(
    field: str, value: Json
) -> None:
    document = {**to_plain(COMPILE), field: value}
    sample = documented(document, digest=str(Digest.of(to_json(document))))
    with pytest.raises(IntegrityError, match=f"another {field}"):
        check_action_document(compiled(sample))


def test_field_of_a_later_version_holds_in_the_chain_but_is_never_run_without_it() -> None:
    document = {**to_plain(COMPILE), "gpu": True}
    sample = documented(document, digest=str(Digest.of(to_json(document))))
    walk(sample)
    with pytest.raises(IntegrityError, match="does not know"):
        action_of_provenance(compiled(sample))
