import pytest

from sealift.base.store.trees import load_tree
from sealift.core.errors import ConfigError, DriverError
from sealift.core.release import Download, StagePlan
from sealift.stations.build.fetch import Fetcher
from sealift.stations.build.history import StageHistory
from sealift.stations.build.outcome import BuildRequest, raise_failures
from sealift.stations.build.steps import BuildSteps
from sealift.testing.workbench import Workbench, stage_plan


class NoDownloads:
    """A downloader that nobody should need."""

    def ensure(self, download: Download) -> None:
        """Refuse."""
        raise AssertionError(download)


def steps(bench: Workbench, history: StageHistory | None = None) -> BuildSteps:
    return BuildSteps(
        workshop=bench.workshop,
        fetcher=Fetcher(
            downloader=NoDownloads(),  # type: ignore[arg-type]  # never returns
            cache=bench.cache,
            store=bench.store,
            clock=bench.world.clock,
            progress=bench.heard,
        ),
        store=bench.store,
        toolchains={"host": bench.toolchain},
        interrupt=bench.world.processes.stop_all,
        history=history,
    )


COMPILE = stage_plan("compile", "cp main.c $SEALIFT_OUT/tool", outputs=(("tool", "tool"),))
PACK = stage_plan(
    "pack",
    "cat $SEALIFT_INPUTS/compile/tool > $SEALIFT_OUT/packed",
    inputs=("compile",),
    outputs=(("packed", "packed"),),
)
CHECK = stage_plan(
    "check", "grep -q int $SEALIFT_INPUTS/compile/tool", kind="test", inputs=("source", "compile")
)
SOURCE = {"main.c": b"int main;\n"}


def test_stages_see_the_outputs_of_stages_and_each_build_is_proven(bench: Workbench) -> None:
    plan = bench.plan(COMPILE, PACK, CHECK)
    report = steps(bench).build(plan, bench.source(SOURCE))
    assert [record.action.stage for record in report.records] == ["compile", "pack", "check"]
    compiled, packed, checked = report.records
    assert [each.tree for each in packed.action.inputs] == [compiled.result.tree]
    assert load_tree(bench.store, packed.result.tree).entries[0].size_bytes == 10
    proofs = [record.reproduction and record.reproduction.outcome for record in report.records]
    assert proofs == ["identical", "identical", None]
    assert checked.action.kind == "test"


def test_repeated_step_gives_the_same_report_from_the_cache(bench: Workbench) -> None:
    plan, source = bench.plan(COMPILE, PACK), bench.source(SOURCE)
    first = steps(bench).build(plan, source)
    second = steps(bench).build(plan, source)
    assert all(record.cached for record in second.records)
    assert [r.result for r in first.records] == [r.result for r in second.records]
    assert [r.reproduction for r in first.records] == [r.reproduction for r in second.records]


def test_failing_test_stops_the_release_with_the_stages_name(bench: Workbench) -> None:
    with pytest.raises(DriverError, match="stage `check`"):
        steps(bench).build(bench.plan(COMPILE, CHECK), bench.source({"main.c": b"void;\n"}))


def test_dependants_of_a_failed_stage_never_run(bench: Workbench) -> None:
    broken = stage_plan("compile", "exit 9", outputs=(("tool", "tool"),))
    with pytest.raises(DriverError, match="exit code 9"):
        steps(bench).build(bench.plan(broken, PACK), bench.source(SOURCE))
    assert not any("pack" in said for said in bench.heard.said())


@pytest.mark.parametrize("stages", [(PACK,), (COMPILE,)])
def test_program_that_is_plainly_missing_is_told_before_anything_runs(
    bench: Workbench, stages: tuple[StagePlan, ...]
) -> None:
    absent = stage_plan("late", "frobnicate", outputs=(("a", "a"),))
    with pytest.raises(ConfigError, match="stage `late`: program `frobnicate`"):
        steps(bench).build(bench.plan(*stages, absent), bench.source(SOURCE))
    assert bench.heard.said() == []


def test_fetch_stage_without_a_lock_is_a_configuration_error(bench: Workbench) -> None:
    fetch = stage_plan("backend", kind="fetch", inputs=("pypi:build",))
    with pytest.raises(ConfigError, match="nothing is locked"):
        steps(bench).build(bench.plan(fetch), bench.source(SOURCE))


QUICK = BuildRequest(verify=False)


def test_only_the_named_stage_and_what_it_needs_is_built(bench: Workbench) -> None:
    plan, source = bench.plan(COMPILE, PACK, CHECK), bench.source(SOURCE)
    request = BuildRequest(stages=("pack",), verify=False)
    outcomes = steps(bench).attempt(plan, source, request)
    assert [(each.stage, each.state) for each in outcomes] == [
        ("compile", "built"),
        ("pack", "built"),
    ]
    assert all(each.record and each.record.reproduction is None for each in outcomes)
    with pytest.raises(ConfigError, match="no stage is called `pakc`") as caught:
        steps(bench).attempt(plan, source, BuildRequest(stages=("pakc",)))
    assert caught.value.expected == "one of compile, pack, check"


def test_keep_going_builds_the_rest_and_lists_every_failure_at_the_end(bench: Workbench) -> None:
    broken = stage_plan("compile", "exit 9", outputs=(("tool", "tool"),))
    other = stage_plan("other", "exit 3", kind="test", inputs=())
    fine = stage_plan("fine", "true", kind="test", inputs=())
    plan = bench.plan(broken, PACK, other, fine)
    request = BuildRequest(verify=False, keep_going=True)
    outcomes = steps(bench).attempt(plan, bench.source(SOURCE), request)
    assert [(each.stage, each.state) for each in outcomes] == [
        ("compile", "failed"),
        ("pack", "skipped"),
        ("other", "failed"),
        ("fine", "built"),
    ]
    with pytest.raises(DriverError) as caught:
        raise_failures(outcomes)
    assert caught.value.fact == (
        "2 stages failed: `compile`: the command failed with exit code 9; "
        "`other`: the command failed with exit code 3; not started: pack"
    )
    raise_failures(outcomes[3:])


def test_miss_names_the_part_of_the_key_that_changed_since_last_time(bench: Workbench) -> None:
    history = StageHistory(folder=bench.folder / "cache", tier="release", files=bench.world.files)
    built = steps(bench, history)
    plan = bench.plan(COMPILE, PACK)
    first = built.attempt(plan, bench.source(SOURCE), QUICK)
    assert [each.changes for each in first] == [None, None]
    second = built.attempt(plan, bench.source({"main.c": b"int other;\n"}), QUICK)
    assert [[str(change) for change in each.changes or ()] for each in second] == [
        ["inputs.source changed"],
        ["inputs.compile changed"],
    ]
    started = [event for event in bench.heard.events if event.kind == "started"]
    assert [event.detail for event in started[-2:]] == [
        "inputs.source changed",
        "inputs.compile changed",
    ]
    third = built.attempt(plan, bench.source({"main.c": b"int other;\n"}), QUICK)
    assert [(each.state, each.changes) for each in third] == [("cached", ()), ("cached", ())]


def test_history_survives_a_failure_for_the_stages_that_gave_a_result(bench: Workbench) -> None:
    history = StageHistory(folder=bench.folder / "cache", tier="release", files=bench.world.files)
    broken = stage_plan("pack", "exit 9", inputs=("compile",), outputs=(("packed", "packed"),))
    with pytest.raises(DriverError):
        steps(bench, history).build(bench.plan(COMPILE, broken), bench.source(SOURCE))
    assert list(history.recall("lamp")) == ["compile"]
