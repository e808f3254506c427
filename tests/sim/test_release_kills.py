"""Kill a whole release, with SIGKILL, around every durable step and inside of publishing.

The same command afterwards must give the tree that an uninterrupted run gives: same paths, same
permissions, same bytes, same generations.
"""

from pathlib import Path

import pytest

from sealift.app.pipeline import PIPELINE
from sealift.base.edge.real import real_world
from sealift.client.get import get
from sealift.stations.publish.trusted_tree import TrustedTree
from sealift.testing.chance import Chance
from sealift.testing.release_ground import PROJECT, VERSION, Ground, Undisturbed
from sealift.testing.release_harness import AFTER, BEFORE, JOURNALLED, MOMENTS, Finished, Kill

STEPS = tuple(step.name for step in PIPELINE)
EVERYWHERE = [f"{step}:{moment}" for step in STEPS for moment in MOMENTS]
QUICK = f"build:{AFTER}"
SAMPLES = 16
SEED = 20


@pytest.fixture(scope="session")
def before_publish(template: Ground, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Stop a release that has everything done but to publish."""
    ground = template.copy(tmp_path_factory.mktemp("door") / "ground")
    ground.kill(f"publish:{BEFORE}")
    return ground


@pytest.fixture(scope="session")
def before_channel(template: Ground, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Stop a release that is published, and that no channel names yet."""
    ground = template.copy(tmp_path_factory.mktemp("door") / "ground")
    ground.kill(f"channel:{BEFORE}")
    return ground


def expect_one_release(ground: Ground, undisturbed: Undisturbed) -> None:
    """Hold everything that a release leaves against one that nobody interrupted."""
    published = ground.published()
    assert sorted(published) == sorted(undisturbed.published)
    assert published == undisturbed.published
    assert published["current"] == ("link", 0, "generations/2")
    house = ground.house()
    house.ledger.verify()
    kinds = [entry.kind for entry in house.ledger.entries()]
    assert kinds.count("release.finished") == 1
    tree = TrustedTree(ground.site / "current", house.root(PROJECT))
    assert tree.policy().released == (VERSION,)
    pointers = [(one.channel, one.version, one.sequence) for one in tree.channels()]
    assert pointers == [("stable", VERSION, 1)]


def expect_visitors_are_served(ground: Ground) -> None:
    """Get the release from what `current` shows now, if it shows anything."""
    current = ground.site / "current"
    if not current.is_symlink():
        return
    report = get(
        real_world(),
        ground.folder / "visitor",
        PROJECT,
        url=current.as_uri(),
        root_sha256=ground.root,
        version=VERSION,
        file="tar",
        folder=ground.folder / "downloads",
    )
    assert report.version == VERSION


def killed_and_finished(
    template: Ground, folder: Path, where: str, undisturbed: Undisturbed
) -> None:
    ground = template.copy(folder / "ground")
    ground.kill(where)
    expect_visitors_are_served(ground)
    ran = ground.finish().ran
    stop = Kill.parse(where)
    # What the journal holds never runs again; what it lacks does, and all that follows.
    first = STEPS.index(stop.step) + (stop.moment == JOURNALLED)
    assert ran == STEPS[first:]
    expect_one_release(ground, undisturbed)


def test_killed_release_goes_on_to_the_same_tree(
    template: Ground, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    killed_and_finished(template, tmp_path, QUICK, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("where", [place for place in EVERYWHERE if place != QUICK])
def test_killed_release_goes_on_to_the_same_tree_from_every_step(
    template: Ground, tmp_path: Path, where: str, undisturbed: Undisturbed
) -> None:
    killed_and_finished(template, tmp_path, where, undisturbed)


@pytest.mark.slow
def test_release_that_is_killed_at_every_step_in_turn_publishes_once(
    template: Ground, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    ground = template.copy(tmp_path / "ground")
    for step in STEPS:
        ground.kill(f"{step}:{AFTER}")
    assert ground.finish().ran == (STEPS[-1],)
    expect_one_release(ground, undisturbed)
    assert ground.finish() == Finished(ran=(), operations={}, already=True)
    expect_one_release(ground, undisturbed)


def killed_in_the_middle(door: Ground, folder: Path, where: str, undisturbed: Undisturbed) -> None:
    ground = door.copy(folder / "ground")
    ground.kill(where)
    expect_visitors_are_served(ground)
    ground.finish()
    expect_one_release(ground, undisturbed)
    # Nothing of the killed publisher is left beside the generations.
    assert sorted(path.name for path in (ground.site / "generations").iterdir()) == ["1", "2"]


def test_release_that_is_killed_in_the_middle_of_publishing_publishes_once(
    before_publish: Ground, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    middle = undisturbed.finished.operations["publish"] // 2
    killed_in_the_middle(before_publish, tmp_path, f"publish:{middle}", undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("sample", range(SAMPLES))
def test_publishing_survives_a_kill_before_any_operation_on_the_disk(
    before_publish: Ground, tmp_path: Path, sample: int, undisturbed: Undisturbed
) -> None:
    where = sampled("publish", sample, undisturbed)
    killed_in_the_middle(before_publish, tmp_path, where, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("sample", range(0, SAMPLES, 3))
def test_moving_a_channel_survives_a_kill_before_any_operation_on_the_disk(
    before_channel: Ground, tmp_path: Path, sample: int, undisturbed: Undisturbed
) -> None:
    where = sampled("channel", sample, undisturbed)
    killed_in_the_middle(before_channel, tmp_path, where, undisturbed)


def sampled(step: str, sample: int, undisturbed: Undisturbed) -> str:
    """Choose one operation of each part of a step, by the seed."""
    operations = undisturbed.finished.operations[step]
    part = operations // SAMPLES
    chance = Chance(SEED + sample)
    return f"{step}:{1 + sample * part + chance.below(part)}"


@pytest.mark.slow
@pytest.mark.parametrize("step", ["publish", "channel"])
@pytest.mark.parametrize("from_the_end", range(5))
def test_new_generation_is_shown_whole_or_not_at_all(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    step: str,
    from_the_end: int,
    undisturbed: Undisturbed,
) -> None:
    # The last operations make the claimed number durable and switch `current`, in three.
    door: Ground = request.getfixturevalue(f"before_{step}")
    where = f"{step}:{undisturbed.finished.operations[step] - from_the_end}"
    killed_in_the_middle(door, tmp_path, where, undisturbed)


@pytest.mark.parametrize("where", ["publish:", "publish:sometimes", "publish:-1"])
def test_harness_refuses_a_moment_that_it_does_not_know(where: str) -> None:
    with pytest.raises(ValueError, match="expected STEP:NUMBER"):
        Kill.parse(where)


def test_every_step_of_the_pipeline_has_its_three_deaths() -> None:
    assert len(EVERYWHERE) == 3 * len(PIPELINE)
    assert QUICK in EVERYWHERE
