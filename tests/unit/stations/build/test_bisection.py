import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.stations.build.bisection import guilty_dimension
from sealift.stations.build.model import UNPERTURBED, Perturbation
from sealift.stations.build.perturbation import SELECTABLE, only, perturbation

FULL = perturbation(
    clock_library="/usr/lib/faketime.so",
    locales=frozenset({"tr_TR.utf8"}),
    processors=4,
    can_pin=True,
    order_follows_creation=True,
)


@pytest.mark.parametrize("dimension", sorted(SELECTABLE))
def test_one_guilty_dimension_is_found_in_a_handful_of_runs(dimension: str) -> None:
    runs: list[Perturbation] = []

    def differs(narrower: Perturbation) -> bool:
        runs.append(narrower)
        return dimension in dict(narrower.changes)

    assert guilty_dimension(FULL, differs=differs) == dimension
    assert len(runs) <= 4


def test_runs_that_differ_without_any_change_blame_no_dimension() -> None:
    runs: list[Perturbation] = []

    def differs(narrower: Perturbation) -> bool:
        runs.append(narrower)
        return True

    assert guilty_dimension(FULL, differs=differs) == ""
    assert [run.changes for run in runs] == [()]


@given(st.sets(st.sampled_from(sorted(SELECTABLE)), min_size=1))
def test_of_several_guilty_dimensions_one_is_named(guilty: set[str]) -> None:
    named = guilty_dimension(FULL, differs=lambda one: bool(guilty & dict(one.changes).keys()))
    assert named in guilty


def test_dimension_that_the_machine_could_not_change_is_no_suspect() -> None:
    poor = perturbation(clock_library="", locales=frozenset(), processors=1, can_pin=False)
    asked: set[str] = set()

    def differs(narrower: Perturbation) -> bool:
        asked.update(dict(narrower.changes))
        return False

    guilty_dimension(poor, differs=differs)
    assert not asked & {"clock", "processors", "file-order"}


def test_narrowed_perturbation_changes_what_it_names_and_nothing_else() -> None:
    bare = only(FULL, ())
    assert (bare.environment, bare.hostname, bare.user_id, bare.umask) == (
        UNPERTURBED.environment,
        UNPERTURBED.hostname,
        UNPERTURBED.user_id,
        UNPERTURBED.umask,
    )
    assert not bare.single_processor
    assert not bare.last_first
    assert dict(only(FULL, ("time-zone",)).environment).keys() == {"TZ"}
    assert only(FULL, SELECTABLE).environment == FULL.environment
