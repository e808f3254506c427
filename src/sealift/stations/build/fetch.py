"""Fetch stages: the locked files of a group, as a tree, with wheels unpacked beside them.

No sandbox is needed, since nothing that is fetched runs here: the files are pinned by digest, and
the unpacking is ours, so its version stands in the action's key where a toolchain would.
"""

from collections.abc import Sequence
from typing import Final

from sealift.base.edge.port import Clock
from sealift.base.store.port import BlobStore
from sealift.core.action import Action, ActionRecord, ActionResult, Isolation
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError, SealiftError
from sealift.core.execution import Downloader
from sealift.core.platform import ANY
from sealift.core.progress import Progress, ProgressEvent, ProgressKind
from sealift.core.release import Download, StagePlan
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.build.action_cache import ActionCache
from sealift.stations.build.model import FILES_FOLDER, SITE_FOLDER
from sealift.stations.build.wheel_contents import unpack_wheel

FETCH_TOOLCHAIN: Final = "sealift-fetch-v1"
_NO_SANDBOX: Final = Isolation(
    sandbox="none", network=True, facts=(("reason", "nothing that was fetched is run"),)
)


class Fetcher:
    """Perform fetch stages through the action cache."""

    def __init__(
        self,
        *,
        downloader: Downloader,
        cache: ActionCache,
        store: BlobStore,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._downloader = downloader
        self._cache = cache
        self._store = store
        self._clock = clock
        self._progress = progress

    def fetch(self, stage: StagePlan, downloads: Sequence[Download]) -> ActionRecord:
        """Return the record of `stage`; `downloads` are its group's. Idempotent.

        Raises ConfigError when nothing is locked for the stage, and what the downloader raises.
        """
        begun = self._clock.monotonic_s()
        action = fetch_action(stage, downloads)
        known = self._cache.result(action)
        if known is not None:
            self._tell("cached", stage, f"{len(downloads)} files")
            return ActionRecord(action=action, result=known, cached=True)
        self._tell("started", stage, f"{len(downloads)} files")
        try:
            result = self._fetch(action, downloads)
        except SealiftError as error:
            self._tell("failed", stage, error.fact)
            raise
        self._cache.keep_result(result)
        duration_ms = int((self._clock.monotonic_s() - begun) * 1000)
        self._tell("finished", stage, f"{len(downloads)} files", duration_ms=duration_ms)
        return ActionRecord(action=action, result=result, duration_ms=duration_ms)

    def _fetch(self, action: Action, downloads: Sequence[Download]) -> ActionResult:
        files: list[TreeEntry] = []
        site: dict[str, tuple[TreeEntry, str]] = {}
        for download in sorted(downloads, key=lambda each: each.filename):
            found = self._downloader.ensure(download)
            if found.digest != download.digest:
                raise IntegrityError(
                    fact=f"`{download.filename}` came as {found.digest}",
                    expected=str(download.digest),
                )
            files.append(
                TreeEntry(
                    path=f"{FILES_FOLDER}/{download.filename}",
                    digest=found.digest,
                    size_bytes=found.size_bytes,
                )
            )
            if download.filename.endswith(".whl"):
                with self._store.open(download.digest) as wheel:
                    entries = unpack_wheel(self._store, wheel, name=download.filename)
                _merge(site, entries, origin=download.filename)
        tree = Tree.of([*files, *(entry for entry, _ in site.values())])
        log = "".join(f"{each.digest.hex}  {each.filename}\n" for each in downloads)
        with self._store.transaction():
            self._store.put(tree.canonical())
            log_blob = self._store.put(log.encode())
        return ActionResult(
            action=action.digest, tree=tree.digest, log=log_blob.digest, isolation=_NO_SANDBOX
        )

    def _tell(
        self, kind: ProgressKind, stage: StagePlan, detail: str, *, duration_ms: int | None = None
    ) -> None:
        subject = f"fetch {stage.name}"
        self._progress(
            ProgressEvent(
                kind=kind, station="build", subject=subject, detail=detail, duration_ms=duration_ms
            )
        )


def fetch_action(stage: StagePlan, downloads: Sequence[Download]) -> Action:
    """Return the action of a fetch stage; its parameters are the pinned files by name."""
    if not downloads:
        raise ConfigError(
            fact="nothing is locked for the stage",
            expected="its files in sealift.lock",
            where=f"stage `{stage.name}`",
            hint="run `sealift lock`",
        )
    return Action(
        kind="fetch",
        stage=stage.name,
        command=("sealift", "fetch"),
        inputs=(),
        outputs=(("files", f"{FILES_FOLDER}/**"), ("site", f"{SITE_FOLDER}/**")),
        environment=(),
        toolchain=FETCH_TOOLCHAIN,
        toolchain_fingerprint=Digest.of(FETCH_TOOLCHAIN.encode()),
        platform=ANY,
        parameters=tuple(sorted((each.filename, str(each.digest)) for each in downloads)),
        network=True,
        timeout_s=stage.timeout_s,
        memory_bytes=stage.memory_bytes,
    )


def _merge(
    site: dict[str, tuple[TreeEntry, str]], entries: Sequence[TreeEntry], *, origin: str
) -> None:
    """Add a wheel's entries; two wheels may share a path only with the same contents."""
    for entry in entries:
        placed = TreeEntry(
            path=f"{SITE_FOLDER}/{entry.path}",
            digest=entry.digest,
            size_bytes=entry.size_bytes,
            executable=entry.executable,
        )
        earlier = site.get(placed.path)
        if earlier is not None and earlier[0] != placed:
            raise IntegrityError(
                fact=f"`{entry.path}` comes from `{earlier[1]}` and, with other contents, from "
                f"`{origin}`",
                expected="wheels that do not overwrite each other",
                hint="put one of the two requirements into a fetch stage of its own",
            )
        site[placed.path] = (placed, origin)
