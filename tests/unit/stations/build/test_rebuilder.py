from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sealift.base.edge.real import real_world
from sealift.base.specs.recipes import Recipe
from sealift.base.specs.statement import Subject
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.action import Action, ActionInput
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, DriverError, SealiftError
from sealift.core.platform import ANY
from sealift.core.rebuild import RebuiltAction, RebuiltFile, worst
from sealift.core.tree import Tree
from sealift.stations.build.rebuilder import Bench, Rebuilder
from sealift.testing.workbench import Heard, ScriptedExecutor, keep_tree

HERE = Digest.of(b"the toolchain here")
SOURCE: Mapping[str, bytes] = {"a.c": b"int main;"}
PROGRAM: Mapping[str, bytes] = {"usr/bin/a": b"program"}
NAME = "a.tar"


@dataclass(slots=True)
class Release:
    """A release of three recipes, and a rebuilder whose executor answers as a story says."""

    store: LocalBlobStore
    answers: list[Mapping[str, bytes] | SealiftError]
    source: Mapping[str, bytes] | SealiftError = field(default_factory=lambda: SOURCE)
    toolchain: Digest = HERE
    bench: bool = True

    def tree(self, files: Mapping[str, bytes]) -> Tree:
        return keep_tree(self.store, files)

    def action(self, kind: str, stage: str, read: Mapping[str, bytes]) -> Action:
        made = Action(
            kind="build",
            stage=stage,
            command=("make",),
            inputs=(ActionInput(name="in", tree=self.tree(read).digest),),
            outputs=(),
            environment=(),
            toolchain="host",
            toolchain_fingerprint=self.toolchain,
            platform=ANY,
            timeout_s=60,
            memory_bytes=2**30,
        )
        return replace(made, kind="package") if kind == "package" else made

    def recipes(self) -> tuple[Recipe, ...]:
        source = Recipe(
            stage="source",
            kind="source",
            digest=Digest.of(b"source"),
            action=None,
            tree=self.tree(SOURCE).digest,
            files=(),
            dependencies=(),
        )
        compiled = self.action("build", "compile", SOURCE)
        packed = self.action("package", "package-tar", PROGRAM)
        archive = Subject(name=NAME, digest=Digest.of(b"archive"))
        return (
            source,
            replace(
                source,
                stage="compile",
                kind="build",
                digest=compiled.digest,
                action=compiled,
                tree=self.tree(PROGRAM).digest,
            ),
            replace(
                source,
                stage="package-tar",
                kind="package",
                digest=packed.digest,
                action=packed,
                tree=self.tree({NAME: b"archive"}).digest,
                files=(archive,),
            ),
        )

    def rebuild(
        self, recipes: tuple[Recipe, ...] = (), content: bytes | None = b"archive"
    ) -> tuple[list[RebuiltAction], RebuiltFile]:
        executor = ScriptedExecutor(answers=list(self.answers), store=self.store)
        bench = Bench(executor=executor, fingerprint=HERE)
        rebuilder = Rebuilder(
            store=self.store,
            find_bench=lambda _: bench if self.bench else None,
            make_input=self.make_input,
            progress=Heard(),
        )
        known = recipes or self.recipes()
        actions = [rebuilder.rebuild(recipe) for recipe in known]
        file = rebuilder.file(known[-1], NAME, known[-1].files[0].digest, content)
        assert {each.published for each in rebuilder.toolchains} <= {self.toolchain}
        return actions, file

    def make_input(self, _: Recipe) -> Tree:
        if isinstance(self.source, SealiftError):
            raise self.source
        return self.tree(self.source)


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "store", real_world().files)


def outcomes(actions: list[RebuiltAction]) -> list[str]:
    return [action.outcome for action in actions]


def test_same_bytes_at_every_step_are_identical(store: LocalBlobStore) -> None:
    actions, file = Release(store=store, answers=[PROGRAM, {NAME: b"archive"}]).rebuild()
    assert outcomes(actions) == ["identical"] * 3
    assert (file.outcome, file.reason) == ("identical", "")


def test_other_bytes_with_the_same_toolchain_are_different_with_their_cause(
    store: LocalBlobStore,
) -> None:
    actions, file = Release(
        store=store, answers=[PROGRAM, {NAME: b"archive built later"}]
    ).rebuild()
    assert outcomes(actions) == ["identical", "identical", "different"]
    assert file.outcome == "different"
    assert "`a.tar`, at offset 7" in file.reason
    assert file.rebuilt == Digest.of(b"archive built later")


def test_other_bytes_with_another_toolchain_are_unknown_and_never_different(
    store: LocalBlobStore,
) -> None:
    answers = [{"usr/bin/a": b"other program"}, {NAME: b"other"}]
    there = Release(store=store, answers=answers, toolchain=Digest.of(b"theirs"))
    actions, file = there.rebuild()
    assert outcomes(actions) == ["identical", "unknown", "unknown"]
    assert file.outcome == "unknown"
    assert "toolchain `host` is" in file.reason


def test_identical_bytes_clear_the_doubt_about_the_toolchain(store: LocalBlobStore) -> None:
    answers = [{"usr/bin/a": b"other program"}, {NAME: b"archive"}]
    there = Release(store=store, answers=answers, toolchain=Digest.of(b"theirs"))
    actions, file = there.rebuild()
    assert outcomes(actions) == ["identical", "unknown", "identical"]
    assert file.outcome == "identical"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([DriverError(fact="no gcc")], "no gcc"),
        ([PROGRAM, ConfigError(fact="no sandbox")], "no sandbox"),
    ],
)
def test_step_that_fails_here_leaves_the_file_unknown(
    store: LocalBlobStore, answers: list[Mapping[str, bytes] | SealiftError], words: str
) -> None:
    actions, file = Release(store=store, answers=answers).rebuild()
    assert actions[-1].outcome == "unknown"
    assert (file.outcome, file.rebuilt) == ("unknown", None)
    assert words in file.reason


def test_input_that_cannot_be_had_leaves_what_needs_it_unknown(store: LocalBlobStore) -> None:
    release = Release(store=store, answers=[{NAME: b"archive"}], source=ConfigError(fact="gone"))
    recipes = release.recipes()
    executor = ScriptedExecutor(answers=[], store=store)
    rebuilder = Rebuilder(
        store=store,
        find_bench=lambda _: Bench(executor=executor, fingerprint=HERE),
        make_input=release.make_input,
        progress=Heard(),
    )
    actions = [rebuilder.rebuild(recipe) for recipe in recipes]
    assert outcomes(actions) == ["unknown"] * 3
    assert actions[1].reason == "gone; its input `in` could not be made again"
    assert executor.runs == []


def test_toolchain_that_is_not_here_and_a_missing_document_are_unknown(
    store: LocalBlobStore,
) -> None:
    actions, file = Release(store=store, answers=[], bench=False).rebuild()
    assert file.outcome == "unknown"
    assert "toolchain `host` is not here" in actions[1].reason

    release = Release(store=store, answers=[{NAME: b"archive"}])
    source, compiled, packed = release.recipes()
    actions, file = release.rebuild((source, packed))
    assert outcomes(actions) == ["identical", "unknown"]
    undocumented = replace(compiled, action=None)
    rebuilder = Rebuilder(
        store=store,
        find_bench=lambda _: None,
        make_input=release.make_input,
        progress=Heard(),
    )
    assert "does not document" in rebuilder.rebuild(undocumented).reason


def test_published_file_that_is_not_at_hand_still_gives_different(store: LocalBlobStore) -> None:
    release = Release(store=store, answers=[PROGRAM, {NAME: b"other"}])
    recipes = release.recipes()
    gone = Digest.of(b"never kept")
    recipes = (
        *recipes[:2],
        replace(recipes[2], tree=gone, files=(Subject(name=NAME, digest=gone),)),
    )
    actions, file = release.rebuild(recipes, content=None)
    assert actions[-1].outcome == "different"
    assert (file.outcome, "not here to compare" in file.reason) == ("different", True)


def test_the_worst_outcome_counts_and_none_is_unknown() -> None:
    assert worst(["identical", "unknown", "different", "equivalent"]) == "different"
    assert worst(["identical", "equivalent", "unknown"]) == "unknown"
    assert worst(["identical", "equivalent"]) == "equivalent"
    assert worst(["identical"]) == "identical"
    assert worst([]) == "unknown"
