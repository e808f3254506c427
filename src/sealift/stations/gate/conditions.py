"""The manifest's own conditions: CEL over a few documented facts.

`artifact.name`, `.kind`, `.platform` (texts), `.size_bytes` (int); `release.project`, `.version`
(texts), `.prerelease` (true or false). A condition that mentions `artifact` must hold for each one.
A missing field or any error is `unknown`, a value that is not true or false is `fail`.

CEL always ends, yet a loop in a loop in a loop can take hours: an expression has at most
CONDITION_BYTES_MAX bytes and CONDITION_LOOPS_MAX loops, which bounds its work to well under a
second. Regular expressions run in linear time.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from sealift.core.artifact import Artifact
from sealift.core.errors import ConfigError
from sealift.core.limits import CONDITION_BYTES_MAX, CONDITION_LOOPS_MAX
from sealift.core.release import Condition, ProjectFacts
from sealift.core.verdict import Verdict, combine
from sealift.core.version import Version
from sealift.stations.gate.model import CONDITION_PREFIX, Judgement

if TYPE_CHECKING:
    import cel

Fact: TypeAlias = str | int | bool
Facts: TypeAlias = Mapping[str, Mapping[str, Fact]]

ARTIFACT: Final = "artifact"
RELEASE: Final = "release"

_LOOP: Final = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(?P<name>\w+)\s*,")
_LOOP_WORD: Final = re.compile(r"\b(?:all|exists|exists_one|map|filter)\b")
_SAMPLE: Final[Facts] = {
    ARTIFACT: {
        "name": "name-1.0.tar.gz",
        "kind": "tar",
        "platform": "linux/amd64",
        "size_bytes": 1,
    },
    RELEASE: {"project": "name", "version": "1.0", "prerelease": False},
}
_REASON_LENGTH_MAX: Final = 160


def check_conditions(conditions: Iterable[Condition]) -> None:
    """Refuse what can be told before any work is done; raise ConfigError naming the condition.

    Syntax, size, unknown facts, and a value that is not true or false for a typical artifact.
    """
    for condition in conditions:
        program = _compile(condition)
        bound = {match["name"] for match in _LOOP.finditer(condition.expression)}
        foreign = sorted(set(program.variables()) - {ARTIFACT, RELEASE} - bound)
        if foreign:
            raise _refused(condition, f"it asks for `{foreign[0]}`", f"`{ARTIFACT}`, `{RELEASE}`")
        outcome, value = _run(program, _SAMPLE)
        if outcome and not isinstance(value, bool):
            raise _refused(condition, f"its value is {_kind(value)}", "true or false")


def artifact_facts(artifact: Artifact) -> Mapping[str, Fact]:
    """Return what a condition may ask of an artifact."""
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "platform": str(artifact.platform),
        "size_bytes": artifact.file.size_bytes,
    }


def release_facts(project: ProjectFacts) -> Mapping[str, Fact]:
    """Return what a condition may ask of the release."""
    return {
        "project": project.name,
        "version": project.version,
        "prerelease": Version(project.version).is_prerelease,
    }


def judge_condition(
    condition: Condition, *, project: ProjectFacts, artifacts: Iterable[Artifact]
) -> Verdict:
    """Judge one condition; the verdict is named `condition.<name>`. Raises as the check does."""
    program = _compile(condition)
    release = release_facts(project)
    if ARTIFACT in program.variables():
        ordered = sorted(artifacts, key=lambda one: one.name)
        judgements = [
            (
                one.name,
                _judge(program, {ARTIFACT: artifact_facts(one), RELEASE: release}),
            )
            for one in ordered
        ]
    else:
        judgements = [("", _judge(program, {RELEASE: release}))]
    outcome = combine(judgement.outcome for _, judgement in judgements)
    return Verdict(
        criterion=f"{CONDITION_PREFIX}{condition.name}",
        title=condition.expression,
        outcome=outcome,
        reason=_reason(judgements, outcome),
    )


def _reason(judgements: list[tuple[str, Judgement]], outcome: str) -> str:
    if not judgements:
        return "there is no artifact to judge"
    shown = [
        f"{name}: {judgement.reason}" if name else judgement.reason
        for name, judgement in judgements
        if judgement.outcome == outcome
    ]
    if outcome == "pass":
        names = [name for name, _ in judgements if name]
        return f"holds for {len(names)} artifacts" if names else "holds"
    return "; ".join(shown)


def _judge(program: "cel.Program", facts: Facts) -> Judgement:
    ended, value = _run(program, facts)
    if not ended:
        return Judgement(outcome="unknown", reason=str(value))
    if not isinstance(value, bool):
        return Judgement(outcome="fail", reason=f"its value is {_kind(value)}, not true or false")
    return Judgement(outcome="pass" if value else "fail", reason="holds" if value else "is false")


def _run(program: "cel.Program", facts: Facts) -> tuple[bool, object]:
    """Return (True, value), or (False, reason in words) when the evaluation could not end."""
    try:
        return True, program.execute({name: dict(values) for name, values in facts.items()})
    except KeyError as error:
        return False, f"there is no field {error}"
    except (RuntimeError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        return False, _first_line(error)


def _compile(condition: Condition) -> "cel.Program":
    import cel  # noqa: PLC0415 - 190 ms (it brings a shell along) that most plans do without

    expression = condition.expression
    size_bytes = len(expression.encode(errors="replace"))
    if size_bytes > CONDITION_BYTES_MAX:
        raise _refused(
            condition, f"it has {size_bytes} bytes", f"at most {CONDITION_BYTES_MAX} bytes"
        )
    loops = len(_LOOP_WORD.findall(expression))
    if loops > CONDITION_LOOPS_MAX:
        raise _refused(condition, f"it has {loops} loops", f"at most {CONDITION_LOOPS_MAX}")
    try:
        return cel.compile(expression)
    except ValueError as error:
        raise _refused(condition, _syntax(error), "a CEL expression") from error


def _refused(condition: Condition, fact: str, expected: str) -> ConfigError:
    return ConfigError(
        fact=f"condition `{condition.name}` cannot be used: {fact}",
        expected=expected,
        hint="sealift plan",
        where=f"gate.conditions.{condition.name}",
    )


def _syntax(error: ValueError) -> str:
    """Return the parser's first complaint with its line and column."""
    match = re.search(r"<input>:(\d+):(\d+): (.*)", str(error))
    if not match:
        return _first_line(error)
    # The parser's own state is of no use to whoever wrote the expression.
    complaint = match[3].partition(" expecting ")[0].partition("OtherError")[0] or "syntax error"
    return f"line {match[1]}, column {match[2]}: {complaint}"[:_REASON_LENGTH_MAX]


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__)[:_REASON_LENGTH_MAX]


def _kind(value: object) -> str:
    names = {"str": "text", "int": "a whole number", "float": "a number", "NoneType": "null"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")
