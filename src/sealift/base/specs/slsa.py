"""SLSA provenance v1: how something was built, from what, by whom.

https://slsa.dev/spec/v1.0/provenance. Times and the invocation id come from the release's opening,
never from a clock. Unknown fields are ignored; missing or mistyped ones are refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sealift.base.specs.fields import as_object, take_list, take_object, take_text
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")

TREE_URI_PREFIX: Final = "urn:sealift:tree:"


def tree_uri(name: str) -> str:
    """Return the uri of the output tree of stage `name`."""
    return f"{TREE_URI_PREFIX}{name}"


def tree_subject(name: str) -> str:
    """Return the subject name of the output tree of stage `name`."""
    return f"tree:{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDescriptor:
    """One resolved dependency, pinned by a sha256, a git commit, or both."""

    name: str
    uri: str
    sha256: Digest | None = None
    git_commit: str = ""

    @property
    def tree_name(self) -> str:
        """The stage whose output tree this is, or empty."""
        is_tree = self.uri.startswith(TREE_URI_PREFIX)
        return self.uri.removeprefix(TREE_URI_PREFIX) if is_tree else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The predicate of a provenance statement.

    `external_parameters` hold "stage", "kind", "project", "version", "command" and
    `internal_parameters` hold "action", "actionDocument" (the action whole), "toolchain" and
    "isolation" (docs/formats.md, "Provenance").
    Times are RFC 3339 in UTC.
    """

    build_type: str
    external_parameters: Mapping[str, Json]
    internal_parameters: Mapping[str, Json]
    resolved_dependencies: tuple[ResourceDescriptor, ...]
    builder_id: str
    invocation_id: str
    started_on: str
    finished_on: str


def provenance_to_plain(provenance: Provenance) -> dict[str, Json]:
    """Return the predicate as plain JSON; dependencies keep their order."""
    return {
        "buildDefinition": {
            "buildType": provenance.build_type,
            "externalParameters": dict(provenance.external_parameters),
            "internalParameters": dict(provenance.internal_parameters),
            "resolvedDependencies": [
                _descriptor_to_plain(item) for item in provenance.resolved_dependencies
            ],
        },
        "runDetails": {
            "builder": {"id": provenance.builder_id},
            "metadata": {
                "invocationId": provenance.invocation_id,
                "startedOn": provenance.started_on,
                "finishedOn": provenance.finished_on,
            },
        },
    }


def provenance_from_plain(predicate: Mapping[str, Json]) -> Provenance:
    """Read the predicate strictly; raise IntegrityError where a part is missing or mistyped."""
    what = "SLSA provenance"
    fields = dict(predicate)
    definition = take_object(fields, "buildDefinition", what)
    run = take_object(fields, "runDetails", what)
    builder = take_object(run, "builder", what)
    metadata = take_object(run, "metadata", what)
    return Provenance(
        build_type=take_text(definition, "buildType", what),
        external_parameters=take_object(definition, "externalParameters", what),
        internal_parameters=take_object(definition, "internalParameters", what),
        resolved_dependencies=tuple(
            _descriptor_from_plain(item)
            for item in take_list(definition, "resolvedDependencies", what)
        ),
        builder_id=take_text(builder, "id", what),
        invocation_id=take_text(metadata, "invocationId", what),
        started_on=take_text(metadata, "startedOn", what),
        finished_on=take_text(metadata, "finishedOn", what),
    )


def _descriptor_to_plain(item: ResourceDescriptor) -> Json:
    digests: dict[str, Json] = {}
    if item.sha256 is not None:
        digests["sha256"] = item.sha256.hex
    if item.git_commit:
        digests["gitCommit"] = _commit(item.git_commit)
    if not digests:
        raise IntegrityError(
            fact=f"resolved dependency `{item.name[:120]}` is not pinned",
            expected="a sha256 or a git commit",
        )
    return {"name": item.name, "uri": item.uri, "digest": digests}


def _descriptor_from_plain(value: Json) -> ResourceDescriptor:
    what = "resolved dependency"
    fields = as_object(value, what)
    digests = take_object(fields, "digest", what)
    if "sha256" not in digests and "gitCommit" not in digests:
        raise IntegrityError(
            fact="resolved dependency is not pinned", expected="a sha256 or a git commit"
        )
    return ResourceDescriptor(
        name=take_text(fields, "name", what),
        uri=take_text(fields, "uri", what),
        sha256=Digest(take_text(digests, "sha256", what)) if "sha256" in digests else None,
        git_commit=(
            _commit(take_text(digests, "gitCommit", what)) if "gitCommit" in digests else ""
        ),
    )


def _commit(text: str) -> str:
    if not _COMMIT.match(text):
        raise IntegrityError(
            fact=f"`{text[:80]}` is no git commit", expected="40 or 64 lower-case hex digits"
        )
    return text
