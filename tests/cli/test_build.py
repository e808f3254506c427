"""`sealift build`: stages without a release, and why each of them ran."""

from sealift.testing.projects import Maintainer, tide_manifest

RUN = 'run = "./build.sh"'
BROKEN = tide_manifest(
    (RUN, 'run = "echo no compiler; exit 3"'),
    more='\n[stages.lint]\nkind = "test"\ninputs = ["source"]\nrun = "test -s README"\n',
)


def test_stages_are_built_without_keys_or_a_tag_and_nothing_is_published(
    newcomer: Maintainer,
) -> None:
    newcomer.keep(tide_manifest())
    newcomer.checkout.write("README", "A draft.\n")
    first = newcomer.run("build", "--json")
    assert first.exit_code == 0, first.stderr
    built = first.data()
    assert [(each["name"], each["state"], each["changes"]) for each in built["stages"]] == [
        ("compile", "built", None),
        ("check", "built", None),
    ]
    assert built["notes"][0] == "1 uncommitted changes are not part of this rehearsal"
    assert newcomer.published() == {}
    second = newcomer.run("build").stdout.splitlines()
    assert [line.split()[:3] for line in second[1:]] == [
        ["compile", "build", "cached"],
        ["check", "test", "cached"],
    ]
    assert built["stages"][0]["tree"] in second[1]


def test_a_miss_explains_itself_and_a_fresh_run_gives_the_same_bytes(
    newcomer: Maintainer,
) -> None:
    newcomer.keep(tide_manifest())
    assert newcomer.run("build").exit_code == 0
    fresh = newcomer.run("build", "compile", "--no-cache")
    assert fresh.exit_code == 0
    assert "same bytes as the cache" in fresh.stderr
    newcomer.checkout.write("README", "Says when the tide is low.\n")
    newcomer.keep()
    again = newcomer.run("build", "--explain-cache")
    assert "inputs.source changed" in again.stderr
    assert "  compile: inputs.source changed: sha256:" in again.stdout
    assert "  check: inputs.compile changed: sha256:" in again.stdout
    assert (
        "  check: the key is the same as last time\n"
        in newcomer.run("build", "--explain-cache").stdout
    )


def test_a_fresh_run_that_gives_other_bytes_is_told_with_exit_code_4(newcomer: Maintainer) -> None:
    dated = (RUN, """run = 'mkdir $SEALIFT_OUT/usr; date +%s%N > $SEALIFT_OUT/usr/when'""")
    newcomer.keep(tide_manifest(dated))
    assert newcomer.run("build", "compile").exit_code == 0
    refusal = newcomer.refused("build", "compile", "--no-cache", exit_code=4, once=True)
    assert refusal.where == "stage `compile`"
    assert refusal.fact.startswith("a fresh run gave other bytes than the cache holds: `usr/when`")
    seen = newcomer.refused("build", "compile", "--verify", exit_code=4, once=True)
    assert seen.fact.startswith("the second run gave other bytes: `usr/when`")


def test_keep_going_shows_what_was_built_beside_what_failed(newcomer: Maintainer) -> None:
    newcomer.keep(BROKEN)
    ran = newcomer.run("build", "--keep-going")
    assert ran.exit_code == 6
    assert [line.split()[:3] for line in ran.stdout.splitlines()[1:]] == [
        ["compile", "build", "failed"],
        ["check", "test", "skipped"],
        ["lint", "test", "built"],
    ]
    assert "error: stage `compile`: the command failed with exit code 3" in ran.stderr


def test_a_release_believes_no_rehearsal(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest())
    maintainer.tag("v1.0.0")
    assert maintainer.run("build").exit_code == 0
    ran = maintainer.run("release")
    assert ran.exit_code == 0, ran.stderr
    assert "build compile" in ran.stderr
    assert "cached" not in ran.stderr


def test_an_unknown_stage_is_a_matter_of_configuration(newcomer: Maintainer) -> None:
    newcomer.keep(tide_manifest())
    refusal = newcomer.refused("build", "compiel", exit_code=2, once=True)
    assert refusal.fact == "no stage is called `compiel`"
    assert refusal.expected == "one of compile, check"
