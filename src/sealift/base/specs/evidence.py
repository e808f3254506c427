"""Signed statements that hold, indexed by what they speak of.

Nothing enters whose signature is not by a key that the chain policy names for the builder, so that
whoever reads from here need not ask again. One bad bundle refuses the whole set: a release's
attestations are one file, and a damaged file is not half good.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sealift.base.specs.bundle import Bundle, parse_bundle
from sealift.base.specs.signatures import key_id_of, verify_signature
from sealift.base.specs.statement import Statement, Subject
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import BUNDLES_PER_RELEASE_MAX
from sealift.core.published import ChainPolicy, TrustedKey
from sealift.core.signing import KeyRole


class BrokenLink(StrEnum):
    """Which kind of link of a chain does not hold."""

    BYTES = "bytes"
    POLICY = "policy"
    SIGNATURE = "signature"
    SIGNER = "unknown signer"
    STATEMENT = "unreadable statement"
    PROVENANCE = "missing provenance"
    BUILDER = "wrong builder"
    PRODUCT = "wrong product"
    SOURCE = "source mismatch"
    REPRODUCTION = "not reproduced"
    TESTS = "tests missing"
    SBOM = "bill of materials missing"
    GATE = "gate not passed"
    CYCLE = "cycle"
    LENGTH = "too long"


@dataclass(eq=False, kw_only=True)
class ChainError(IntegrityError):
    """A chain that does not hold; `link` says which kind of link is broken."""

    link: BrokenLink

    def __post_init__(self) -> None:
        """Name the link in the message too: `details` keeps text only."""
        self.where = self.where or f"chain, {self.link}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Verified statements by predicate type and subject. Build one with `collect_evidence`."""

    statements: tuple[Statement, ...]
    index: dict[tuple[str, Subject], tuple[Statement, ...]]
    names: dict[tuple[str, Digest], tuple[str, ...]]
    subjects: dict[tuple[str, str], tuple[Subject, ...]]

    def about(self, predicate_type: str, subject: Subject) -> tuple[Statement, ...]:
        """Return all statements of a type that name exactly this subject, in file order."""
        return self.index.get((predicate_type, subject), ())

    def names_of(self, predicate_type: str, digest: Digest) -> tuple[str, ...]:
        """Return the names under which statements of a type speak of these bytes, sorted."""
        return self.names.get((predicate_type, digest), ())

    def subjects_named(self, predicate_type: str, name: str) -> tuple[Subject, ...]:
        """Return the subjects of a name that statements of a type speak of, in file order."""
        return self.subjects.get((predicate_type, name), ())


def parse_attestations(data: bytes, *, expected: Digest) -> tuple[Bundle, ...]:
    """Read `attestations.jsonl`, one bundle a line; raise IntegrityError if it is not the one.

    `expected` is the digest that `release.json` names.
    """
    found = Digest.of(data)
    if found != expected:
        raise ChainError(
            link=BrokenLink.BYTES, fact=f"attestations have digest {found}", expected=str(expected)
        )
    lines = data.count(b"\n")
    if not data.endswith(b"\n") or lines > BUNDLES_PER_RELEASE_MAX:
        raise ChainError(
            link=BrokenLink.STATEMENT,
            fact=f"attestations have {lines} whole lines",
            expected=f"1 to {BUNDLES_PER_RELEASE_MAX}, each ended by a newline",
        )
    return tuple(parse_bundle(line) for line in data[:-1].split(b"\n"))


def collect_evidence(bundles: Sequence[Bundle], policy: ChainPolicy) -> Evidence:
    """Verify every bundle's signature and index its statement; raise ChainError at the first bad.

    Bundles that are repeated byte for byte count once.
    """
    if len(bundles) > BUNDLES_PER_RELEASE_MAX:
        raise ChainError(
            link=BrokenLink.LENGTH,
            fact=f"release has {len(bundles)} attestations",
            expected=f"at most {BUNDLES_PER_RELEASE_MAX}",
        )
    keys = _builder_keys(policy)
    distinct = dict.fromkeys(bundles)
    return _index(_verified_statement(bundle, keys) for bundle in distinct)


def _builder_keys(policy: ChainPolicy) -> dict[str, TrustedKey]:
    keys: dict[str, TrustedKey] = {}
    for key in policy.keys:
        if key.role is not KeyRole.BUILDER:
            continue
        if key_id_of(key.pem) != key.key_id or key.key_id in keys:
            raise ChainError(
                link=BrokenLink.POLICY,
                fact=f"policy names key `{key.key_id[:80]}` twice or with another key's id",
                expected="each key once, under the sha256 of its public key",
            )
        keys[key.key_id] = key
    return keys


def _verified_statement(bundle: Bundle, keys: dict[str, TrustedKey]) -> Statement:
    key = keys.get(bundle.key_id)
    if key is None:
        raise ChainError(
            link=BrokenLink.SIGNER,
            fact=f"attestation is signed by key `{bundle.key_id[:80]}`",
            expected=f"one of {len(keys)} builder keys of the policy",
        )
    try:
        verify_signature(
            key_pem=key.pem,
            scheme=key.scheme,
            payload=bundle.signed_bytes,
            signature=bundle.signature,
        )
    except IntegrityError as error:
        raise ChainError(
            link=BrokenLink.SIGNATURE, fact=f"attestation's {error.fact}", expected=error.expected
        ) from error
    try:
        return bundle.statement()
    except IntegrityError as error:
        raise ChainError(
            link=BrokenLink.STATEMENT, fact=error.fact, expected=error.expected
        ) from error


def _index(statements: Iterable[Statement]) -> Evidence:
    kept = tuple(statements)
    index: dict[tuple[str, Subject], list[Statement]] = {}
    names: dict[tuple[str, Digest], set[str]] = {}
    subjects: dict[tuple[str, str], dict[Subject, None]] = {}
    for statement in kept:
        for subject in statement.subjects:
            index.setdefault((statement.predicate_type, subject), []).append(statement)
            names.setdefault((statement.predicate_type, subject.digest), set()).add(subject.name)
            subjects.setdefault((statement.predicate_type, subject.name), {})[subject] = None
    return Evidence(
        statements=kept,
        index={key: tuple(value) for key, value in index.items()},
        names={key: tuple(sorted(value)) for key, value in names.items()},
        subjects={key: tuple(value) for key, value in subjects.items()},
    )
