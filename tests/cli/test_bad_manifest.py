"""A manifest that is wrong: told with line and column before anything is built or published."""

import pytest

from sealift.testing.projects import Maintainer, tide_manifest

LATER = "a manifest without it"


def test_unknown_key_is_told_in_these_words(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest(('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"')))
    maintainer.tag("v1.0.0")
    assert maintainer.refused("release", exit_code=2).stderr == (
        "error: sealift.toml:4:1: unknown key `project.license`, expected one of name, version, "
        "licence, description, homepage, maintainer\n"
        "\n"
        "hint: did you mean `licence`?\n"
    )


def test_a_value_of_the_wrong_type_is_told_in_these_words(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest(('inputs = ["source"]', 'inputs = "source"')))
    maintainer.tag("v1.0.0")
    assert maintainer.refused("release", exit_code=2).stderr == (
        "error: sealift.toml:7:1: `stages.compile.inputs` is a string, expected a list of strings\n"
        "\n"
        "hint: edit sealift.toml at line 7\n"
    )


def test_a_cycle_of_stages_is_printed(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest(('inputs = ["source"]', 'inputs = ["source", "check"]')))
    maintainer.tag("v1.0.0")
    assert maintainer.refused("release", exit_code=2).stderr == (
        "error: sealift.toml:7:1: stages need each other in a circle: compile -> check -> compile, "
        "expected a stage that starts without the others\n"
        "\n"
        "hint: remove one of these inputs, e.g. `check` of `compile`\n"
    )


@pytest.mark.parametrize("glob", ["../usr/**", "/usr/**", "usr/../../home/**"])
def test_an_output_outside_of_the_stages_folder_is_refused(
    maintainer: Maintainer, glob: str
) -> None:
    maintainer.keep(tide_manifest(("usr/**", glob)))
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("release", exit_code=2)
    assert refusal.where == "sealift.toml:9:1"
    assert refusal.fact == (
        "`stages.compile.outputs.tree` of stage `compile` lies outside of the stage's folder: "
        f"`{glob}`"
    )
    assert refusal.hint == 'write the file below "$SEALIFT_OUT" and name it from there'


@pytest.mark.parametrize(
    ("manifest", "where", "key"),
    [
        (
            tide_manifest(("outputs.tree", 'matrix.platform = ["linux/amd64"]\noutputs.tree')),
            "sealift.toml:9:1",
            "stages.compile.matrix",
        ),
        (
            tide_manifest(("outputs.tree", "network = true\noutputs.tree")),
            "sealift.toml:9:1",
            "stages.compile.network",
        ),
        (tide_manifest(more="\n[channels.beta]\n"), "sealift.toml:19:2", "channels.beta"),
        (
            tide_manifest(more='\n[channels.stable]\nsoak = "3 days"\n'),
            "sealift.toml:20:1",
            "channels.stable.soak",
        ),
        (
            tide_manifest(more='\n[release]\ncadence = "every 6 weeks"\n'),
            "sealift.toml:19:2",
            "release",
        ),
    ],
)
def test_what_later_versions_bring_is_refused_as_not_yet_supported(
    maintainer: Maintainer, manifest: str, where: str, key: str
) -> None:
    maintainer.keep(manifest)
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("plan", exit_code=2)
    assert (refusal.where, refusal.fact) == (where, f"`{key}` is not yet supported")
    assert (refusal.expected, refusal.hint) == (LATER, f"remove `{key}`")


@pytest.mark.parametrize(
    ("manifest", "where", "fact", "hint"),
    [
        (
            tide_manifest(more="[gate\n"),
            "sealift.toml:18:6",
            "not valid TOML",
            "edit sealift.toml at line 18",
        ),
        (
            tide_manifest(('from = "compile"', 'from = "compiled"')),
            "sealift.toml:17:1",
            "package `tar` is made from `compiled`, which no stage is called",
            "did you mean `compile`?",
        ),
        (
            tide_manifest(("inputs = [", "timeout = true\ninputs = [")),
            "sealift.toml:7:1",
            "`stages.compile.timeout` is true or false",
            "edit sealift.toml at line 7",
        ),
        (
            tide_manifest(('licence = "MIT"', 'licence = "MIT"\nversion = "2.0.0"')),
            "project.version",
            "the manifest says version `2.0.0`, the tag `v1.0.0` says `1.0.0`",
            "git tag -s v2.0.0",
        ),
        (
            tide_manifest(more='\n[stages.get]\nkind = "fetch"\ninputs = ["pypi:click"]\n'),
            "sealift.lock",
            "there is no lock, but stage `get` fetches files",
            "sealift lock",
        ),
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused_with_its_place(
    maintainer: Maintainer, manifest: str, where: str, fact: str, hint: str
) -> None:
    maintainer.keep(manifest)
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("plan", exit_code=2)
    assert (refusal.where, refusal.hint) == (where, hint)
    assert refusal.fact.startswith(fact)


def test_a_manifest_without_packages_is_planned_but_not_released(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest(('[packages.tar]\nfrom = "compile"\n', "")))
    maintainer.tag("v1.0.0")
    assert maintainer.run("plan").exit_code == 0
    refusal = maintainer.refused("release", exit_code=2)
    assert (refusal.where, refusal.fact) == ("sealift.toml", "the manifest names no package")
    assert refusal.hint == "sealift init --force"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("artifact.size_bytes <", "Syntax error"),
        ("tide.size > 1", "it asks for `tide`"),
        ("artifact.size_bytes", "its value is a whole number"),
    ],
)
def test_a_condition_that_can_never_be_judged_is_refused_before_any_work(
    maintainer: Maintainer, expression: str, reason: str
) -> None:
    maintainer.keep(tide_manifest(more=f'\n[gate]\nconditions.small = "{expression}"\n'))
    maintainer.tag("v1.0.0")
    refusal = maintainer.refused("plan", exit_code=2)
    assert reason in refusal.fact
    assert "small" in refusal.fact


def test_unknown_options_and_commands_are_refused_with_a_hint(maintainer: Maintainer) -> None:
    refusal = maintainer.refused("release", "--now", exit_code=2)
    assert refusal.stderr == ("error: No such option '--now'.\n\nhint: sealift release --help\n")
    ran = maintainer.use("relase")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == "error: No such command 'relase'.\n\nhint: sealift --help\n"
    ran = maintainer.use("serve", "--port", "99999")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "99999 is not in the range" in ran.stderr
