from pathlib import Path

import pytest

from sealift.core.digest import Digest
from sealift.stations.build.action_cache import TrustTier
from sealift.stations.build.history import StageHistory, StageMemory
from sealift.testing.workbench import Workbench


def history(bench: Workbench, tier: TrustTier = "release") -> StageHistory:
    return StageHistory(folder=bench.folder / "cache", tier=tier, files=bench.world.files)


def memory(bench: Workbench, name: str, duration_ms: int = 5) -> StageMemory:
    action = bench.shell("true", name=name)
    return StageMemory(action=action, tree=Digest("a" * 64), duration_ms=duration_ms)


def test_stages_are_remembered_beside_those_that_were_there(bench: Workbench) -> None:
    first, second = memory(bench, "a"), memory(bench, "b")
    assert history(bench).recall("lamp") == {}
    history(bench).remember("lamp", {"a": first})
    history(bench).remember("lamp", {"b": second})
    assert history(bench).recall("lamp") == {"a": first, "b": second}
    assert history(bench).recall("other") == {}


def test_a_rehearsals_history_is_not_that_of_releases(bench: Workbench) -> None:
    history(bench, "snapshot").remember("lamp", {"a": memory(bench, "a")})
    assert history(bench, "release").recall("lamp") == {}


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b'{"format":"x","stages":{}}', b"\xff"])
def test_damaged_history_counts_as_none_and_is_written_anew(
    bench: Workbench, damage: bytes
) -> None:
    kept = history(bench)
    kept.remember("lamp", {"a": memory(bench, "a")})
    (path,) = Path(bench.folder / "cache" / "release" / "stages").iterdir()
    path.write_bytes(damage)
    assert kept.recall("lamp") == {}
    kept.remember("lamp", {"a": memory(bench, "a", 7)})
    assert kept.recall("lamp")["a"].duration_ms == 7


def test_history_that_says_nothing_new_is_not_written(bench: Workbench) -> None:
    kept = history(bench)
    kept.remember("lamp", {"a": memory(bench, "a")})
    (path,) = Path(bench.folder / "cache" / "release" / "stages").iterdir()
    before = path.stat().st_ino
    kept.remember("lamp", {"a": memory(bench, "a")})
    assert path.stat().st_ino == before
