"""The durable steps `open` and `source` of a release."""

import uuid
from pathlib import Path
from typing import Final

from sealift.base.edge.port import World
from sealift.base.specs.predicates import BUILDER_LOCAL
from sealift.base.store.port import BlobStore
from sealift.core.action import Action, ActionRecord, ActionResult, Isolation
from sealift.core.codec import format_time
from sealift.core.digest import Digest
from sealift.core.limits import GIT_TIMEOUT_S
from sealift.core.platform import ANY
from sealift.core.release import Opening, ReleasePlan, SourceReport, TagSignature
from sealift.core.tree import Tree
from sealift.core.verdict import Outcome
from sealift.stations.plan.git import Git
from sealift.stations.plan.model import LOCK_NAME, MANIFEST_NAME, SOURCE
from sealift.stations.plan.planner import HOST_TOOLCHAIN
from sealift.stations.plan.tag_signature import verify_tag
from sealift.stations.plan.upstream import compare_archive, without_ours

_INVOCATION_BYTES: Final = 16


class PlanSteps:
    """Open a release and take its source out of the checkout."""

    def __init__(
        self,
        *,
        checkout: Path,
        store: BlobStore,
        world: World,
        allowed_signers: Path | None = None,
        gpg_fingerprints: tuple[str, ...] = (),
    ) -> None:
        self._git = Git(processes=world.processes, environment=world.environment, folder=checkout)
        self._store = store
        self._world = world
        self._allowed_signers = allowed_signers
        self._gpg_fingerprints = gpg_fingerprints

    def open_release(self, plan: ReleasePlan) -> Opening:
        """Draw the release's time and id; journalled before use, so a resumption uses them again.

        The invocation id names the plan by its random part only: two attempts from scratch differ.
        """
        del plan
        now = self._world.clock.now().replace(microsecond=0)
        token = self._world.entropy.token_bytes(_INVOCATION_BYTES)
        return Opening(
            released_at=format_time(now),
            released_at_s=int(now.timestamp()),
            invocation_id=uuid.UUID(bytes=token, version=4).urn,
            builder_id=BUILDER_LOCAL,
        )

    def snapshot_source(self, plan: ReleasePlan) -> SourceReport:
        """Store the commit's files as a tree; judge the tag's signature and the upstream archive.

        Idempotent: the report depends on the commit, the tag and the trusted signers only, but for
        the duration. The tree is without the manifest and the lock, which the plan holds.
        """
        started_s = self._world.clock.monotonic_s()
        tree = source_tree(self._git, plan.source.commit, self._store)
        outcome, reason = self._upstream(plan, tree)
        duration_ms = int((self._world.clock.monotonic_s() - started_s) * 1000)
        return SourceReport(
            action=self._record(plan, tree, duration_ms=duration_ms),
            tree=tree.digest,
            tag_signature=self._tag_signature(plan),
            upstream_outcome=outcome,
            upstream_reason=reason,
        )

    def _upstream(self, plan: ReleasePlan, tree: Tree) -> tuple[Outcome, str]:
        if plan.upstream is None:
            return ("unknown", "no published archive is named for this source")
        return compare_archive(self._store, plan.upstream, source=tree)

    def _tag_signature(self, plan: ReleasePlan) -> TagSignature:
        if not plan.source.tag:
            return TagSignature(
                outcome="unknown",
                method="none",
                signer="",
                reason="a snapshot has no tag",
            )
        return verify_tag(
            self._git,
            plan.source.tag,
            commit=plan.source.commit,
            allowed_signers=self._allowed_signers,
            gpg_fingerprints=self._gpg_fingerprints,
        )

    def _record(self, plan: ReleasePlan, tree: Tree, *, duration_ms: int) -> ActionRecord:
        action = source_action(plan)
        return ActionRecord(
            action=action,
            result=ActionResult(
                action=action.digest,
                tree=tree.digest,
                log=self._store.put(b"").digest,
                isolation=Isolation(sandbox="none", network=False, facts=()),
            ),
            duration_ms=duration_ms,
        )


def source_tree(git: Git, commit: str, store: BlobStore) -> Tree:
    """Store the files of `commit`, without the manifest and the lock, and return their tree."""
    tree = without_ours(git.archive(commit, store))
    store.put(tree.canonical())
    return tree


def source_action(plan: ReleasePlan) -> Action:
    """Say what `snapshot_source` does as an action, so that provenance starts at the commit."""
    parameters = [
        ("commit", plan.source.commit),
        ("left-out", f"{MANIFEST_NAME} {LOCK_NAME}"),
        ("tag", plan.source.tag),
    ]
    if plan.upstream is not None:
        parameters.append(("upstream", str(plan.upstream.digest)))
    return Action(
        kind="source",
        stage=SOURCE,
        command=("git", "archive", "--format=tar", plan.source.commit),
        inputs=(),
        outputs=(),
        environment=(),
        toolchain=HOST_TOOLCHAIN,
        toolchain_fingerprint=_fingerprint(plan),
        platform=ANY,
        parameters=tuple(parameters),
        timeout_s=GIT_TIMEOUT_S,
        memory_bytes=0,
    )


def _fingerprint(plan: ReleasePlan) -> Digest:
    for toolchain in plan.toolchains:
        if toolchain.name == HOST_TOOLCHAIN:
            return toolchain.fingerprint
    # A plan of fetches alone names no toolchain; git archive needs none that we pin.
    return Digest.of(b"")
