from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from sealift.core.errors import ConfigError, DriverError, IntegrityError, SealiftError
from sealift.stations.build.workshop import LocalWorkshop
from sealift.testing.simulation import SimClock
from sealift.testing.workbench import Heard, ScriptedExecutor, Workbench

Answers = list[Mapping[str, bytes] | SealiftError]


class Scripted:
    """A workshop over scripted answers; `said` and `runs` tell what happened."""

    def __init__(self, bench: Workbench, answers: Answers, *, fresh: bool = False) -> None:
        self.executor = ScriptedExecutor(answers=answers, store=bench.store)
        self.heard = Heard()
        self.workshop = LocalWorkshop(
            executor=self.executor,
            cache=bench.cache,
            store=bench.store,
            clock=SimClock(),
            progress=self.heard,
            fresh=fresh,
        )


def test_second_request_comes_from_the_cache_and_says_so(bench: Workbench) -> None:
    scripted = Scripted(bench, [{"a": b"1"}, {"a": b"1"}])
    action = bench.shell("true", name="compile")
    first = scripted.workshop.perform(action, reproduce=True)
    second = scripted.workshop.perform(action, reproduce=True)
    assert (first.cached, second.cached) == (False, True)
    assert (first.result, first.reproduction) == (second.result, second.reproduction)
    assert [again for _, again in scripted.executor.runs] == [False, True]
    assert scripted.heard.said() == [
        "started build compile",
        "finished build compile",
        "started rebuild compile",
        "finished rebuild compile",
        "cached build compile",
        "cached rebuild compile",
    ]


def test_result_without_a_proof_is_proven_later_without_running_it_again(
    bench: Workbench,
) -> None:
    scripted = Scripted(bench, [{"a": b"1"}, {"a": b"1"}])
    action = bench.shell("true")
    assert scripted.workshop.perform(action, reproduce=False).reproduction is None
    record = scripted.workshop.perform(action, reproduce=True)
    assert record.reproduction is not None
    assert record.reproduction.outcome == "identical"
    assert not record.cached
    assert len(scripted.executor.runs) == 2


def test_different_second_run_is_a_finding_with_a_place_not_an_error(bench: Workbench) -> None:
    scripted = Scripted(bench, [{"a": b"1234"}, {"a": b"12x4"}])
    record = scripted.workshop.perform(bench.shell("true", name="dist"), reproduce=True)
    assert record.reproduction is not None
    assert record.reproduction.outcome == "different"
    assert record.reproduction.first_difference.endswith("first differing byte at offset 2")
    assert scripted.heard.said()[-1] == "warning rebuild dist"


def test_second_run_that_fails_is_unknown_and_tried_again_next_time(bench: Workbench) -> None:
    fault = DriverError(fact="the command failed with exit code 1")
    scripted = Scripted(bench, [{"a": b"1"}, fault, {"a": b"1"}])
    action = bench.shell("true")
    first = scripted.workshop.perform(action, reproduce=True).reproduction
    assert first is not None
    assert (first.outcome, first.tree) == ("unknown", None)
    assert "exit code 1" in first.reason
    second = scripted.workshop.perform(action, reproduce=True).reproduction
    assert second is not None
    assert second.outcome == "identical"


def test_failing_first_run_is_told_and_raised_and_not_remembered(bench: Workbench) -> None:
    fault = DriverError(fact="the command failed with exit code 1")
    scripted = Scripted(bench, [fault, {"a": b"1"}])
    action = bench.shell("true", name="compile")
    with pytest.raises(DriverError):
        scripted.workshop.perform(action, reproduce=False)
    assert scripted.heard.said()[-1] == "failed build compile"
    assert scripted.workshop.perform(action, reproduce=False).result.tree


def test_machine_that_cannot_run_the_second_time_is_an_error(bench: Workbench) -> None:
    scripted = Scripted(bench, [{"a": b"1"}, ConfigError(fact="no sandbox")])
    with pytest.raises(ConfigError):
        scripted.workshop.perform(bench.shell("true"), reproduce=True)
    assert scripted.heard.said()[-1] == "failed rebuild stage"


def test_poisoned_cache_entry_is_rebuilt(bench: Workbench) -> None:
    scripted = Scripted(bench, [{"a": b"good"}, {"a": b"good"}])
    action = bench.shell("true")
    good = scripted.workshop.perform(action, reproduce=False).result
    path = bench.folder / "cache" / "release" / f"{action.digest.hex}.json"
    evil = bench.tree({"a": b"evil"}).digest
    path.write_text(path.read_text().replace(good.tree.hex, evil.hex))
    record = scripted.workshop.perform(action, reproduce=False)
    assert (record.result.tree, record.cached) == (good.tree, False)


def test_two_threads_that_ask_for_one_action_get_one_run(bench: Workbench) -> None:
    scripted = Scripted(bench, [{"a": b"1"}])
    action = bench.shell("true")
    with ThreadPoolExecutor(max_workers=4) as pool:
        records = list(
            pool.map(lambda _: scripted.workshop.perform(action, reproduce=False), range(4))
        )
    assert len({record.result for record in records}) == 1
    assert len(scripted.executor.runs) == 1


def test_package_actions_speak_for_the_package_station(bench: Workbench) -> None:
    scripted = Scripted(bench, [{"a": b"1"}])
    scripted.workshop.perform(bench.shell("true", kind="package"), reproduce=False)
    assert {event.station for event in scripted.heard.events} == {"package"}


def test_test_stage_tells_its_counts_also_from_the_cache(bench: Workbench) -> None:
    action = bench.shell("echo '# TOTAL: 9'; echo '# PASS: 9'", kind="test", name="check")
    for kind in ("finished", "cached"):
        bench.perform(action)
        event = bench.heard.events[-1]
        assert (event.kind, event.detail) == (kind, "9 passed")


def test_miss_tells_why_the_action_has_to_run_and_a_hit_does_not(bench: Workbench) -> None:
    scripted = Scripted(bench, [{"a": b"1"}])
    action = bench.shell("true")
    for _ in range(2):
        scripted.workshop.perform(action, reproduce=False, why="inputs.source changed")
    assert [(event.kind, event.detail) for event in scripted.heard.events] == [
        ("started", "inputs.source changed"),
        ("finished", ""),
        ("cached", ""),
    ]


def test_fresh_run_that_gives_the_same_bytes_says_so_and_keeps_the_first_result(
    bench: Workbench,
) -> None:
    action = bench.shell("true")
    first = Scripted(bench, [{"a": b"1"}]).workshop.perform(action, reproduce=False)
    scripted = Scripted(bench, [{"a": b"1"}, {"a": b"1"}], fresh=True)
    again = scripted.workshop.perform(action, reproduce=True)
    assert (again.result, again.cached) == (first.result, False)
    assert len(scripted.executor.runs) == 2
    assert "same bytes as the cache" in [event.detail for event in scripted.heard.events]


def test_fresh_run_that_gives_other_bytes_is_an_integrity_error(bench: Workbench) -> None:
    action = bench.shell("true", name="compile")
    Scripted(bench, [{"a": b"1"}]).workshop.perform(action, reproduce=False)
    scripted = Scripted(bench, [{"a": b"2"}], fresh=True)
    with pytest.raises(IntegrityError, match="first differing byte at offset 0") as caught:
        scripted.workshop.perform(action, reproduce=False)
    assert caught.value.where == "stage `compile`"
    assert bench.cache.result(action) is not None


def test_fresh_run_of_what_nobody_ran_before_has_nothing_to_compare_with(
    bench: Workbench,
) -> None:
    scripted = Scripted(bench, [{"a": b"1"}], fresh=True)
    action = bench.shell("true")
    result = scripted.workshop.perform(action, reproduce=False).result
    assert bench.cache.result(action) == result


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("umask > $SEALIFT_OUT/a", "; a change of umask alone is enough"),
        ("id -u > $SEALIFT_OUT/a", "; a change of user alone is enough"),
        ("head -c 9 /dev/urandom > $SEALIFT_OUT/a", "; it differs in an unchanged environment too"),
    ],
)
def test_workshop_that_explains_finds_the_change_that_makes_runs_differ(
    bench: Workbench, script: str, words: str
) -> None:
    action = bench.shell(script, outputs={"all": "*"})
    told = bench.perform(action, reproduce=True).reproduction
    assert told is not None
    assert words not in told.reason
    explaining = LocalWorkshop(
        executor=bench.executor,
        cache=bench.cache,
        store=bench.store,
        clock=bench.world.clock,
        progress=bench.heard,
        explain=True,
    )
    explained = explaining.perform(action, reproduce=True).reproduction
    assert explained is not None
    assert words in explained.reason
