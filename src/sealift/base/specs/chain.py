"""The one verifier of chains: from a file back to the commit, link by link, pure.

A file holds if `release.json` lists its bytes, if the builder's signed provenance says which action
made it, and from what, down to the one source action whose commit `release.json` names, and if the
statements that the policy demands (reproduced, tested, bill of materials, gate passed) are there.
Gate, mirrors and client call this; docs/formats.md, "Chain", has the rules in words.

What is not asked here: whether policy and release document are authentic (TUF), and fresh.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sealift.base.specs.bundle import Bundle
from sealift.base.specs.evidence import BrokenLink, ChainError, Evidence, collect_evidence
from sealift.base.specs.links import DEMANDS, Link, LinkKind, count_of, tested_by, words
from sealift.base.specs.predicates import (
    BUILD_TYPE,
    CYCLONEDX_BOM,
    GATE_VERDICT,
    REPRODUCTION,
    SLSA_PROVENANCE,
    TEST_RESULT,
)
from sealift.base.specs.recipes import check_action_document
from sealift.base.specs.slsa import Provenance, provenance_from_plain, tree_subject
from sealift.base.specs.statement import Statement, Subject
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import CHAIN_LINKS_MAX
from sealift.core.published import ChainPolicy, ReleaseDocument

__all__ = ["ChainReport", "Link", "LinkKind", "verify_chain"]

PREDICATES_KNOWN: Final = (
    SLSA_PROVENANCE,
    REPRODUCTION,
    TEST_RESULT,
    CYCLONEDX_BOM,
    GATE_VERDICT,
)
_KINDS: Final = ("source", "fetch", "select", "build", "test", "package")
_KINDS_REPRODUCED: Final = ("build", "package")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """All links in walking order, from the file to the commit."""

    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Making:
    """A provenance that was read: one action of the release and the tree it left."""

    provenance: Provenance
    stage: str
    kind: str
    action: str
    tree: Subject


def verify_chain(
    *,
    name: str,
    digest: Digest,
    release: ReleaseDocument,
    policy: ChainPolicy,
    bundles: Sequence[Bundle],
) -> ChainReport:
    """Walk from the file `name` with `digest` to the commit; return the links that hold.

    `digest` is of the bytes at hand. Only what `policy.predicates` lists is demanded, except for
    provenance, which always is. Raises ChainError at the first link that does not hold.
    """
    _check_policy(policy, release)
    artifact = _listed(name, digest, release)
    evidence = collect_evidence(bundles, policy)
    walk = _Walk(release=release, policy=policy, evidence=evidence)
    file = Link(
        kind="file",
        title=name,
        subject=digest,
        detail=f"listed by the release managers in {release.project} {release.version}",
    )
    demanded = [
        reader(evidence.about(predicate, artifact), artifact)
        for predicate, reader in DEMANDS.items()
        if predicate in policy.predicates
    ]
    if GATE_VERDICT in policy.predicates:
        _check_gate(release, evidence.about(GATE_VERDICT, artifact))
    return ChainReport(links=(file, *demanded, *walk.links(artifact)))


def _check_policy(policy: ChainPolicy, release: ReleaseDocument) -> None:
    if policy.project != release.project:
        raise ChainError(
            link=BrokenLink.PRODUCT,
            fact=f"release is of project `{release.project}`",
            expected=f"`{policy.project}`, whose policy this is",
        )
    unknown = [item for item in policy.predicates if item not in PREDICATES_KNOWN]
    if unknown:
        # What we cannot assess is unknown, and unknown blocks.
        raise ChainError(
            link=BrokenLink.POLICY,
            fact=f"policy demands `{unknown[0][:120]}`, which this version cannot check",
            expected="a predicate that it knows",
            hint="update Sealift",
        )


def _check_gate(release: ReleaseDocument, verdicts: Sequence[Statement]) -> None:
    """Refuse a verdict on another release: the same file may well occur in both."""
    if release.gate_outcome != "pass":
        raise ChainError(
            link=BrokenLink.GATE,
            fact=f"release document says the gate's outcome is {release.gate_outcome}",
            expected="pass",
        )
    for verdict in verdicts:
        judged = [verdict.predicate.get(key) for key in ("project", "version")]
        if judged != [release.project, release.version]:
            raise ChainError(
                link=BrokenLink.GATE,
                fact=f"gate judged {words(judged)}",
                expected=f"{release.project}, {release.version}",
            )


def _listed(name: str, digest: Digest, release: ReleaseDocument) -> Subject:
    """Return the file as a subject if the release document lists it, by name and bytes."""
    listed = {artifact.name: artifact.sha256 for artifact in release.artifacts}
    if len(listed) != len(release.artifacts) or name not in listed:
        raise ChainError(
            link=BrokenLink.PRODUCT,
            fact=f"{release.project} {release.version} does not list `{name[:120]}` once",
            expected=", ".join(sorted(listed)) or "a file",
        )
    if listed[name] != digest.hex:
        raise ChainError(
            link=BrokenLink.BYTES,
            fact=f"`{name}` has digest {digest}",
            expected=f"sha256:{listed[name]}",
        )
    return Subject(name=name, digest=digest)


# --- the walk from the file to the commit -------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """Follow provenance by digest; `release`, `policy` and `evidence` do not change on the way."""

    release: ReleaseDocument
    policy: ChainPolicy
    evidence: Evidence

    def links(self, artifact: Subject) -> Iterator[Link]:
        """Yield the links below the file; raise ChainError where one does not hold."""
        read: dict[int, _Making] = {}
        makings = self._in_order(self._makers(artifact, read), read)
        if not any(making.kind == "source" for making in makings):
            raise ChainError(
                link=BrokenLink.SOURCE,
                fact=f"no path leads from `{artifact.name}` to the source",
                expected=f"commit {self.release.commit}",
            )
        for tester in self._testers(artifact, read):
            behind = self._in_order([tester], read)
            if not any(making.kind == "source" for making in behind):
                raise ChainError(
                    link=BrokenLink.TESTS,
                    fact=f"test `{tester.stage}` read nothing that comes from the source",
                    expected=f"a path to commit {self.release.commit}",
                )
            makings = list(dict.fromkeys((*makings, *behind)))
        # Source last: it depends on no tree, so the order stays one from products to inputs.
        for making in sorted(makings, key=lambda making: making.kind == "source"):
            yield self._provenance_link(making)
            if making.kind in _KINDS_REPRODUCED and REPRODUCTION in self.policy.predicates:
                yield self._reproduction_link(making)
        yield Link(
            kind="commit",
            title=f"commit {self.release.commit}",
            subject=self.release.source_tree,
            detail=f"tag {self.release.tag}" if self.release.tag else "no tag",
        )

    def _in_order(self, start: list[_Making], read: dict[int, _Making]) -> list[_Making]:
        """Return every making on the way, products before inputs (depth first, no recursion)."""
        finished: list[_Making] = []
        done: set[int] = set()
        stack = [iter(start)]
        path: list[_Making] = []
        on_path: set[int] = set()
        while stack:
            making = next(stack[-1], None)
            if making is None:
                stack.pop()
                if path:
                    finished.append(path.pop())
                    on_path.discard(id(finished[-1]))
                    done.add(id(finished[-1]))
                continue
            if id(making) in done:
                continue
            if id(making) in on_path:
                raise ChainError(
                    link=BrokenLink.CYCLE,
                    fact=f"stage `{making.stage}` is made from itself",
                    expected="a path to the source",
                )
            if len(read) > CHAIN_LINKS_MAX:
                raise ChainError(
                    link=BrokenLink.LENGTH,
                    fact=f"chain has more than {CHAIN_LINKS_MAX} links",
                    expected=f"at most {CHAIN_LINKS_MAX}",
                )
            path.append(making)
            on_path.add(id(making))
            stack.append(iter(self._inputs(making, read)))
        return finished[::-1]

    def _testers(self, artifact: Subject, read: dict[int, _Making]) -> list[_Making]:
        """Return the test actions behind the file's test results: they must hold as well."""
        if TEST_RESULT not in self.policy.predicates:
            return []
        found: list[_Making] = []
        for result in self.evidence.about(TEST_RESULT, artifact):
            for name, action in tested_by(result):
                subjects = self.evidence.subjects_named(SLSA_PROVENANCE, tree_subject(name))
                makings = [making for subject in subjects for making in self._makers(subject, read)]
                ran = [m for m in makings if m.action == str(action) and m.kind == "test"]
                if not ran:
                    raise ChainError(
                        link=BrokenLink.TESTS,
                        fact=f"no provenance shows test action {action} of `{name[:80]}`",
                        expected="a statement by the builder that it ran",
                    )
                found.extend(ran)
        return found

    def _inputs(self, making: _Making, read: dict[int, _Making]) -> list[_Making]:
        """Return what made the trees that `making` read; every one of them must be there."""
        found: list[_Making] = []
        for item in making.provenance.resolved_dependencies:
            if not item.tree_name:
                continue
            if item.sha256 is None:
                raise ChainError(
                    link=BrokenLink.PROVENANCE,
                    fact=f"stage `{making.stage}` reads tree `{item.tree_name}` without a sha256",
                    expected="each tree by its sha256",
                )
            tree = Subject(name=tree_subject(item.tree_name), digest=item.sha256)
            found.extend(self._makers(tree, read))
        return found

    def _makers(self, subject: Subject, read: dict[int, _Making]) -> list[_Making]:
        """Return every provenance of a subject: all of them must hold, not just one."""
        statements = self.evidence.about(SLSA_PROVENANCE, subject)
        if not statements:
            others = self.evidence.names_of(SLSA_PROVENANCE, subject.digest)
            raise ChainError(
                link=BrokenLink.PRODUCT if others else BrokenLink.PROVENANCE,
                fact=f"no provenance says how `{subject.name}` ({subject.digest}) was made"
                + (f", only `{others[0][:120]}`" if others else ""),
                expected="a statement by the builder",
            )
        for statement in statements:
            if id(statement) not in read:
                read[id(statement)] = self._read(statement)
        return [read[id(statement)] for statement in statements]

    def _read(self, statement: Statement) -> _Making:
        """Parse a provenance and check what it says of itself."""
        try:
            provenance = provenance_from_plain(statement.predicate)
            check_action_document(provenance)
        except IntegrityError as error:
            raise ChainError(
                link=BrokenLink.STATEMENT, fact=error.fact, expected=error.expected
            ) from error
        parameters = provenance.external_parameters
        stage, kind = _text(parameters, "stage"), _text(parameters, "kind")
        action = _text(provenance.internal_parameters, "action")
        trees = [item for item in statement.subjects if item.name == tree_subject(stage)]
        if kind not in _KINDS or len(trees) != 1:
            raise ChainError(
                link=BrokenLink.STATEMENT,
                fact=f"provenance of stage `{stage[:80]}` has kind `{kind[:40]}`"
                f" and {count_of(len(trees), 'output tree')}",
                expected=f"one of {', '.join(_KINDS)}, and its one output tree",
            )
        making = _Making(
            provenance=provenance, stage=stage, kind=kind, action=action, tree=trees[0]
        )
        self._check_builder(making)
        self._check_product(making)
        self._check_source(making)
        return making

    def _check_builder(self, making: _Making) -> None:
        provenance = making.provenance
        if provenance.builder_id not in self.policy.builders or provenance.build_type != BUILD_TYPE:
            raise ChainError(
                link=BrokenLink.BUILDER,
                fact=f"stage `{making.stage}` was run by `{provenance.builder_id[:120]}`"
                f" as `{provenance.build_type[:120]}`",
                expected=f"{' or '.join(self.policy.builders)} as {BUILD_TYPE}",
            )

    def _check_product(self, making: _Making) -> None:
        """Refuse another project's or version's action: the same tree may well occur in both."""
        parameters = making.provenance.external_parameters
        made_for = (_text(parameters, "project"), _text(parameters, "version"))
        if made_for != (self.release.project, self.release.version):
            raise ChainError(
                link=BrokenLink.PRODUCT,
                fact=f"stage `{making.stage}` was run for {' '.join(made_for)[:160]}",
                expected=f"{self.release.project} {self.release.version}",
            )

    def _check_source(self, making: _Making) -> None:
        """Let the source action alone read a repository, and only the released commit."""
        dependencies = making.provenance.resolved_dependencies
        commits = [item.git_commit for item in dependencies if item.git_commit]
        if making.kind != "source":
            if commits:
                raise ChainError(
                    link=BrokenLink.SOURCE,
                    fact=f"stage `{making.stage}` reads commit {commits[0]} by itself",
                    expected="the source action alone to read a repository",
                )
            return
        trees = [item for item in dependencies if item.tree_name]
        if commits != [self.release.commit] or making.tree.digest != self.release.source_tree:
            raise ChainError(
                link=BrokenLink.SOURCE,
                fact=f"source is tree {making.tree.digest} of commit {words(commits)}",
                expected=f"tree {self.release.source_tree} of commit {self.release.commit}",
            )
        if trees:
            raise ChainError(
                link=BrokenLink.SOURCE,
                fact=f"source reads the output of stage `{trees[0].tree_name[:80]}`",
                expected="a commit only",
            )

    def _provenance_link(self, making: _Making) -> Link:
        inputs = [item.name for item in making.provenance.resolved_dependencies]
        return Link(
            kind="source" if making.kind == "source" else "provenance",
            title=f"{making.kind} {making.stage}" if making.kind != "source" else "source tree",
            subject=making.tree.digest,
            detail=f"from {', '.join(inputs)}" if inputs else "from nothing",
        )

    def _reproduction_link(self, making: _Making) -> Link:
        statements = self.evidence.about(REPRODUCTION, making.tree)
        outcomes = [statement.predicate.get("outcome") for statement in statements]
        if not outcomes or any(outcome != "identical" for outcome in outcomes):
            raise ChainError(
                link=BrokenLink.REPRODUCTION,
                fact=f"second runs of stage `{making.stage}` are {words(outcomes)}",
                expected="at least one, and all identical",
            )
        actions = [statement.predicate.get("action") for statement in statements]
        if any(action != making.action for action in actions):
            raise ChainError(
                link=BrokenLink.REPRODUCTION,
                fact=f"what ran again for stage `{making.stage}` is action {words(actions)}",
                expected=making.action,
            )
        return Link(
            kind="reproduction",
            title=f"{making.stage} reproduced",
            subject=making.tree.digest,
            detail=f"identical bytes when run again with another {_perturbed(statements)}",
        )


def _text(parameters: Mapping[str, Json], key: str) -> str:
    value = parameters.get(key)
    if not isinstance(value, str):
        raise ChainError(
            link=BrokenLink.STATEMENT,
            fact=f"provenance has no parameter `{key}`",
            expected="stage, kind, project, version and action as text",
        )
    return value


def _perturbed(statements: Sequence[Statement]) -> str:
    names = [
        name
        for statement in statements
        if isinstance(changes := statement.predicate.get("perturbations"), dict)
        for name in changes
    ]
    return ", ".join(dict.fromkeys(names)) or "environment"
