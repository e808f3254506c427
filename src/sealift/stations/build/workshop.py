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
from sealift.core.errors import DriverError, SealiftError
from sealift.core.limits import ACTION_LOG_BYTES_MAX, COPY_CHUNK_BYTES
from sealift.core.progress import Progress, ProgressEvent, ProgressKind
from sealift.stations.build.action_cache import ActionCache
from sealift.stations.build.comparison import first_difference
from sealift.stations.build.counts import summarise_tests
from sealift.stations.build.model import UNPERTURBED
from sealift.stations.build.port import Executor


class LocalWorkshop:
    """The port `core.execution.Workshop`. Safe to use from several threads.

    Two threads that ask for one action get one run of it.
    """

    def __init__(
        self,
        *,
        executor: Executor,
        cache: ActionCache,
        store: BlobStore,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._executor = executor
        self._cache = cache
        self._store = store
        self._clock = clock
        self._progress = progress
        self._lock = Lock()
        self._locks: defaultdict[Digest, Lock] = defaultdict(Lock)

    def perform(self, action: Action, *, reproduce: bool) -> ActionRecord:
        """Return the action's record, from the cache or by running it; prove it if asked."""
        begun = self._clock.monotonic_s()
        with self._alone(action):
            result, cached = self._result(action)
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

    def _result(self, action: Action) -> tuple[ActionResult, bool]:
        subject = f"{action.kind} {action.stage}"
        known = self._cache.result(action)
        if known is not None:
            self._tell(action, "cached", subject, self._said(action, known))
            return known, True
        begun = self._clock.monotonic_s()
        self._tell(action, "started", subject)
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
        self._cache.keep_result(result)
        self._tell(action, "finished", subject, self._said(action, result), since_s=begun)
        return result, False

    def _reproduction(self, action: Action, result: ActionResult) -> tuple[Reproduction, bool]:
        subject = f"rebuild {action.stage}"
        perturbation = self._executor.perturbation()
        known = self._cache.reproduction(result, perturbation)
        if known is not None:
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
        difference = first_difference(
            load_tree(self._store, result.tree), second, read=self._chunks
        )
        reproduction = Reproduction(
            outcome="different" if difference else "identical",
            perturbations=perturbation.changes,
            tree=second.digest,
            first_difference=difference,
            reason="the second run gave other bytes" if difference else "",
        )
        self._cache.keep_reproduction(result, perturbation, reproduction)
        kind: ProgressKind = "warning" if difference else "finished"
        self._tell(action, kind, subject, _words(reproduction), since_s=begun)
        return reproduction, False

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
    return reproduction.first_difference or reproduction.reason
