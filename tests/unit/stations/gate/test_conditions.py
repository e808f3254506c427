import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sealift.core.artifact import Artifact, ArtifactKind
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError
from sealift.core.limits import CONDITION_BYTES_MAX
from sealift.core.platform import Platform
from sealift.core.release import Condition, ProjectFacts
from sealift.core.verdict import Verdict
from sealift.stations.gate.conditions import check_conditions, judge_condition


def artifact(name: str, *, size_bytes: int = 100, kind: ArtifactKind = "deb") -> Artifact:
    return Artifact(
        name=name,
        kind=kind,
        package=kind,
        platform=Platform("linux/amd64"),
        file=Descriptor(digest=Digest.of(name.encode()), size_bytes=size_bytes),
        stage="compile",
        tree=Digest.of(b"tree"),
        path=name,
        action=Digest.of(b"action"),
    )


def judged(expression: str, *artifacts: Artifact, version: str = "2.0") -> Verdict:
    project = ProjectFacts(
        name="lamp", version=version, licence="", description="", homepage="", maintainer=""
    )
    condition = Condition(name="c", expression=expression)
    return judge_condition(condition, project=project, artifacts=artifacts)


def checked(expression: str) -> None:
    check_conditions([Condition(name="small", expression=expression)])


def test_a_condition_must_hold_for_every_artifact() -> None:
    small, large = artifact("a"), artifact("b", size_bytes=9_000)
    assert judged("artifact.size_bytes < 5000", small).outcome == "pass"
    refused = judged("artifact.size_bytes < 5000", small, large)
    assert (refused.outcome, refused.reason) == ("fail", "b: is false")


def test_a_condition_about_artifacts_without_any_is_unknown() -> None:
    assert judged("artifact.size_bytes < 5000").outcome == "unknown"
    assert judged("release.version == '2.0'").outcome == "pass"


def test_an_artifact_that_is_only_quoted_is_not_asked() -> None:
    assert judged("release.project != 'artifact'").outcome == "pass"


@pytest.mark.parametrize(
    "expression",
    [
        "artifact.name == 'a' && artifact.kind == 'deb' && artifact.platform == 'linux/amd64'",
        "artifact.kind in ['deb', 'tar']",
        "release.project == 'lamp' && !release.prerelease",
        "artifact.name.matches('^a$') || artifact.kind != 'deb'",
        "[1, 2].all(number, number < artifact.size_bytes)",
        "!has(artifact.signature)",
    ],
)
def test_every_documented_fact_can_be_asked(expression: str) -> None:
    checked(expression)
    assert judged(expression, artifact("a")).outcome == "pass"


def test_a_prerelease_is_one_for_conditions_too() -> None:
    assert judged("release.prerelease", version="2.0rc1").outcome == "pass"
    assert judged("release.prerelease", version="2.0").outcome == "fail"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("artifact.size < 5", "there is no field 'size'"),
        ("artifact.size_bytes < '5'", "No such overload"),
        ("artifact.size_bytes / 0 == 1", "division by zero"),
        ("artifact.name.matches('(')", "not a valid regex"),
        ("advisories.count == 0", "Undefined variable"),
    ],
)
def test_what_cannot_be_evaluated_is_unknown_with_its_reason(expression: str, words: str) -> None:
    verdict = judged(expression, artifact("a"))
    assert verdict.outcome == "unknown"
    assert words in verdict.reason


def test_one_false_weighs_more_than_one_unknown() -> None:
    expression = "artifact.kind == 'tar' ? artifact.nothing == 1 : artifact.size_bytes < 1"
    both = judged(expression, artifact("a"), artifact("b", kind="tar"))
    assert (both.outcome, both.reason) == ("fail", "a: is false")


def test_a_value_that_is_not_true_or_false_fails() -> None:
    verdict = judged("artifact.size_bytes", artifact("a"))
    assert verdict.outcome == "fail"
    assert "a whole number, not true or false" in verdict.reason


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("artifact.size_bytes <", "line 1, column 22"),
        ("", "line 1, column 1"),
        ("artifact.kind", "its value is text"),
        ("1 + 1", "its value is a whole number"),
        ("advisories.count == 0", "it asks for `advisories`"),
        ("(" * 300 + "true" + ")" * 300, "line 1"),
        ("true && " * 200 + "true", "bytes"),
        ("[1].map(x, [1].map(y, [1].map(z, z))) == []", "3 loops"),
    ],
)
def test_what_can_be_told_early_is_refused_at_plan_time(expression: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked(expression)
    assert words in refused.value.fact
    assert refused.value.where == "gate.conditions.small"
    assert refused.value.hint


def test_a_missing_field_is_left_to_the_gate_since_it_may_be_guarded() -> None:
    checked("artifact.missing == 1")


def test_the_costliest_condition_that_is_allowed_ends_quickly() -> None:
    row = "[" + ",".join("1" * 230) + "]"
    expression = f"{row}.all(x, {row}.all(y, x + y < 3 && artifact.size_bytes > x))"
    assert len(expression) <= CONDITION_BYTES_MAX
    started = time.process_time()
    assert judged(expression, artifact("a")).outcome == "pass"
    assert time.process_time() - started < 5


WORDS = (
    "artifact release .name .size_bytes .version nope 'x' 1 1.5 2u true null [ ] ( ) { } , : ? == <"
    " + - / % && || ! in .matches( .map(x, has( size( int( timestamp( ."
)
leaves = st.sampled_from(WORDS.split())


@given(st.lists(leaves, max_size=12).map(" ".join) | st.text(max_size=40))
@example("-9223372036854775808 / -1 == 1")
@example("timestamp('9999-12-31T23:59:59Z') + duration('1000h') == 1")
@example("\0")
@example("\ud800")
def test_whatever_is_written_is_judged_or_refused_in_words(expression: str) -> None:
    try:
        verdict = judged(expression, artifact("a"))
    except ConfigError as error:
        assert error.fact  # noqa: PT017 - both ways out are fine, a third is not
        return
    assert verdict.outcome in {"pass", "fail", "unknown"}
    assert verdict.reason
    try:
        checked(expression)
    except ConfigError as error:
        assert error.fact  # noqa: PT017 - as above
