"""A graph of ten thousand stages: from the manifest's text to the last record, in good time."""

import dataclasses
import time

import pytest

from sealift.core.action import Action, ActionRecord, ActionResult, Isolation
from sealift.core.digest import Digest
from sealift.core.errors import DriverError
from sealift.core.limits import STAGES_MAX
from sealift.core.tree import Tree
from sealift.stations.build.fetch import Fetcher
from sealift.stations.build.history import StageHistory
from sealift.stations.build.outcome import BuildRequest
from sealift.stations.build.steps import BuildSteps
from sealift.testing.workbench import Workbench, stage_plan

# About 3 on a quiet machine; whatever grows with the square of the stages takes minutes.
SECONDS = 10


@dataclasses.dataclass(slots=True)
class QuickWorkshop:
    """A workshop that runs nothing: actions give the empty tree, those of `broken` stages fail."""

    tree: Digest
    broken: frozenset[str] = frozenset()

    def perform(self, action: Action, *, reproduce: bool, why: str = "") -> ActionRecord:
        """Give a record at once."""
        del reproduce, why
        if action.stage in self.broken:
            raise DriverError(fact="the command failed with exit code 1")
        result = ActionResult(
            action=action.digest,
            tree=self.tree,
            log=self.tree,
            isolation=Isolation(sandbox="none", network=False, facts=()),
        )
        return ActionRecord(action=action, result=result)


def steps(bench: Workbench, broken: frozenset[str] = frozenset()) -> BuildSteps:
    empty = Tree.of(())
    bench.store.put(empty.canonical())
    return BuildSteps(
        workshop=QuickWorkshop(tree=empty.digest, broken=broken),
        fetcher=Fetcher(
            downloader=None,  # type: ignore[arg-type]  # no stage fetches
            cache=bench.cache,
            store=bench.store,
            clock=bench.world.clock,
            progress=bench.heard,
        ),
        store=bench.store,
        toolchains={"host": bench.toolchain},
        interrupt=bench.world.processes.stop_all,
        history=StageHistory(
            folder=bench.folder / "cache", tier="release", files=bench.world.files
        ),
    )


@pytest.mark.parametrize("shape", ["chain", "wide"])
def test_ten_thousand_stages_are_scheduled_and_remembered_in_good_time(
    bench: Workbench, shape: str
) -> None:
    stages = [
        stage_plan(
            f"s{number}",
            "true",
            inputs=(f"s{number - 1}",) if number and shape == "chain" else ("source",),
        )
        for number in range(STAGES_MAX)
    ]
    plan, source = bench.plan(*stages), bench.source({f"src/{n}.c": b"" for n in range(300)})
    begun = time.process_time()
    outcomes = steps(bench).attempt(plan, source, BuildRequest(verify=False))
    assert time.process_time() - begun < SECONDS
    assert [each.state for each in outcomes] == ["built"] * STAGES_MAX


def test_a_failure_deep_inside_skips_what_needs_it_and_no_more(bench: Workbench) -> None:
    stages = [
        stage_plan(f"s{number}", "true", inputs=(f"s{number - 2}",) if number > 1 else ())
        for number in range(2_000)
    ]
    request = BuildRequest(verify=False, keep_going=True)
    broken = frozenset({"s1000"})
    outcomes = steps(bench, broken).attempt(bench.plan(*stages), bench.source({}), request)
    states = {each.stage: each.state for each in outcomes}
    assert states["s1000"] == "failed"
    assert {states[f"s{number}"] for number in range(1_002, 2_000, 2)} == {"skipped"}
    assert {states[f"s{number}"] for number in range(1, 2_000, 2)} == {"built"}
