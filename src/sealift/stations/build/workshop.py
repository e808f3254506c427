"""Run actions through the cache, tell what happens, and prove results by a second run."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from sealift.base.edge.port import Clock
from sealift.base.store.port import BlobStore
from sealift.base.store.trees import load_tree
from sealift.core.action import Action, ActionRecord, ActionResult, Reproduction
from sealift.core.digest import Digest
from sealift.core.errors import DriverError, IntegrityError, SealiftError
from sealift.core.limits import ACTION_LOG_BYTES_MAX, COPY_CHUNK_BYTES
from sealift.core.progress import Progress, ProgressEvent, ProgressKind
from sealift.core.tree import Tree
from sealift.stations.build.action_cache import ActionCache
from sealift.stations.build.bisection import guilty_dimension
from sealift.stations.build.comparison import Comparison, compare, first_difference
from sealift.stations.build.counts import summarise_tests
from sealift.stations.build.model import UNPERTURBED, Perturbation
from sealift.stations.build.perturbation import footprints
from sealift.stations.build.port import Executor


class LocalWorkshop:
    """The port `core.execution.Workshop`. Safe to use from several threads.

    Two threads that ask for one action get one run of it. With `fresh` every action runs, whatever
    the cache holds, and must give the bytes that it holds. With `explain` runs that differ are
    followed by a few more, to find which change of the environment does it.
    """

    def __init__(
        self,
        *,
        executor: Executor,
        cache: ActionCache,
        store: BlobStore,
        clock: Clock,
        progress: Progress,
        fresh: bool = False,
        explain: bool = False,
    ) -> None:
        self._executor = executor
        self._cache = cache
        self._store = store
        self._clock = clock
        self._progress = progress
        self._fresh = fresh
        self._explain = explain
        self._lock = Lock()
        self._locks: defaultdict[Digest, Lock] = defaultdict(Lock)

    def perform(self, action: Action, *, reproduce: bool, why: str = "") -> ActionRecord:
        """Return the action's record, from the cache or by running it; prove it if asked."""
        begun = self._clock.monotonic_s()
        with self._alone(action):
            result, cached = self._result(action, why)
            reproduction: Reproduction | None = None
            if reproduce:
                reproduction, proof_cached = self._reproduction(action, result)
                cached = cached and proof_cached
        return ActionRecord(
            action=action,
            result=result,
            reproduction=reproduction,
            cached=cached,
            duration_ms=self._since_ms(begun),
        )

    @contextmanager
    def _alone(self, action: Action) -> Iterator[None]:
        with self._lock:
            lock = self._locks[action.digest]
        with lock:
            yield

    def _result(self, action: Action, why: str) -> tuple[ActionResult, bool]:
        subject = f"{action.kind} {action.stage}"
        known = self._cache.result(action)
        if known is not None and not self._fresh:
            self._tell(action, "cached", subject, self._said(action, known))
            return known, True
        begun = self._clock.monotonic_s()
        self._tell(action, "started", subject, why)
        try:
            execution = self._executor.execute(action, perturbation=UNPERTURBED)
        except SealiftError as error:
            self._tell(action, "failed", subject, error.fact, since_s=begun)
            raise
        result = ActionResult(
            action=action.digest,
            tree=execution.tree.digest,
            log=execution.log,
            isolation=execution.isolation,
        )
        if known is not None:
            self._require_same(action, known, execution.tree, since_s=begun)
            # The first result stays: its log and isolation may be in signed statements already.
            return known, False
        self._cache.keep_result(result)
        self._tell(action, "finished", subject, self._said(action, result), since_s=begun)
        return result, False

    def _require_same(
        self, action: Action, known: ActionResult, tree: Tree, *, since_s: float
    ) -> None:
        """Raise IntegrityError when a fresh run gave other bytes than the cache holds."""
        subject = f"{action.kind} {action.stage}"
        if tree.digest == known.tree:
            self._tell(action, "finished", subject, "same bytes as the cache", since_s=since_s)
            return
        difference = first_difference(load_tree(self._store, known.tree), tree, read=self._chunks)
        self._tell(action, "failed", subject, difference, since_s=since_s)
        raise IntegrityError(
            fact=f"a fresh run gave other bytes than the cache holds: {difference}",
            expected=f"tree {known.tree} again",
            where=f"stage `{action.stage}`",
            hint=f"run `sealift build {action.stage} --verify` to see what it depends on",
        )

    def _reproduction(self, action: Action, result: ActionResult) -> tuple[Reproduction, bool]:
        subject = f"rebuild {action.stage}"
        perturbation = self._executor.perturbation()
        known = self._cache.reproduction(result, perturbation)
        is_told = known is not None and not (self._explain and known.outcome == "different")
        if known is not None and is_told and not self._fresh:
            self._tell(action, "cached", subject, _words(known))
            return known, True
        begun = self._clock.monotonic_s()
        self._tell(action, "started", subject)
        try:
            second = self._executor.execute(action, perturbation=perturbation).tree
        except DriverError as error:
            # The first run passed: what differs is the perturbed environment, or chance. Nobody
            # knows which, so it is not kept, and the next release tries again.
            reproduction = Reproduction(
                outcome="unknown",
                perturbations=perturbation.changes,
                tree=None,
                reason=f"the second run did not finish: {error.fact}",
            )
            self._tell(action, "warning", subject, reproduction.reason, since_s=begun)
            return reproduction, False
        except SealiftError as error:
            self._tell(action, "failed", subject, error.fact, since_s=begun)
            raise
        compared = compare(
            load_tree(self._store, result.tree),
            second,
            read=self._chunks,
            footprints=footprints(perturbation),
        )
        reproduction = Reproduction(
            outcome=compared.outcome,
            perturbations=perturbation.changes,
            tree=second.digest,
            first_difference=compared.first_difference,
            reason=_reason(compared) + self._explained(action, result, compared, perturbation),
            stabilisers=compared.stabilisers,
        )
        self._cache.keep_reproduction(result, perturbation, reproduction)
        kind: ProgressKind = "finished" if compared.outcome == "identical" else "warning"
        self._tell(action, kind, subject, _words(reproduction), since_s=begun)
        return reproduction, False

    def _explained(
        self, action: Action, result: ActionResult, compared: Comparison, changed: Perturbation
    ) -> str:
        """Say which change alone makes the runs differ; nothing unless asked to find out."""
        if not self._explain or compared.outcome != "different":
            return ""

        def differs(narrower: Perturbation) -> bool:
            try:
                again = self._executor.execute(action, perturbation=narrower)
            except DriverError:
                return True
            return again.tree.digest != result.tree

        guilty = guilty_dimension(changed, differs=differs)
        if not guilty:
            return "; it differs in an unchanged environment too: chance, an address or a path"
        return f"; a change of {guilty} alone is enough"

    def _chunks(self, digest: Digest) -> Iterator[bytes]:
        with self._store.open(digest) as blob:
            while chunk := blob.read(COPY_CHUNK_BYTES):
                yield chunk

    def _said(self, action: Action, result: ActionResult) -> str:
        """Return what a test run says it counted; nothing for other kinds."""
        if action.kind != "test":
            return ""
        log = self._store.read(result.log, size_bytes_max=2 * ACTION_LOG_BYTES_MAX)
        return summarise_tests(log.decode(errors="replace").splitlines())

    def _since_ms(self, begun_s: float) -> int:
        return int((self._clock.monotonic_s() - begun_s) * 1000)

    def _tell(
        self,
        action: Action,
        kind: ProgressKind,
        subject: str,
        detail: str = "",
        *,
        since_s: float | None = None,
    ) -> None:
        self._progress(
            ProgressEvent(
                kind=kind,
                station="package" if action.kind == "package" else "build",
                subject=subject,
                detail=detail,
                duration_ms=None if since_s is None else self._since_ms(since_s),
            )
        )


def _words(reproduction: Reproduction) -> str:
    if reproduction.outcome == "identical":
        return "identical"
    return reproduction.reason or reproduction.first_difference


def _reason(compared: Comparison) -> str:
    """Say why two runs are not identical: the stabilisers they need, or the first cause."""
    if compared.outcome != "different":
        return compared.reason
    cause = f": {compared.reason}" if compared.reason else ""
    return f"the second run gave other bytes{cause}"
