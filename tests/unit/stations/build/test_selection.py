"""Narrowed inputs: what globs leave out enters no later key."""

import pytest

from sealift.core.action import ActionRecord
from sealift.core.errors import ConfigError
from sealift.core.platform import ANY
from sealift.core.release import StagePlan
from sealift.core.tree import Tree
from sealift.stations.build.resolution import StageInput, resolve
from sealift.stations.build.selection import select, select_action
from sealift.testing.workbench import Workbench, stage_plan

FILES = {"usr/lib/a.so": b"a", "usr/lib/b.so": b"b", "usr/share/doc": b"doc"}


def narrowing(*globs: str) -> StagePlan:
    outputs = tuple((f"only-{number}", glob) for number, glob in enumerate(globs, start=1))
    return stage_plan(
        "link.compile", kind="select", inputs=("compile",), outputs=outputs, platform=ANY
    )


def narrowed(bench: Workbench, tree: Tree, *globs: str) -> ActionRecord:
    return select(bench.store, select_action(narrowing(*globs), tree), tree)


def test_selected_tree_holds_what_the_globs_match(bench: Workbench) -> None:
    record = narrowed(bench, bench.tree(FILES), "usr/lib/a.so", "usr/share/**")
    expected = bench.tree({name: FILES[name] for name in ("usr/lib/a.so", "usr/share/doc")})
    assert record.result.tree == expected.digest
    assert record.action.kind == "select"
    assert bench.store.read(record.result.log, size_bytes_max=100) == b"2 of 3 files\n"


def test_change_of_what_is_left_out_gives_the_same_tree_and_another_does_not(
    bench: Workbench,
) -> None:
    first = narrowed(bench, bench.tree(FILES), "usr/lib/**").result.tree
    elsewhere = bench.tree({**FILES, "usr/share/doc": b"new words", "README": b"more"})
    within = bench.tree({**FILES, "usr/lib/a.so": b"new code"})
    assert narrowed(bench, elsewhere, "usr/lib/**").result.tree == first
    assert narrowed(bench, within, "usr/lib/**").result.tree != first


def test_glob_that_matches_nothing_is_refused(bench: Workbench) -> None:
    with pytest.raises(ConfigError, match=r"`usr/bin/\*\*` matches nothing in `compile`") as caught:
        narrowed(bench, bench.tree(FILES), "usr/lib/**", "usr/bin/**")
    assert caught.value.where == "stage `link`"


def test_narrowed_input_is_seen_in_the_place_of_the_whole(bench: Workbench) -> None:
    tree = bench.tree({"site/tide.py": b"x"})
    action = resolve(
        stage_plan("link", "make", inputs=("link.compile",)),
        inputs=[StageInput(name="link.compile", tree=tree)],
        epoch_s=1,
        toolchain=bench.toolchain.facts(),
    )
    assert [one.name for one in action.inputs] == ["compile"]
    assert dict(action.environment)["PYTHONPATH"] == "/build/inputs/compile/site"
