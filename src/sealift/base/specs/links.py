"""The links of a chain, and the statements about the file itself that a policy demands.

Each reader takes every statement of its type about the file: one that says no is not outvoted by
others that say yes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sealift.base.specs.evidence import BrokenLink, ChainError
from sealift.base.specs.fields import as_object, take_list, take_object, take_text
from sealift.base.specs.predicates import CYCLONEDX_BOM, GATE_VERDICT, TEST_RESULT
from sealift.base.specs.statement import Statement, Subject
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError

LinkKind = Literal["file", "gate", "test", "sbom", "provenance", "reproduction", "source", "commit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link that holds. `title` and `detail` are for people; `subject` is what it binds."""

    kind: LinkKind
    title: str
    subject: Digest
    detail: str


def _test_link(statements: Sequence[Statement], artifact: Subject) -> Link:
    results = [statement.predicate.get("result") for statement in statements]
    if not results or any(result != "PASSED" for result in results):
        raise ChainError(
            link=BrokenLink.TESTS,
            fact=f"test results for `{artifact.name}` are {words(results)}",
            expected="at least one, and all PASSED",
        )
    return Link(
        kind="test",
        title="tests passed",
        subject=artifact.digest,
        detail=f"{count_of(len(results), 'signed test result')}, all PASSED",
    )


def tested_by(result: Statement) -> tuple[tuple[str, Digest], ...]:
    """Return stage and action of every test run behind a test result; there must be some."""
    what = "test result"
    try:
        found = tuple(
            _configuration(as_object(item, what), what)
            for item in take_list(dict(result.predicate), "configuration", what)
        )
    except IntegrityError as error:
        raise ChainError(link=BrokenLink.TESTS, fact=error.fact, expected=error.expected) from error
    if not found:
        raise ChainError(
            link=BrokenLink.TESTS, fact="test result names no test action", expected="at least one"
        )
    return found


def _configuration(fields: dict[str, Json], what: str) -> tuple[str, Digest]:
    digests = take_object(fields, "digest", what)
    return take_text(fields, "name", what), Digest(take_text(digests, "sha256", what))


def _sbom_link(statements: Sequence[Statement], artifact: Subject) -> Link:
    counts = [_component_count(statement) for statement in statements]
    if not counts:
        raise ChainError(
            link=BrokenLink.SBOM,
            fact=f"no bill of materials for `{artifact.name}`",
            expected="a signed CycloneDX statement",
        )
    return Link(
        kind="sbom",
        title="bill of materials",
        subject=artifact.digest,
        detail=f"CycloneDX, {count_of(sum(counts), 'component')}",
    )


def _component_count(statement: Statement) -> int:
    components = statement.predicate.get("components", [])
    if statement.predicate.get("bomFormat") != "CycloneDX" or not isinstance(components, list):
        raise ChainError(
            link=BrokenLink.SBOM,
            fact="bill of materials is no CycloneDX document",
            expected="bomFormat CycloneDX with a list of components",
        )
    return len(components)


def _gate_link(statements: Sequence[Statement], artifact: Subject) -> Link:
    outcomes = [statement.predicate.get("outcome") for statement in statements]
    if not outcomes or any(outcome != "pass" for outcome in outcomes):
        raise ChainError(
            link=BrokenLink.GATE,
            fact=f"gate verdicts for `{artifact.name}` are {words(outcomes)}",
            expected="at least one, and all pass",
        )
    policy = statements[0].predicate.get("policy", "")
    return Link(
        kind="gate",
        title="gate passed",
        subject=artifact.digest,
        detail=f"policy {policy}" if isinstance(policy, str) and policy else "signed verdict",
    )


DEMANDS: Final[Mapping[str, Callable[[Sequence[Statement], Subject], Link]]] = {
    GATE_VERDICT: _gate_link,
    TEST_RESULT: _test_link,
    CYCLONEDX_BOM: _sbom_link,
}


def words(values: Sequence[Json]) -> str:
    """List values for an error's words; `missing` if there are none."""
    return ", ".join(str(value)[:80] for value in values) if values else "missing"


def count_of(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
