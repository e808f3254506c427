import dataclasses
import json
from pathlib import Path

import pytest

from sealift.core.action import Action, ActionResult, Isolation, Reproduction
from sealift.core.digest import Digest
from sealift.stations.build.action_cache import ActionCache
from sealift.testing.workbench import PERTURBED, Workbench

IDENTICAL = Reproduction(outcome="identical", perturbations=PERTURBED.changes, tree=None)


@pytest.fixture
def action(bench: Workbench) -> Action:
    return bench.shell("true")


@pytest.fixture
def result(bench: Workbench, action: Action) -> ActionResult:
    return ActionResult(
        action=action.digest,
        tree=bench.tree({"usr/bin/tool": b"tool", "usr/share/doc": b"doc"}).digest,
        log=bench.store.put(b"log").digest,
        isolation=Isolation(sandbox="bubblewrap", network=False, facts=(("interfaces", "lo"),)),
    )


def entry_path(bench: Workbench, action: Action) -> Path:
    return bench.folder / "cache" / "release" / f"{action.digest.hex}.json"


def test_cache_returns_what_it_was_given(
    bench: Workbench, action: Action, result: ActionResult
) -> None:
    assert bench.cache.result(action) is None
    bench.cache.keep_result(result)
    assert bench.cache.result(action) == result
    assert entry_path(bench, action).is_file()


def test_release_never_reads_what_a_snapshot_wrote(
    bench: Workbench, action: Action, result: ActionResult
) -> None:
    snapshot = ActionCache(
        folder=bench.folder / "cache", tier="snapshot", store=bench.store, files=bench.world.files
    )
    snapshot.keep_result(result)
    assert snapshot.result(action) == result
    assert bench.cache.result(action) is None


def test_any_change_of_an_action_is_another_key(
    bench: Workbench, action: Action, result: ActionResult
) -> None:
    bench.cache.keep_result(result)
    changed = dataclasses.replace(action, environment=(*action.environment, ("CFLAGS", "-O3")))
    assert bench.cache.result(changed) is None


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_truncated_entry_is_a_miss(
    bench: Workbench, action: Action, result: ActionResult, cut: int
) -> None:
    bench.cache.keep_result(result)
    path = entry_path(bench, action)
    path.write_bytes(path.read_bytes()[:cut])
    assert bench.cache.result(action) is None


def test_edited_entry_is_a_miss_even_when_it_points_to_a_real_tree(
    bench: Workbench, action: Action, result: ActionResult
) -> None:
    bench.cache.keep_result(result)
    path = entry_path(bench, action)
    other = bench.tree({"usr/bin/tool": b"evil"}).digest
    path.write_text(path.read_text().replace(result.tree.hex, other.hex))
    assert bench.cache.result(action) is None


def test_entry_of_another_action_under_this_key_is_a_miss(
    bench: Workbench, action: Action, result: ActionResult
) -> None:
    foreign = dataclasses.replace(result, action=Digest.of(b"another"))
    bench.cache.keep_result(foreign)
    stored = bench.folder / "cache" / "release" / f"{foreign.action.hex}.json"
    stored.rename(entry_path(bench, action))
    assert bench.cache.result(action) is None


def test_entry_of_a_later_format_is_a_miss(
    bench: Workbench, action: Action, result: ActionResult
) -> None:
    bench.cache.keep_result(result)
    path = entry_path(bench, action)
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"format": "sealift-action-cache-v2"}))
    assert bench.cache.result(action) is None


def test_result_counts_only_while_every_blob_is_there(
    bench: Workbench, action: Action, result: ActionResult
) -> None:
    bench.cache.keep_result(result)
    for lost in (Digest.of(b"tool"), result.log, result.tree):
        path = bench.store.path(lost)
        aside = path.rename(path.with_suffix(".aside"))
        assert bench.cache.result(action) is None
        aside.rename(path)
        assert bench.cache.result(action) == result


def test_reproduction_is_filed_by_action_result_and_perturbation(
    bench: Workbench, result: ActionResult
) -> None:
    assert bench.cache.reproduction(result, PERTURBED) is None
    bench.cache.keep_reproduction(result, PERTURBED, IDENTICAL)
    assert bench.cache.reproduction(result, PERTURBED) == IDENTICAL
    weaker = dataclasses.replace(PERTURBED, umask=0o022)
    assert bench.cache.reproduction(result, weaker) is None
    other = dataclasses.replace(result, tree=bench.tree({"a": b""}).digest)
    assert bench.cache.reproduction(other, PERTURBED) is None


def test_reproduction_that_was_edited_to_identical_is_a_miss(
    bench: Workbench, result: ActionResult
) -> None:
    different = dataclasses.replace(IDENTICAL, outcome="different", first_difference="`a`")
    bench.cache.keep_reproduction(result, PERTURBED, different)
    (path,) = (bench.folder / "cache" / "release" / "reproductions").iterdir()
    path.write_text(path.read_text().replace('"different"', '"identical"'))
    assert bench.cache.reproduction(result, PERTURBED) is None
