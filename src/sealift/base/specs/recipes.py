"""The actions behind a release, whole and in order: what a stranger needs to run them again.

`internalParameters.actionDocument` is the action's canonical JSON; its sha256 is the action's
digest beside it. A document with another digest, or of another stage, is refused; statements
without one, as older releases published them, name no recipe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from sealift.base.specs.evidence import Evidence
from sealift.base.specs.fields import as_object, take_object, take_text
from sealift.base.specs.predicates import SLSA_PROVENANCE
from sealift.base.specs.slsa import (
    Provenance,
    ResourceDescriptor,
    provenance_from_plain,
    tree_subject,
)
from sealift.base.specs.statement import Statement, Subject
from sealift.core.action import Action
from sealift.core.codec import Json, from_plain, to_json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError

DOCUMENT_FIELD: Final = "actionDocument"


def check_action_document(provenance: Provenance) -> None:
    """Return if the provenance holds no action document, or the one that its digest names.

    Raises IntegrityError otherwise. Judged by the document's own bytes: a field that a later
    version adds does not matter here.
    """
    parameters = provenance.internal_parameters
    if DOCUMENT_FIELD not in parameters:
        return
    what = "action document of the provenance"
    document = as_object(parameters[DOCUMENT_FIELD], what)
    found = Digest.of(to_json(document))
    if str(found) != parameters.get("action"):
        raise IntegrityError(
            fact=f"{what} has digest {found}", expected=str(parameters.get("action"))[:120]
        )
    _check_same(document, provenance.external_parameters, what)


def action_of_provenance(provenance: Provenance) -> Action | None:
    """Return the action that the provenance documents; None where it holds no document.

    Raises IntegrityError for a document that is not the action's, and for one that says more than
    this version understands: a field left out would be another action.
    """
    check_action_document(provenance)
    fields = dict(provenance.internal_parameters)
    if DOCUMENT_FIELD not in fields:
        return None
    what = "internal parameters of the provenance"
    action = from_plain(Action, take_object(fields, DOCUMENT_FIELD, what))
    if str(action.digest) != take_text(fields, "action", what):
        raise IntegrityError(
            fact=f"action of stage `{action.stage}` has fields that this version does not know",
            expected=action.format,
            hint="update Sealift",
        )
    return action


def _check_same(document: Mapping[str, Json], external: Mapping[str, Json], what: str) -> None:
    for field in ("stage", "kind", "command"):
        if field in external and document.get(field) != external[field]:
            raise IntegrityError(
                fact=f"{what} has another {field} than its external parameters",
                expected=str(external[field])[:120],
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one tree of a release was made, as its provenance tells a stranger.

    `action` is None where the statement documents none. `files` are the artifacts in the tree.
    """

    stage: str
    kind: str
    digest: Digest
    action: Action | None
    tree: Digest
    files: tuple[Subject, ...]
    dependencies: tuple[ResourceDescriptor, ...]


def recipes_of(evidence: Evidence, artifacts: Sequence[Subject]) -> tuple[Recipe, ...]:
    """Return the recipes behind `artifacts`, inputs before what is made from them.

    For chains that `verify_chain` has walked. Where several statements speak of one tree, all of
    them count. Raises IntegrityError for a tree that no provenance explains.
    """
    needs: dict[int, tuple[int, ...]] = {}
    statements: dict[int, Statement] = {}
    pending = list(artifacts)
    seen: set[Subject] = set()
    while pending:
        subject = pending.pop()
        if subject in seen:
            continue
        seen.add(subject)
        for statement in _about(evidence, subject):
            if id(statement) in needs:
                continue
            inputs = _trees_read(statement)
            statements[id(statement)] = statement
            needs[id(statement)] = tuple(
                id(maker) for each in inputs for maker in _about(evidence, each)
            )
            pending += inputs
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise IntegrityError(fact="a tree is made from itself", expected="a chain") from error
    return tuple(_recipe(statements[number]) for number in order)


def _about(evidence: Evidence, subject: Subject) -> tuple[Statement, ...]:
    found = evidence.about(SLSA_PROVENANCE, subject)
    if not found:
        raise IntegrityError(
            fact=f"no provenance says how `{subject.name}` ({subject.digest}) was made",
            expected="a statement by the builder",
        )
    return found


def _trees_read(statement: Statement) -> list[Subject]:
    provenance = provenance_from_plain(statement.predicate)
    return [
        Subject(name=tree_subject(item.tree_name), digest=item.sha256)
        for item in provenance.resolved_dependencies
        if item.tree_name and item.sha256 is not None
    ]


def _recipe(statement: Statement) -> Recipe:
    provenance = provenance_from_plain(statement.predicate)
    what = "provenance"
    stage = take_text(dict(provenance.external_parameters), "stage", what)
    trees = [item for item in statement.subjects if item.name == tree_subject(stage)]
    if len(trees) != 1:
        raise IntegrityError(
            fact=f"provenance of stage `{stage[:80]}` names {len(trees)} trees", expected="one"
        )
    return Recipe(
        stage=stage,
        kind=take_text(dict(provenance.external_parameters), "kind", what),
        digest=Digest.parse(take_text(dict(provenance.internal_parameters), "action", what)),
        action=action_of_provenance(provenance),
        tree=trees[0].digest,
        files=tuple(item for item in statement.subjects if item != trees[0]),
        dependencies=provenance.resolved_dependencies,
    )
