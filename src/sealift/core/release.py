"""What crosses the stations: the plan, and what each station reports.

Every value here is journalled, so it holds digests and key ids, never secrets. Reports of a
station are what its durable step returns; `app/pipeline.py` says which step reads which.
"""

from dataclasses import dataclass
from typing import Final, Literal

from sealift.core.action import Action, ActionKind, ActionRecord
from sealift.core.artifact import Artifact, ArtifactKind
from sealift.core.codec import digest_of
from sealift.core.digest import Descriptor, Digest
from sealift.core.platform import Platform
from sealift.core.verdict import Inspection, NotAssessed, Outcome, Verdict

PLAN_FORMAT: Final = "sealift-plan-v1"


# --- the plan -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReference:
    """The commit that is released. `epoch_s` is its committer time, the SOURCE_DATE_EPOCH.

    `tag` is empty for a snapshot. `folder` is where the checkout lies (not part of the plan's
    digest: see `ReleasePlan.digest`).
    """

    commit: str
    tag: str
    epoch_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamArchive:
    """A published source archive that the commit was made from, kept in the store by digest."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One file that `sealift.lock` pins. `group` is the fetch stage that asked for it.

    `purl` names it without saying which mirror serves it; `requested` is true when the manifest
    named it itself, false when a dependency did.
    """

    group: str
    name: str
    version: str
    filename: str
    digest: Digest
    size_bytes: int
    purl: str
    licence: str = ""
    requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """A stage of the manifest with all defaults filled in, in execution order.

    A narrowed input is a stage of its own, of kind `select` and named `STAGE.INPUT`. `environment`
    are literal variables beside the contract's, sorted; `folder` lies below the source.
    """

    name: str
    kind: ActionKind
    inputs: tuple[str, ...]
    run: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    toolchain: str
    platform: Platform
    timeout_s: int
    memory_bytes: int
    environment: tuple[tuple[str, str], ...] = ()
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePlan:
    """One package of the manifest: its kind and the stage it is made from.

    `output` narrows to one named output of that stage; empty means all of them. `title` is the name
    that the package's file states, where that is not the project's: a repository may hold several.
    """

    name: str
    kind: ArtifactKind
    stage: str
    output: str
    platform: Platform
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolchainFacts:
    """What a toolchain is, by content. `host` is recorded as what it is, never called hermetic.

    The fingerprint of a pinned root is the sha256 of its tar in the store. `packages` are the
    distribution's packages in it as `NAME:ARCHITECTURE=VERSION`, where they are known.
    """

    name: str
    kind: Literal["host", "debian", "oci"]
    fingerprint: Digest
    description: str
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One CEL condition that the manifest adds to the gate."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """What packages and pages say about the project."""

    name: str
    version: str
    licence: str
    description: str
    homepage: str
    maintainer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """Everything that decides a release, as data. Its digest is the workflow's id."""

    format: str = PLAN_FORMAT
    project: ProjectFacts
    source: SourceReference
    upstream: UpstreamArchive | None
    manifest: Descriptor
    manifest_origin: Literal["committed", "uncommitted", "detected"]
    lock: Descriptor | None
    downloads: tuple[Download, ...]
    toolchains: tuple[ToolchainFacts, ...]
    stages: tuple[StagePlan, ...]
    packages: tuple[PackagePlan, ...]
    policy: str
    conditions: tuple[Condition, ...]
    url: str
    channels: tuple[str, ...]
    snapshot: bool

    @property
    def digest(self) -> Digest:
        """The sha256 of the plan's canonical JSON; another plan is another release."""
        return digest_of(self)


# --- what the steps report ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The facts of this release that are not a function of its source, journalled first.

    `released_at` is RFC 3339 in UTC; every date that gets signed is this one.
    """

    released_at: str
    released_at_s: int
    invocation_id: str
    builder_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSignature:
    """How the tag was signed. `unknown` when no list of trusted signers was there to ask."""

    outcome: Outcome
    method: Literal["ssh", "gpg", "none"]
    signer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """The tagged commit's files as a tree in the store, and what is known of their origin."""

    action: ActionRecord
    tree: Digest
    tag_signature: TagSignature
    upstream_outcome: Outcome
    upstream_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """Every action of the stage graph in execution order."""

    records: tuple[ActionRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageReport:
    """The artifacts, sorted by name, and the actions that made them."""

    artifacts: tuple[Artifact, ...]
    records: tuple[ActionRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sbom:
    """The SBOM of one artifact."""

    artifact: str
    file: Descriptor
    components: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectReport:
    """SBOMs sorted by artifact, inspections in the order of the table in `app/wiring.py`."""

    sboms: tuple[Sbom, ...]
    inspections: tuple[Inspection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """One signed statement, stored as a Sigstore bundle."""

    name: str
    predicate_type: str
    subjects: tuple[Digest, ...]
    bundle: Descriptor
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestReport:
    """All attestations of a step, in a stable order."""

    attestations: tuple[Attestation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """The decision and why. Conditions are criteria too, named `condition.<name>`."""

    policy: str
    policy_digest: Digest
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    not_assessed: tuple[NotAssessed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """One file of the published tree."""

    path: str
    file: Descriptor


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """Where the release stands now.

    `already` is true when the same version with the same bytes was there before; then nothing was
    written. `files` are the files of this release only.
    """

    site: str
    generation: int
    already: bool
    files: tuple[PublishedFile, ...]
    root_digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPointer:
    """What a channel says: short enough to review. `sequence` only goes up."""

    channel: str
    version: str
    sequence: int
    previous: str
    changed_at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """The pointers that this release moved, and the generation that shows them."""

    pointers: tuple[ChannelPointer, ...]
    skipped: tuple[tuple[str, str], ...]
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSummary:
    """What `sealift release` prints at the end."""

    project: str
    version: str
    tag: str
    released_at: str
    artifacts: tuple[Artifact, ...]
    actions: int
    identical: int
    attestations: int
    gate: GateReport
    site: str
    page: str
    url: str
    root_digest: Digest
    already: bool


def action_of(records: tuple[ActionRecord, ...], stage: str) -> Action:
    """Return the action of `stage`; raise KeyError if it has none."""
    for record in records:
        if record.action.stage == stage:
            return record.action
    raise KeyError(stage)
