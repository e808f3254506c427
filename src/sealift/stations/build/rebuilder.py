"""Make a published release again from its recipes, and compare: tree by tree, then file by file.

Nothing comes from a cache. Where a step's result is not at hand the next one takes what this
rebuild made instead; what was missing or other than published turns a difference into *unknown*,
and identical bytes clear every doubt.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sealift.base.specs.recipes import Recipe
from sealift.base.store.port import BlobStore
from sealift.base.store.trees import load_tree
from sealift.core.action import Action, Reproduced
from sealift.core.digest import Digest
from sealift.core.errors import SealiftError
from sealift.core.limits import COPY_CHUNK_BYTES
from sealift.core.progress import Progress, ProgressEvent, ProgressKind
from sealift.core.rebuild import RebuiltAction, RebuiltFile, RebuiltToolchain
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.build.comparison import Comparison, compare
from sealift.stations.build.model import UNPERTURBED
from sealift.stations.build.port import Executor
from sealift.stations.build.selection import select


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where an action of one toolchain runs here, and that toolchain's fingerprint."""

    executor: Executor
    fingerprint: Digest


FindBench = Callable[[Action], Bench | None]
"""Return where an action can run here; None when its toolchain cannot be had."""

MakeInput = Callable[[Recipe], Tree]
"""Make the tree of a recipe that runs nothing (source, fetch); raise SealiftError otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What came of one recipe: a tree or none, and what stands between it and the published one."""

    tree: Tree | None
    doubts: tuple[str, ...] = ()


class Rebuilder:
    """Rebuild recipes in their order. One object a rebuild."""

    def __init__(
        self,
        *,
        store: BlobStore,
        find_bench: FindBench,
        make_input: MakeInput,
        progress: Progress,
    ) -> None:
        self._store = store
        self._find_bench = find_bench
        self._make_input = make_input
        self._progress = progress
        self._made: dict[Digest, _Made] = {}
        self._toolchains: dict[tuple[str, Digest], RebuiltToolchain] = {}

    @property
    def toolchains(self) -> tuple[RebuiltToolchain, ...]:
        """Return every toolchain that recipes asked for, sorted by name."""
        return tuple(self._toolchains[key] for key in sorted(self._toolchains))

    def rebuild(self, recipe: Recipe) -> RebuiltAction:
        """Make one recipe's tree again and compare it with the published one.

        Recipes come inputs first. Never raises for what a recipe does: that is a verdict.
        """
        self._tell("started", recipe)
        try:
            made = self._make(recipe)
        except SealiftError as error:
            made = _Made(tree=None, doubts=(error.fact,))
        compared = self._compared(recipe, made)
        if compared.outcome == "identical":
            made = replace(made, doubts=())
        self._made[recipe.tree] = made
        kind: ProgressKind = "finished" if compared.outcome == "identical" else "warning"
        self._tell(kind, recipe, compared.reason or compared.outcome)
        return compared

    def file(
        self, recipe: Recipe, name: str, published: Digest, content: bytes | None
    ) -> RebuiltFile:
        """Compare one file of a rebuilt recipe; `content` are the published bytes, if at hand."""
        made = self._made[recipe.tree]
        entry = _file_named(made.tree, name) if made.tree is not None else None
        if entry is None or entry.digest is None:
            reason = "; ".join(made.doubts) or "the rebuild made no such file"
            return RebuiltFile(
                name=name,
                published=published,
                rebuilt=None,
                outcome="unknown" if made.doubts else "different",
                reason=reason,
            )
        outcome: Reproduced = "identical"
        reason = ""
        stabilisers: tuple[str, ...] = ()
        if entry.digest != published:
            compared = self._compare_file(entry, published, content)
            outcome, reason = _judged(compared, made.doubts)
            stabilisers = compared.stabilisers
        return RebuiltFile(
            name=name,
            published=published,
            rebuilt=entry.digest,
            outcome=outcome,
            reason=reason,
            stabilisers=stabilisers,
        )

    def _make(self, recipe: Recipe) -> _Made:
        if recipe.kind in {"source", "fetch"}:
            return _Made(tree=self._make_input(recipe))
        if recipe.action is None:
            return _Made(tree=None, doubts=("its provenance does not document the action",))
        inputs = {item.tree: self._made.get(item.tree) for item in recipe.action.inputs}
        trees = {tree: made.tree for tree, made in inputs.items() if made and made.tree}
        doubts = [doubt for made in inputs.values() if made for doubt in made.doubts]
        missing = [item.name for item in recipe.action.inputs if item.tree not in trees]
        if missing:
            doubts.append(f"its input `{missing[0]}` could not be made again")
            return _Made(tree=None, doubts=tuple(dict.fromkeys(doubts)))
        action = replace(
            recipe.action,
            inputs=tuple(
                replace(item, tree=trees[item.tree].digest) for item in recipe.action.inputs
            ),
        )
        if recipe.kind == "select":
            whole = trees[recipe.action.inputs[0].tree]
            narrowed = load_tree(self._store, select(self._store, action, whole).result.tree)
            return _Made(tree=narrowed, doubts=tuple(doubts))
        return self._run(action, tuple(dict.fromkeys(doubts)))

    def _run(self, action: Action, doubts: tuple[str, ...]) -> _Made:
        bench = self._find_bench(action)
        wanted = action.toolchain_fingerprint
        here = bench.fingerprint if bench is not None else None
        self._toolchains[action.toolchain, wanted] = RebuiltToolchain(
            name=action.toolchain, published=wanted, here=here
        )
        if bench is None:
            return _Made(tree=None, doubts=(*doubts, f"toolchain `{action.toolchain}` is not here"))
        if bench.fingerprint != wanted:
            here_and_then = f"{bench.fingerprint.short} here, {wanted.short} when published"
            doubts = (*doubts, f"toolchain `{action.toolchain}` is {here_and_then}")
            action = replace(action, toolchain_fingerprint=bench.fingerprint)
        try:
            execution = bench.executor.execute(action, perturbation=UNPERTURBED)
        except SealiftError as error:
            # A command that fails here and did not when published: something here is missing.
            return _Made(tree=None, doubts=(*doubts, error.fact))
        return _Made(tree=execution.tree, doubts=doubts)

    def _compared(self, recipe: Recipe, made: _Made) -> RebuiltAction:
        outcome: Reproduced = "identical"
        reason = ""
        stabilisers: tuple[str, ...] = ()
        if made.tree is None:
            outcome, reason = "unknown", "; ".join(made.doubts)
        elif made.tree.digest != recipe.tree:
            compared = self._compare_tree(recipe.tree, made.tree)
            outcome, reason = _judged(compared, made.doubts)
            stabilisers = compared.stabilisers
        return RebuiltAction(
            stage=recipe.stage,
            kind=recipe.kind,
            action=recipe.digest,
            published=recipe.tree,
            rebuilt=made.tree.digest if made.tree is not None else None,
            outcome=outcome,
            reason=reason,
            stabilisers=stabilisers,
        )

    def _compare_tree(self, published: Digest, rebuilt: Tree) -> Comparison:
        known = self._store.has(published) and load_tree(self._store, published)
        if not known or not all(
            entry.digest is None or self._store.has(entry.digest) for entry in known.entries
        ):
            return Comparison(
                outcome="different",
                reason="the published tree is not here to compare with, its digest differs",
            )
        return compare(known, rebuilt, read=self._chunks)

    def _compare_file(
        self, entry: TreeEntry, published: Digest, content: bytes | None
    ) -> Comparison:
        if content is None and self._store.has(published):
            content = b"".join(self._chunks(published))
        if content is None:
            return Comparison(
                outcome="different",
                reason="the published file is not here to compare with, its digest differs",
            )
        self._store.put(content)
        one = replace(entry, digest=published, size_bytes=len(content))
        return compare(Tree.of([one]), Tree.of([entry]), read=self._chunks)

    def _chunks(self, digest: Digest) -> Iterator[bytes]:
        with self._store.open(digest) as blob:
            while chunk := blob.read(COPY_CHUNK_BYTES):
                yield chunk

    def _tell(self, kind: ProgressKind, recipe: Recipe, detail: str = "") -> None:
        subject = f"{recipe.kind} {recipe.stage}"
        self._progress(ProgressEvent(kind=kind, station="build", subject=subject, detail=detail))


def _judged(compared: Comparison, doubts: tuple[str, ...]) -> tuple[Reproduced, str]:
    """Return outcome and reason: with a doubt, other bytes prove nothing."""
    words = compared.reason or compared.first_difference
    if doubts:
        return "unknown", f"{'; '.join(doubts)}; its bytes differ: {words}"
    return compared.outcome, words


def _file_named(tree: Tree, name: str) -> TreeEntry | None:
    found = [entry for entry in tree.entries if entry.path.rpartition("/")[2] == name]
    return found[0] if len(found) == 1 else None
