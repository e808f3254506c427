"""A stage that does not do what it declares: told by its name, with the log's end and its place."""

from pathlib import Path

import pytest

from sealift.testing.projects import Maintainer, tide_manifest

RUN = 'run = "./build.sh"'
CHECK = """run = '"$SEALIFT_INPUTS/compile/usr/bin/tide" | grep -qx "high water"'"""


def whole_log(hint: str) -> str:
    """Read the log that a hint names."""
    path = hint.removeprefix("run `less ").removesuffix("` for the whole log")
    return Path(path).read_text()


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("frobnicate --all", "program `frobnicate` is not part of toolchain `host`"),
        ("./build.sh && frobnicate", "program `frobnicate` is not there inside the sandbox"),
    ],
)
def test_a_missing_tool_is_a_matter_of_configuration(
    maintainer: Maintainer, line: str, fact: str
) -> None:
    maintainer.keep(tide_manifest((RUN, f'run = "{line}"')))
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("release", exit_code=2, once=True)
    assert (refusal.where, refusal.fact) == ("stage `compile`", fact)
    assert refusal.hint == "run `apt-file search bin/frobnicate` and install what has it"


def test_a_failing_command_shows_the_end_of_its_log_and_where_the_rest_is(
    maintainer: Maintainer,
) -> None:
    lines = "for i in $(seq 1 100); do echo line $i; done; echo no such tide >&2; exit 3"
    maintainer.keep(tide_manifest((RUN, f'run = "{lines}"')))
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("release", exit_code=6)
    assert (refusal.where, refusal.fact) == (
        "stage `compile`",
        "the command failed with exit code 3",
    )
    tail = refusal.log.splitlines()
    assert len(tail) == 20
    assert "no such tide" in tail[-1]
    assert "  │ line 100\n" in refusal.stderr
    assert "line 1\n" not in refusal.stderr
    assert "line 1\n" in whole_log(refusal.hint)


def test_a_failing_test_stage_stops_the_release(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest((CHECK, 'run = "echo low water; false"')))
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("release", exit_code=6, once=True)
    assert refusal.where == "stage `check`"
    assert "low water" in refusal.log


def test_a_stage_that_never_ends_is_ended_at_its_time_limit(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest((RUN, 'run = "echo waiting; sleep 600"\ntimeout = 1')))
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("release", exit_code=6, once=True)
    assert refusal.where == "stage `compile`"
    assert refusal.fact == "the command was ended after its time limit of 1 s"
    assert refusal.expected == "it to finish, or a longer `timeout` in [stages.compile]"
    assert refusal.log == "waiting"


def test_a_declared_output_that_is_missing_is_told_by_its_name(maintainer: Maintainer) -> None:
    maintainer.keep(
        tide_manifest(("outputs.tree", 'outputs.manual = "usr/share/man/**"\noutputs.tree'))
    )
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("release", exit_code=6, once=True)
    assert refusal.where == "stage `compile`"
    assert "`manual`" in refusal.fact
    assert "usr/share/man/**" in refusal.fact + refusal.expected


def test_a_build_that_differs_the_second_time_is_denied_by_the_gate(
    maintainer: Maintainer,
) -> None:
    clock = 'run = "./build.sh && date +%s > $SEALIFT_OUT/usr/share/doc/tide/built"'
    maintainer.keep(tide_manifest((RUN, clock)))
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("release", exit_code=3, once=True)
    assert "outputs.identical" in refusal.log
    assert "usr/share/doc/tide/built" in refusal.log


def test_a_stage_sees_none_of_the_callers_variables(maintainer: Maintainer) -> None:
    looks = 'test -z \\"${SEALIFT_PASSPHRASE_FILE:-}${SEALIFT_HOME:-}${TOKEN:-}\\" && ./build.sh'
    maintainer.keep(tide_manifest((RUN, f'run = "{looks}"')))
    ran = maintainer.run("release", "--snapshot", TOKEN="0123456789")
    assert ran.exit_code == 0, ran.stderr


def test_conditions_that_do_not_hold_or_cannot_be_judged_deny(maintainer: Maintainer) -> None:
    maintainer.keep(
        tide_manifest(
            more="""
[gate.conditions]
fits = "artifact.size_bytes < 5000000"
light = "artifact.weight_kg < 10"
small = "artifact.size_bytes < 10"
sound = "artifact.size_bytes / 0 == 1"
"""
        )
    )
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("release", exit_code=3, once=True)
    assert refusal.fact == "policy `starter` refuses: 3 of 10 criteria are not met"
    light, small, sound = refusal.log.splitlines()
    assert light.startswith("unknown condition.light: ")
    assert small.startswith("fail    condition.small: ")
    assert sound.startswith("unknown condition.sound: ")


def test_a_condition_that_holds_lets_the_release_pass(released: Maintainer) -> None:
    gate = released.run("release", "--json").data()["gate"]
    verdicts = {one["criterion"]: one["outcome"] for one in gate["verdicts"]}
    assert verdicts["condition.small"] == "pass"
