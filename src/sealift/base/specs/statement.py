"""in-toto Statement v1: who (subjects by digest) and what is said of them (a predicate).

A statement is unsigned; `bundle.py` carries it signed. Unknown fields are ignored, as the
specification asks of consumers; missing or mistyped ones are refused. Subjects must have a sha256.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sealift.base.specs.canonical import canonical_json
from sealift.base.specs.fields import as_object, take_list, take_object, take_text
from sealift.base.specs.predicates import STATEMENT_TYPE
from sealift.base.specs.strictjson import parse_json
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import JSON_DOCUMENT_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a statement speaks of. The digest decides; the name tells equal digests apart."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Subjects, the predicate's type, and the predicate as plain JSON."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Json]


def encode_statement(statement: Statement) -> bytes:
    """Return the canonical JSON of `statement`; raise IntegrityError if it has no subject."""
    _check_subjects(statement.subjects)
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [
                {"name": subject.name, "digest": {"sha256": subject.digest.hex}}
                for subject in statement.subjects
            ],
            "predicateType": statement.predicate_type,
            "predicate": dict(statement.predicate),
        }
    )


def parse_statement(data: bytes) -> Statement:
    """Read a statement strictly; raise IntegrityError for another type or a subject in doubt."""
    what = "in-toto statement"
    fields = as_object(parse_json(data, size_bytes_max=JSON_DOCUMENT_BYTES_MAX), what)
    kind = take_text(fields, "_type", what)
    if kind != STATEMENT_TYPE:
        raise IntegrityError(
            fact=f"in-toto statement has the type `{kind[:120]}`", expected=STATEMENT_TYPE
        )
    subjects = tuple(_subject(item) for item in take_list(fields, "subject", what))
    _check_subjects(subjects)
    return Statement(
        subjects=subjects,
        predicate_type=take_text(fields, "predicateType", what),
        predicate=take_object(fields, "predicate", what),
    )


def _subject(value: Json) -> Subject:
    what = "subject of the in-toto statement"
    fields = as_object(value, what)
    digests = take_object(fields, "digest", what)
    return Subject(
        name=take_text(fields, "name", what), digest=Digest(take_text(digests, "sha256", what))
    )


def _check_subjects(subjects: tuple[Subject, ...]) -> None:
    if not subjects:
        raise IntegrityError(fact="in-toto statement has no subject", expected="at least one")
    if len({(subject.name, subject.digest) for subject in subjects}) != len(subjects):
        raise IntegrityError(fact="in-toto statement names a subject twice", expected="each once")
