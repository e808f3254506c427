"""What the release page says, as values: everything is decided here, the template only draws."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sealift.core.action import ActionRecord
from sealift.core.published import PublishedArtifact
from sealift.core.signing import OFFLINE_ROLES, KeyRole, PublicKey
from sealift.core.verdict import Inspection, Outcome, Verdict
from sealift.stations.publish.chain_picture import ChainPicture, draw_chain
from sealift.stations.publish.model import (
    SBOM_SUFFIX,
    Catalogue,
    ReleaseEvidence,
)
from sealift.stations.publish.verification import Recipe, recipes
from sealift.stations.publish.words import (
    count_words,
    date_words,
    fingerprint_groups,
    list_words,
    parse_time,
    seconds_words,
    size_words,
    time_words,
)

KIND_WORDS: Final = {
    "wheel": "Python wheel",
    "sdist": "Python source distribution",
    "npm": "npm package",
    "tar": "tar archive",
    "deb": "Debian package",
}
OUTCOME_WORDS: Final[dict[Outcome, str]] = {
    "pass": "proven",
    "fail": "failed",
    "unknown": "unknown",
}
_ROLE_WORDS: Final = {
    KeyRole.ROOT: "names all other keys",
    KeyRole.RELEASES: "says which files a release has",
    KeyRole.BUILDER: "signs what the builder did",
    KeyRole.CHECKSUMS: "signs SHA256SUMS",
    KeyRole.SNAPSHOT: "binds the metadata together",
    KeyRole.TIMESTAMP: "says that it is fresh",
    KeyRole.CHANNELS: "points channels at released versions",
    KeyRole.APT: "signs the apt repository",
}
_INSPECTOR_WORDS: Final = {"sbom": "Completeness of the bills"}
_CHANGE_WORDS: Final = {
    "clock": "the clock",
    "time-zone": "the time zone",
    "locale": "the locale",
    "umask": "the umask",
    "processors": "the number of processors",
    "user": "the user id",
    "host-name": "the host name",
    "outside-path": "the folder outside",
    "file-order": "the order of files in folders",
    "address-layout": "the layout of memory",
}
_NOT_CHANGED: Final = "not perturbed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """One row of the list of files."""

    name: str
    kind: str
    size: str
    size_bytes: int
    sha256: str
    sbom: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformView:
    """The files of one platform."""

    title: str
    files: tuple[FileView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """One criterion of the gate."""

    criterion: str
    title: str
    outcome: Outcome
    word: str
    reason: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildView:
    """How one action's second run compared."""

    stage: str
    kind: str
    outcome: str
    tree: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One thing that the second run changed, or could not."""

    what: str
    value: str
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionView:
    """What one inspector looked at and found."""

    name: str
    outcome: Outcome
    word: str
    reason: str
    looked_at: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """One public key."""

    role: str
    purpose: str
    offline: bool
    scheme: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """Everything that the release page shows."""

    project: str
    version: str
    description: str
    homepage: str
    licence: str
    released_at: str
    date: str
    time: str
    tag: str
    commit: str
    signer: str
    signature_outcome: Outcome
    upstream: str
    upstream_outcome: Outcome
    plan: str
    invocation_id: str
    builder_id: str
    gate_policy: str
    verdicts: tuple[VerdictView, ...]
    proven: str
    platforms: tuple[PlatformView, ...]
    recipes: tuple[Recipe, ...]
    picture: ChainPicture
    rebuilds: tuple[RebuildView, ...]
    changes: tuple[ChangeView, ...]
    components: tuple[tuple[str, int, str], ...]
    inspections: tuple[InspectionView, ...]
    not_assessed: tuple[tuple[str, str], ...]
    isolation: tuple[tuple[str, str], ...]
    sandbox: str
    toolchains: tuple[tuple[str, str, str], ...]
    host_toolchain: bool
    statements: int
    keys: tuple[KeyView, ...]
    root_digest: str
    root_groups: str


def release_view(
    evidence: ReleaseEvidence, catalogue: Catalogue, keys: Iterable[PublicKey]
) -> ReleaseView:
    """Say one release in the page's words. Pure: the same reports give the same page."""
    plan, opening, source = evidence.plan, evidence.opening, evidence.source
    at = parse_time(opening.released_at)
    all_keys = tuple(keys)
    published = next(one for one in catalogue.releases if one.document.version == evidence.version)
    return ReleaseView(
        project=plan.project.name,
        version=plan.project.version,
        description=plan.project.description,
        homepage=safe_link(plan.project.homepage),
        licence=plan.project.licence,
        released_at=opening.released_at,
        date=date_words(at),
        time=time_words(at),
        tag=plan.source.tag,
        commit=plan.source.commit,
        signer=source.tag_signature.signer,
        signature_outcome=source.tag_signature.outcome,
        upstream=plan.upstream.name if plan.upstream else "",
        upstream_outcome=source.upstream_outcome,
        plan=plan.digest.hex,
        invocation_id=opening.invocation_id,
        builder_id=opening.builder_id,
        gate_policy=evidence.gate.policy,
        verdicts=verdict_views(published.document.verdicts),
        proven=proven_words(published.document.verdicts),
        platforms=platform_views(published.document.artifacts),
        recipes=recipes(published, catalogue, all_keys),
        picture=draw_chain(evidence),
        rebuilds=_rebuilds(evidence.records),
        changes=_changes(evidence.records),
        components=tuple(
            (sbom.artifact, sbom.components, sbom.artifact + SBOM_SUFFIX)
            for sbom in evidence.inspect.sboms
        ),
        inspections=tuple(map(_inspection, evidence.inspect.inspections)),
        not_assessed=tuple((item.title, item.reason) for item in evidence.gate.not_assessed),
        isolation=_isolation(evidence.records),
        sandbox=_sandbox(evidence.records),
        toolchains=tuple(
            (toolchain.name, toolchain.description, str(toolchain.fingerprint))
            for toolchain in plan.toolchains
        ),
        host_toolchain=any(toolchain.kind == "host" for toolchain in plan.toolchains),
        statements=len(evidence.attestations),
        keys=tuple(map(_key, all_keys)),
        root_digest=catalogue.root_digest.hex,
        root_groups=fingerprint_groups(catalogue.root_digest.hex),
    )


def safe_link(address: str) -> str:
    """Return a web address, or nothing: a manifest may hold any text."""
    return address if address.startswith(("https://", "http://")) else ""


def verdict_views(verdicts: tuple[Verdict, ...]) -> tuple[VerdictView, ...]:
    """Put each verdict into the page's words, in their order."""
    return tuple(
        VerdictView(
            criterion=verdict.criterion,
            title=verdict.title,
            outcome=verdict.outcome,
            word=OUTCOME_WORDS[verdict.outcome],
            reason=verdict.reason,
            evidence=tuple(digest.short for digest in verdict.evidence),
        )
        for verdict in verdicts
    )


def proven_words(verdicts: tuple[Verdict, ...]) -> str:
    """Say how many criteria passed, of how many."""
    passed = sum(verdict.outcome == "pass" for verdict in verdicts)
    return f"{passed} of {len(verdicts)} criteria proven"


def platform_views(artifacts: tuple[PublishedArtifact, ...]) -> tuple[PlatformView, ...]:
    """Group files by platform, platforms sorted, files in their order."""
    names = sorted({artifact.platform for artifact in artifacts})
    return tuple(
        PlatformView(
            title="Any platform" if name == "any" else name,
            files=tuple(_file(artifact) for artifact in artifacts if artifact.platform == name),
        )
        for name in names
    )


def _file(artifact: PublishedArtifact) -> FileView:
    return FileView(
        name=artifact.name,
        kind=KIND_WORDS.get(artifact.kind, artifact.kind),
        size=size_words(artifact.size_bytes),
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        sbom=artifact.name + SBOM_SUFFIX,
    )


def _rebuilds(records: tuple[ActionRecord, ...]) -> tuple[RebuildView, ...]:
    return tuple(
        RebuildView(
            stage=record.action.stage,
            kind=record.action.kind,
            outcome=record.reproduction.outcome,
            tree=record.result.tree.short,
            reason=record.reproduction.reason or record.reproduction.first_difference,
        )
        for record in records
        if record.reproduction is not None
    )


def _changes(records: tuple[ActionRecord, ...]) -> tuple[ChangeView, ...]:
    """Return what the second runs changed; what one run could not change counts as not changed."""
    seen: dict[str, ChangeView] = {}
    for record in records:
        for name, value in record.reproduction.perturbations if record.reproduction else ():
            change = ChangeView(
                what=_CHANGE_WORDS.get(name, name),
                value=_change_value(value),
                changed=not value.startswith(_NOT_CHANGED),
            )
            if name not in seen or not change.changed:
                seen[name] = change
    return tuple(seen.values())


def _change_value(value: str) -> str:
    """Say `+34578197 s` in days; leave all else as the builder recorded it."""
    amount, _, unit = value.partition(" ")
    if unit == "s" and amount.lstrip("+").isdecimal():
        return f"{seconds_words(int(amount))} ahead"
    return value.removeprefix(f"{_NOT_CHANGED}: ")


def _inspection(inspection: Inspection) -> InspectionView:
    return InspectionView(
        name=_INSPECTOR_WORDS.get(
            inspection.inspector, inspection.inspector.replace("-", " ").capitalize()
        ),
        outcome=inspection.outcome,
        word=OUTCOME_WORDS[inspection.outcome] if inspection.outcome != "pass" else "clear",
        reason=inspection.reason,
        looked_at=count_words(inspection.looked_at, "item"),
        facts=inspection.facts,
        findings=tuple(
            (finding.severity, finding.rule, finding.subject, finding.message)
            for finding in inspection.findings
        ),
    )


def _isolation(records: tuple[ActionRecord, ...]) -> tuple[tuple[str, str], ...]:
    """Return the facts that every sandboxed action shared; a fact that differed says so."""
    seen: dict[str, set[str]] = {}
    for record in records:
        if record.result.isolation.sandbox != "none":
            for name, value in record.result.isolation.facts:
                seen.setdefault(name, set()).add(value)
    return tuple((name, " or ".join(sorted(values))) for name, values in seen.items())


def _sandbox(records: tuple[ActionRecord, ...]) -> str:
    names = {record.result.isolation.sandbox for record in records} - {"none"}
    return list_words(tuple(sorted(names)))


def _key(key: PublicKey) -> KeyView:
    return KeyView(
        role=key.role.value,
        purpose=_ROLE_WORDS[key.role],
        offline=key.role in OFFLINE_ROLES,
        scheme=key.scheme,
        fingerprint=key.key_id,
    )
