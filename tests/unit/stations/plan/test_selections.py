"""Narrowed inputs and toolchains in the plan: only what is used, each in its place."""

from collections.abc import Callable

from sealift.core.release import ReleasePlan

NARROWED = (
    'inputs = ["source", "compile"]',
    'inputs = ["source", { from = "compile", only = ["usr/lib/**", "usr/bin/*"] }]',
)


def test_narrowed_input_is_a_stage_that_selects_before_the_one_that_needs_it(
    planned: Callable[..., ReleasePlan], manifest_text: str
) -> None:
    plan = planned(text=manifest_text.replace(*NARROWED))
    assert [(stage.name, stage.kind) for stage in plan.stages] == [
        ("compile", "build"),
        ("check.compile", "select"),
        ("check", "test"),
    ]
    _, selecting, check = plan.stages
    assert selecting.inputs == ("compile",)
    assert selecting.outputs == (("only-1", "usr/bin/*"), ("only-2", "usr/lib/**"))
    assert check.inputs == ("source", "check.compile")


def test_toolchain_that_only_renames_this_machine_plans_as_host(
    planned: Callable[..., ReleasePlan], manifest_text: str
) -> None:
    text = manifest_text.replace("[stages.compile]", '[stages.compile]\ntoolchain = "here"')
    plan = planned(text=text + '\n[toolchains.here]\nroot = "host"\n')
    assert [stage.toolchain for stage in plan.stages] == ["host", "host"]
    assert [facts.name for facts in plan.toolchains] == ["host"]


def test_toolchain_that_no_stage_runs_in_is_not_part_of_the_plan(
    planned: Callable[..., ReleasePlan],
) -> None:
    fetching = (
        '[project]\nname = "a"\nlicence = "MIT"\n[stages.x]\ninputs = ["source"]\nrun = "x"\n'
        'outputs.a = "a"\n'
    )
    assert [facts.name for facts in planned(text=fetching).toolchains] == ["host"]
    empty = '[project]\nname = "a"\nlicence = "MIT"\n'
    assert planned(text=empty).toolchains == ()
