"""Say what happened, as in-toto statements: pure functions from the reports of earlier stations.

Every action gets a provenance, intermediate ones too, so that a chain leads from each file back to
the commit; docs/formats.md, "Provenance", has the fields. Dates are the release's opening and never
a clock's; durations, cache hits and logs stay out: two runs must say the same bytes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sealift.base.specs.predicates import (
    BUILD_TYPE,
    CYCLONEDX_BOM,
    GATE_VERDICT,
    REPRODUCTION,
    SLSA_PROVENANCE,
    TEST_RESULT,
)
from sealift.base.specs.slsa import (
    Provenance,
    ResourceDescriptor,
    provenance_to_plain,
    tree_subject,
    tree_uri,
)
from sealift.base.specs.statement import Statement, Subject
from sealift.core.action import Action, ActionInput, ActionRecord, Isolation, Reproduction
from sealift.core.artifact import Artifact
from sealift.core.codec import Json, to_plain
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.release import GateReport, Opening, ReleasePlan
from sealift.core.sandbox import selection_name

TOOL_URI_PREFIX: Final = "urn:sealift:tool:"
TOOLCHAIN_URI_PREFIX: Final = "urn:sealift:toolchain:"
UPSTREAM_URI_PREFIX: Final = "urn:sealift:upstream:"
COMMIT_URI_PREFIX: Final = "git+commit:"

_UNSAFE: Final = re.compile(r"[^0-9A-Za-z._+-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A statement that waits for its signature. `name` is safe as a file's name."""

    name: str
    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What statements speak of: every action of the release in order, and its artifacts."""

    plan: ReleasePlan
    opening: Opening
    records: tuple[ActionRecord, ...]
    artifacts: tuple[Artifact, ...]

    def made_by(self, action: Digest) -> tuple[Artifact, ...]:
        """Return the artifacts that an action made."""
        return tuple(artifact for artifact in self.artifacts if artifact.action == action)


def draft_all(material: Material, boms: Mapping[str, Mapping[str, Json]]) -> tuple[Draft, ...]:
    """Return all statements in a stable order: by kind, then by action, then by artifact.

    `boms` are CycloneDX documents by artifact. Raises IntegrityError for an artifact that no action
    made or that has no bill of materials, and for an input that no action gave.
    """
    _check_artifacts(material)
    made = frozenset((record.action.stage, record.result.tree) for record in material.records)
    provenances = [
        (record.action, "provenance", provenance_statement(material, record, made))
        for record in material.records
    ]
    reproductions = [
        (record.action, "reproduction", reproduction_statement(material, record, reproduction))
        for record in material.records
        if (reproduction := record.reproduction) is not None
    ]
    tests = [
        (record.action, "test", test_statement(material, record))
        for record in material.records
        if record.action.kind == "test"
    ]
    boms_of_artifacts = [
        Draft(name=_safe(f"sbom-{artifact.name}"), statement=bom_statement(artifact, boms))
        for artifact in material.artifacts
    ]
    return (*_named((*provenances, *reproductions, *tests)), *boms_of_artifacts)


def provenance_statement(
    material: Material, record: ActionRecord, made: frozenset[tuple[str, Digest]]
) -> Statement:
    """Say how an action's tree, and the artifacts in it, came about (SLSA provenance v1).

    `made` holds the stage and tree of every action of the release.
    """
    plan, opening, action = material.plan, material.opening, record.action
    provenance = Provenance(
        build_type=BUILD_TYPE,
        external_parameters={
            "stage": action.stage,
            "kind": action.kind,
            "project": plan.project.name,
            "version": plan.project.version,
            "command": list(action.command),
        },
        internal_parameters={
            "action": str(action.digest),
            # Whole, so that a stranger can run it again; its digest is the line above.
            "actionDocument": to_plain(action),
            "toolchain": _toolchain_to_plain(plan, action),
            "isolation": _isolation_to_plain(record.result.isolation),
        },
        resolved_dependencies=tuple(_dependencies(plan, action, made)),
        builder_id=opening.builder_id,
        invocation_id=opening.invocation_id,
        started_on=opening.released_at,
        finished_on=opening.released_at,
    )
    return Statement(
        subjects=_subjects(material, record),
        predicate_type=SLSA_PROVENANCE,
        predicate=provenance_to_plain(provenance),
    )


def reproduction_statement(
    material: Material, record: ActionRecord, reproduction: Reproduction
) -> Statement:
    """Say how a second run in a perturbed environment compared with the first."""
    predicate: dict[str, Json] = {
        "action": str(record.action.digest),
        "outcome": reproduction.outcome,
        "perturbations": dict(reproduction.perturbations),
        "tree": str(reproduction.tree) if reproduction.tree is not None else None,
        "firstDifference": reproduction.first_difference,
        "reason": reproduction.reason,
    }
    if reproduction.stabilisers:
        predicate["stabilisers"] = list(reproduction.stabilisers)
    return Statement(
        subjects=_subjects(material, record), predicate_type=REPRODUCTION, predicate=predicate
    )


def test_statement(material: Material, record: ActionRecord) -> Statement:
    """Say that a test stage passed for all artifacts: a failed one ends the release before."""
    action = record.action
    return Statement(
        subjects=_artifact_subjects(material.artifacts),
        predicate_type=TEST_RESULT,
        predicate={
            "result": "PASSED",
            "configuration": [
                {
                    "name": action.stage,
                    "uri": f"{BUILD_TYPE}:{action.stage}",
                    "digest": {"sha256": action.digest.hex},
                }
            ],
        },
    )


def bom_statement(artifact: Artifact, boms: Mapping[str, Mapping[str, Json]]) -> Statement:
    """Put an artifact's CycloneDX document under signature, as it is."""
    if artifact.name not in boms:
        raise IntegrityError(
            fact=f"`{artifact.name}` has no bill of materials", expected="one for every artifact"
        )
    return Statement(
        subjects=_artifact_subjects((artifact,)),
        predicate_type=CYCLONEDX_BOM,
        predicate=boms[artifact.name],
    )


def gate_statement(
    plan: ReleasePlan, artifacts: tuple[Artifact, ...], gate: GateReport
) -> Statement:
    """Say what the gate decided about all artifacts, and by which policy."""
    _demand_artifacts(artifacts)
    return Statement(
        subjects=_artifact_subjects(artifacts),
        predicate_type=GATE_VERDICT,
        predicate={
            "project": plan.project.name,
            "version": plan.project.version,
            "plan": str(plan.digest),
            "policy": gate.policy,
            "policyDigest": str(gate.policy_digest),
            "outcome": gate.outcome,
            "verdicts": to_plain(gate.verdicts),
            "notAssessed": to_plain(gate.not_assessed),
        },
    )


def _dependencies(
    plan: ReleasePlan, action: Action, made: frozenset[tuple[str, Digest]]
) -> Iterable[ResourceDescriptor]:
    """Yield all that entered an action: trees, commit or downloads, and the toolchain."""
    for item in action.inputs:
        yield _input(action, item, made)
    if action.kind == "source":
        yield ResourceDescriptor(
            name="commit",
            uri=f"{COMMIT_URI_PREFIX}{plan.source.commit}",
            git_commit=plan.source.commit,
        )
        if plan.upstream is not None:
            name = plan.upstream.name
            yield ResourceDescriptor(
                name=name, uri=f"{UPSTREAM_URI_PREFIX}{name}", sha256=plan.upstream.digest
            )
    if action.kind == "fetch":
        yield from _fetched(plan, action)
    yield ResourceDescriptor(
        name=f"toolchain {action.toolchain}",
        uri=f"{TOOLCHAIN_URI_PREFIX}{action.toolchain}",
        sha256=action.toolchain_fingerprint,
    )


def _fetched(plan: ReleasePlan, action: Action) -> Iterable[ResourceDescriptor]:
    """Yield the pinned files of a fetch; for a tool of ours, which no lock names, its program."""
    if action.stage not in {stage.name for stage in plan.stages}:
        for name, digest in action.parameters:
            yield ResourceDescriptor(
                name=name, uri=f"{TOOL_URI_PREFIX}{name}", sha256=Digest.parse(digest)
            )
    for download in plan.downloads:
        if download.group == action.stage:
            yield ResourceDescriptor(
                name=download.filename, uri=download.purl, sha256=download.digest
            )


def _input(
    action: Action, item: ActionInput, made: frozenset[tuple[str, Digest]]
) -> ResourceDescriptor:
    """Name an input: a tree that an action of this release gave, whole or narrowed for it."""
    narrowed = selection_name(action.stage, item.name)
    if (item.name, item.tree) not in made and (narrowed, item.tree) in made:
        return ResourceDescriptor(name=item.name, uri=tree_uri(narrowed), sha256=item.tree)
    if (item.name, item.tree) not in made:
        raise IntegrityError(
            fact=f"tree {item.tree} that stage `{action.stage}` read is not what an action gave",
            expected=f"an output of `{item.name}`",
        )
    return ResourceDescriptor(name=item.name, uri=tree_uri(item.name), sha256=item.tree)


def _toolchain_to_plain(plan: ReleasePlan, action: Action) -> dict[str, Json]:
    """Name a toolchain and, of a pinned root, what it is and every package in it."""
    plain: dict[str, Json] = {
        "name": action.toolchain,
        "fingerprint": str(action.toolchain_fingerprint),
    }
    for facts in plan.toolchains:
        pinned = facts.kind != "host" and facts.fingerprint == action.toolchain_fingerprint
        if pinned and facts.name == action.toolchain:
            plain |= {"kind": facts.kind, "packages": list(facts.packages)}
    return plain


def _isolation_to_plain(isolation: Isolation) -> dict[str, Json]:
    return {
        "sandbox": isolation.sandbox,
        "network": isolation.network,
        "facts": dict(isolation.facts),
    }


def _subjects(material: Material, record: ActionRecord) -> tuple[Subject, ...]:
    tree = Subject(name=tree_subject(record.action.stage), digest=record.result.tree)
    return (tree, *_artifact_subjects(material.made_by(record.action.digest)))


def _artifact_subjects(artifacts: Iterable[Artifact]) -> tuple[Subject, ...]:
    return tuple(
        Subject(name=artifact.name, digest=artifact.file.digest)
        for artifact in sorted(artifacts, key=lambda artifact: artifact.name)
    )


def _check_artifacts(material: Material) -> None:
    _demand_artifacts(material.artifacts)
    actions = {record.action.digest for record in material.records}
    for artifact in material.artifacts:
        if artifact.action not in actions:
            raise IntegrityError(
                fact=f"`{artifact.name}` comes from {artifact.action}, which did not run here",
                expected="an action of this release",
            )


def _demand_artifacts(artifacts: tuple[Artifact, ...]) -> None:
    if not artifacts:
        raise ConfigError(
            fact="there are no artifacts to sign",
            expected="at least one package",
            hint="add a table `[packages.NAME]` to sealift.toml",
        )


def _named(statements: Sequence[tuple[Action, str, Statement]]) -> Iterable[Draft]:
    """Name statements `what-stage`, and `what-kind-stage` where a package has a stage's name."""
    plain = [f"{what}-{action.stage}" for action, what, _ in statements]
    for name, (action, what, statement) in zip(plain, statements, strict=True):
        unique = name if plain.count(name) == 1 else f"{what}-{action.kind}-{action.stage}"
        yield Draft(name=_safe(unique), statement=statement)


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name)
