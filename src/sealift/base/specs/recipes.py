"""The action behind a provenance, whole: what a stranger needs to run it again.

`internalParameters.actionDocument` is the action's canonical JSON; its sha256 is the action's
digest beside it. A document with another digest, or of another stage, is refused; statements
without one, as older releases published them, name no recipe.
"""

from collections.abc import Mapping

from sealift.base.specs.fields import as_object, take_object, take_text
from sealift.base.specs.slsa import Provenance
from sealift.core.action import Action
from sealift.core.codec import Json, from_plain, to_json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError

DOCUMENT_FIELD = "actionDocument"


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
