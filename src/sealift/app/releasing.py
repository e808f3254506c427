"""Run a release: the lease, the durable flow over the pipeline, the ledger, the summary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sealift.app.pipeline import PIPELINE, REHEARSED, Step, bind
from sealift.app.planning import Prepared, prepare, require_packages
from sealift.app.wiring import House
from sealift.base.flow.port import StepFunction
from sealift.core.codec import Json, digest_of, from_plain, to_json
from sealift.core.errors import IntegrityError
from sealift.core.progress import ProgressEvent
from sealift.core.release import (
    AttestReport,
    BuildReport,
    GateReport,
    Opening,
    PackageReport,
    PublishReport,
    ReleasePlan,
    ReleaseSummary,
    SourceReport,
)
from sealift.stations.build.executor import remove_leftovers
from sealift.stations.gate.steps import deny
from sealift.stations.publish.trusted_tree import TrustedTree

_LEASE = "release"
_DENIED = "release.denied"
_FINISHED = "release.finished"
_LOST = "release.lost"
_VISIBLE_STATIONS = frozenset({"publish", "channel"})
_ATTEMPT_ENDS = frozenset({_DENIED, _LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """What a release needs to know besides the checkout.

    `passphrase` is called once, and only if something has to be signed.
    """

    advisories: Path | None
    passphrase: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """How a release ended: its summary, and what a person should know."""

    summary: ReleaseSummary
    notes: tuple[str, ...]


def release(house: House, request: ReleaseRequest) -> Released:
    """Carry the checked-out, tagged commit through all stations.

    Idempotent: a release that was interrupted goes on where it stopped, one that is finished is
    told so. Raises PolicyDenied when the gate refuses, UnavailableError when another release holds
    the checkout, and what the stations raise.
    """
    with house.lease(_LEASE) as lease:
        remove_leftovers(house.world, house.scratch)
        prepared = prepare(house, snapshot=False, write_lock=True)
        require_packages(prepared)
        project = prepared.plan.project.name
        house.root(project)
        _keep(house, prepared)
        for note in prepared.notes:
            house.progress(ProgressEvent(kind="note", station="plan", subject=note))
        # Said before the work starts: who is not trusted would otherwise be told at the gate.
        for warning in house.custody.show(project).warnings:
            house.progress(ProgressEvent(kind="warning", station="keys", subject=warning))
        run = _Run(house=house, prepared=prepared, request=request, still_ours=lease.check)
        return Released(summary=run.summary(), notes=prepared.notes)


def _keep(house: House, prepared: Prepared) -> None:
    """Store what decided the release, so that its digests can be looked up for ever."""
    with house.store.transaction():
        house.store.put(to_json(prepared.plan))
        house.store.put(prepared.manifest_data)
        if prepared.lock_data is not None:
            house.store.put(prepared.lock_data)


class _Run:
    """One plan on its way; attempts that a gate refused are begun anew from the source."""

    def __init__(
        self,
        *,
        house: House,
        prepared: Prepared,
        request: ReleaseRequest,
        still_ours: Callable[[], None],
    ) -> None:
        self._house = house
        self._plan = prepared.plan
        self._request = request
        self._still_ours = still_ours

    def summary(self) -> ReleaseSummary:
        finished = self._is_finished()
        if finished and not self._is_published():
            self._note(_LOST, {"reason": "the published tree does not hold this release"})
            finished = False
        results = self._replay() if finished else self._carry()
        if not finished:
            self._note(_FINISHED, {"publish": str(digest_of(results["publish"]))})
        return summarise(self._house, self._plan, results, already=finished)

    @property
    def _workflow_id(self) -> str:
        """The plan's digest and the number of the attempt: a refused one is not resumed."""
        ended = sum(
            1
            for entry in self._house.ledger.entries()
            if entry.kind in _ATTEMPT_ENDS and _plan_of(entry.body) == str(self._plan.digest)
        )
        return f"release-{self._plan.digest.hex}-{ended + 1}"

    def _is_finished(self) -> bool:
        wanted = self._workflow_id
        return any(
            entry.kind == _FINISHED
            and isinstance(entry.body, dict)
            and entry.body.get("workflow") == wanted
            for entry in self._house.ledger.entries()
        )

    def _is_published(self) -> bool:
        generation = self._house.site(self._plan.project.name).current()
        if generation is None:
            return False
        root = self._house.root(self._plan.project.name)
        return self._plan.project.version in TrustedTree(generation.folder, root).policy().released

    def _replay(self) -> Mapping[str, Json]:
        """Read the journal of a finished release; nothing runs, so no key is needed."""

        def never(results: Mapping[str, Json]) -> Json:
            raise IntegrityError(
                fact=f"the journal of a finished release ends after {len(results)} steps",
                expected="every step",
                hint="sealift audit",
            )

        return self._flowing(dict.fromkeys((step.name for step in PIPELINE), never))

    def _carry(self) -> Mapping[str, Json]:
        house, project = self._house, self._plan.project.name
        with house.desk(project, passphrase=self._request.passphrase()) as desk:
            stations = house.stations(project, desk, advisories=self._request.advisories)
            return self._flowing(bind(PIPELINE, stations, self._plan, around=self._around))

    def _flowing(self, functions: Mapping[str, StepFunction]) -> Mapping[str, Json]:
        program = [step.name for step in PIPELINE]
        flow = self._house.open_flow()
        try:
            outcome = flow.run(workflow_id=self._workflow_id, program=program, steps=functions)
        finally:
            flow.close()
        return outcome.results

    def _around(self, step: Step, run: Callable[[], object]) -> object:
        if step.station in _VISIBLE_STATIONS:
            # A machine that slept may have lost the lease: ask before anybody can see a change.
            self._still_ours()
        report = run()
        if isinstance(report, GateReport) and report.outcome != "pass":
            self._note(_DENIED, {"outcome": report.outcome, "gate": str(digest_of(report))})
            raise deny(report)
        self._note(
            "release.step",
            {"step": step.name, "report": str(digest_of(report))},
            key=f"{self._workflow_id}/{step.name}/{digest_of(report).hex}",
        )
        _tell(self._house, step, report)
        return report

    def _note(self, kind: str, facts: dict[str, Json], *, key: str | None = None) -> None:
        workflow = self._workflow_id
        self._house.ledger.append(
            kind,
            {
                "project": self._plan.project.name,
                "version": self._plan.project.version,
                "plan": str(self._plan.digest),
                "workflow": workflow,
                **facts,
            },
            self._house.world.clock.now(),
            idempotency_key=key or f"{workflow}/{kind}",
        )


def _plan_of(body: Json) -> Json:
    return body.get("plan") if isinstance(body, dict) else None


def _tell(house: House, step: Step, report: object) -> None:
    """Say in one line what a step gave, for steps whose station does not speak for itself."""
    detail = ""
    if isinstance(report, SourceReport):
        detail = f"tree {report.tree.short}; tag: {report.tag_signature.reason}"
    elif isinstance(report, PublishReport):
        detail = f"generation {report.generation}, {len(report.files)} files read back"
    if detail:
        house.progress(
            ProgressEvent(kind="finished", station=step.station, subject=step.name, detail=detail)
        )


def summarise(
    house: House, plan: ReleasePlan, results: Mapping[str, Json], *, already: bool
) -> ReleaseSummary:
    """Put the journalled reports into what a person reads at the end."""
    opening = from_plain(Opening, results["open"])
    build = from_plain(BuildReport, results["build"])
    package = from_plain(PackageReport, results["package"])
    gate = from_plain(GateReport, results["gate"])
    published = from_plain(PublishReport, results["publish"])
    signed = [from_plain(AttestReport, results[name]) for name in ("attest", "seal")]
    records = (*build.records, *package.records)
    proven = [record.reproduction for record in records if record.reproduction is not None]
    return ReleaseSummary(
        project=plan.project.name,
        version=plan.project.version,
        tag=plan.source.tag,
        released_at=opening.released_at,
        artifacts=package.artifacts,
        actions=len(records) + 1,
        identical=sum(1 for proof in proven if proof.outcome == "identical"),
        attestations=sum(len(report.attestations) for report in signed),
        gate=gate,
        site=published.site,
        page=str(house.home.site(plan.project.name) / "current" / "index.html"),
        url=plan.url,
        root_digest=published.root_digest,
        already=already or published.already,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What a snapshot gave: files in a folder, nothing signed, nothing published."""

    project: str
    version: str
    folder: str
    package: PackageReport
    notes: tuple[str, ...]


def rehearse(house: House, *, advisories: Path | None) -> Rehearsed:
    """Run the stations up to `inspect` on the checked-out commit, tagged or not.

    Uses a cache of its own: what a rehearsal built, a release never reads.
    """
    with house.lease(_LEASE):
        prepared = prepare(house, snapshot=True, write_lock=True)
        require_packages(prepared)
        for note in prepared.notes:
            house.progress(ProgressEvent(kind="note", station="plan", subject=note))
        stations = house.rehearsal(advisories=advisories, tier="snapshot")
        functions = bind(REHEARSED, stations, prepared.plan, around=lambda _step, run: run())
        results: dict[str, Json] = {}
        for name, function in functions.items():
            results[name] = function(results)
        package = from_plain(PackageReport, results["package"])
        folder = house.checkout.snapshots / prepared.plan.project.version
        house.world.files.remove(folder)
        house.world.files.make_folder(folder)
        for artifact in package.artifacts:
            data = house.store.path(artifact.file.digest)
            house.world.files.link_or_copy(data, folder / artifact.name)
        return Rehearsed(
            project=prepared.plan.project.name,
            version=prepared.plan.project.version,
            folder=str(folder),
            package=package,
            notes=prepared.notes,
        )
