"""Each accepted key has a refused neighbour, with its line, its column and a way out."""

import pytest

from sealift.core.errors import ConfigError
from sealift.core.limits import ACTION_TIMEOUT_S, MANIFEST_BYTES_MAX, STAGES_MAX
from sealift.stations.plan.manifest import check_graph, parse_manifest
from sealift.stations.plan.model import Manifest


def parsed(text: str) -> Manifest:
    return parse_manifest(text.encode(), path="sealift.toml")


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert int(caught.value.exit_code) == 2
    assert caught.value.hint, caught.value
    return caught.value


def test_manifest_of_the_design_is_read_whole(manifest_text: str) -> None:
    manifest = parsed(manifest_text)
    assert manifest.project.name == "jq"
    compile_stage, check = manifest.stages
    assert compile_stage.run == ("./configure", "make")
    assert compile_stage.outputs == (("tree", "usr/**"),)
    assert compile_stage.timeout_s == ACTION_TIMEOUT_S
    assert (check.kind, check.run, check.timeout_s) == ("test", ("make check",), 1_800)
    assert manifest.packages[0].kind == "deb"
    assert manifest.conditions[0].expression == "artifact.size_bytes < 5000000"
    assert manifest.url == "https://downloads.example.org/jq"
    assert manifest.channels == ("stable",)


@pytest.mark.parametrize(
    ("found", "replacement", "place", "fact", "hint"),
    [
        ('name = "jq"', 'nmae = "jq"', "2:1", "unknown key `project.nmae`", "did you mean `name`?"),
        ("[gate]", "[gaet]", "20:2", "unknown key `gaet`", "did you mean `gate`?"),
        ('run = "make check"', "runs = 1", "14:1", "unknown key `stages.check.runs`", "`run`"),
        ('"MIT"', "3", "4:1", "is a number", "edit sealift.toml at line 4"),
        ('"MIT"', '"BSD"', "4:1", "no SPDX licence expression", "line 4"),
        ('"MIT"', '"mit"', "4:1", "is written `MIT`", "line 4"),
        ('licence = "MIT"\n', "", "1:2", "`project.licence` is missing", "add `licence = …`"),
        ('"jq"', '"JQ"', "2:1", "`JQ` is no name", "line 2"),
        ('"git-tag"', '"one"', "3:1", "`project.version` is `one`", "line 3"),
        ('"git-tag"', '"git-tag', "3:19", "not valid TOML", "line 3"),
        ("[stages.compile]", "[stages.compile", "6:16", "not valid TOML", "line 6"),
        ("[stages.compile]", "[stages.source]", "6:2", "cannot be called `source`", "line 6"),
        ('kind = "test"', 'kind = "tset"', "12:1", "is `tset`", "did you mean `test`?"),
        ('["./configure", "make"]', '["make", 3]', "8:16", "holds a number", "line 8"),
        ('["./configure", "make"]', '["make", ""]', "8:1", "an empty command", "line 8"),
        ('run = ["./configure", "make"]\n', "", "6:2", "run` is missing", "add `run = …`"),
        ('outputs.tree = "usr/**"\n', "", "6:2", "outputs` is missing", "add `outputs = …`"),
        ('"30 minutes"', '"soon"', "15:1", "is `soon`", "line 15"),
        ('"30 minutes"', "0", "15:1", "is `0`", "line 15"),
        ('"30 minutes"', "true", "15:1", "is true or false", "line 15"),
        ("< 5000000", "< <", "22:1", "is no CEL expression", "line 22"),
        ('policy = "starter"', 'policy = "lax"', "21:1", "is `lax`", "line 21"),
        ('"https://d', '"ftp://d', "25:1", "`publish.site.url` is `ftp:", "line 25"),
        ('"https://d', '"https://me:pw@d', "25:1", "`publish.site.url` is", "line 25"),
        ('"compile"\n\n[gate]', '"compile"\nkind = "exe"\n[gate]', "19:1", "kind `exe`", "kind"),
    ],
)
def test_mistake_is_refused_with_its_place(
    *, manifest_text: str, found: str, replacement: str, place: str, fact: str, hint: str
) -> None:
    assert found in manifest_text
    error = refusal(manifest_text.replace(found, replacement, 1))
    assert error.where == f"sealift.toml:{place}"
    assert fact in error.fact
    assert hint in error.hint


@pytest.mark.parametrize(
    ("found", "replacement", "key"),
    [
        ("[channels.stable]", "[release]\ncadence = 'weekly'", "release"),
        ("[channels.stable]", "[channels.beta]", "channels.beta"),
        ("[channels.stable]", "[channels.stable]\nsoak = '3 days'", "channels.stable.soak"),
        ("[channels.stable]", "[channels.stable]\nrings = [1]", "channels.stable.rings"),
        ("[publish.site]", "[publish.pypi]", "publish.pypi"),
        ('run = "make check"', 'run = "x"\nnetwork = true', "stages.check.network"),
        ('run = "make check"', 'run = "x"\nmatrix.platform = []', "stages.check.matrix"),
        ('"starter"', '"baseline"', 'gate.policy = "baseline"'),
        ("[packages.deb]", "[packages.rpm]", 'packages.rpm.kind = "rpm"'),
    ],
)
def test_key_of_a_later_version_is_told_apart_from_a_typing_mistake(
    manifest_text: str, found: str, replacement: str, key: str
) -> None:
    error = refusal(manifest_text.replace(found, replacement, 1))
    assert error.fact == f"`{key}` is not yet supported"
    assert error.hint == f"remove `{key}`"
    assert error.where.startswith("sealift.toml:")


@pytest.mark.parametrize("glob", ["/etc/passwd", "../out/*", "usr/../../x", "a//b", "./a", ""])
def test_output_outside_of_the_stages_folder_is_refused_by_the_stages_name(
    manifest_text: str, glob: str
) -> None:
    error = refusal(manifest_text.replace("usr/**", glob))
    assert error.where == "sealift.toml:9:1"
    assert "`compile`" in error.fact


@pytest.mark.parametrize("glob", ["usr/**", "*.whl", "a/b/c.tar.gz", "**/*.so", "lib[0-9]/x"])
def test_output_inside_of_the_stages_folder_is_accepted(manifest_text: str, glob: str) -> None:
    manifest = parsed(manifest_text.replace("usr/**", glob))
    assert manifest.stages[0].outputs == (("tree", glob),)


def test_two_outputs_of_one_name_are_refused(manifest_text: str) -> None:
    twice = manifest_text.replace("outputs.tree", 'outputs.tree = "a"\noutputs.tree')
    assert refusal(twice).where == "sealift.toml:10:24"


def test_fetch_stage_names_requirements_and_nothing_else(manifest_text: str) -> None:
    text = manifest_text + '[stages.get]\nkind = "fetch"\ninputs = ["pypi:build>=1.2"]\n'
    assert parsed(text).fetch_stages[0].requirements == ("build>=1.2",)
    for wrong, fact in (
        ('["build"]', "which index"),
        ('["pypi:not a name"]', "fetches `pypi:not a name`"),
        ('["pypi:x @ https://example.org/x.whl"]', "names an address"),
        ("[]", "is missing"),
        ('["pypi:build"]\nrun = "make"', "no meaning in a fetch stage"),
    ):
        error = refusal(text.replace('["pypi:build>=1.2"]', wrong))
        assert fact in error.fact


def test_build_stage_that_wants_the_network_is_told_to_use_a_fetch_stage(
    manifest_text: str,
) -> None:
    error = refusal(manifest_text.replace('["source"]', '["source", "pypi:build"]'))
    assert error.where == "sealift.toml:7:21"
    assert 'kind = "fetch"' in error.hint


def test_manifest_without_channels_moves_stable_and_an_empty_table_moves_nothing(
    manifest_text: str,
) -> None:
    assert parsed(manifest_text.replace("[channels.stable]", "")).channels == ("stable",)
    assert parsed(manifest_text.replace("[channels.stable]", "[channels]")).channels == ()


def test_manifest_without_a_project_says_so() -> None:
    assert refusal("").where == "sealift.toml:1:1"


def test_bytes_that_are_no_text_are_refused_with_their_place() -> None:
    with pytest.raises(ConfigError, match="no UTF-8") as caught:
        parse_manifest(b'[project]\nname = "\xc3\xa9\xff"\n', path="sealift.toml")
    assert caught.value.where == "sealift.toml:2:10"


def test_manifest_that_is_too_long_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most"):
        parse_manifest(b"#" * (MANIFEST_BYTES_MAX + 1), path="sealift.toml")


def test_nesting_without_end_is_refused_and_not_a_crash() -> None:
    with pytest.raises(ConfigError):
        parse_manifest(b"a = " + b"[" * 100_000, path="sealift.toml")


def test_line_breaks_cannot_be_smuggled_into_package_metadata(manifest_text: str) -> None:
    text = manifest_text.replace('"MIT"', '"MIT"\ndescription = "a\\nDepends: evil"')
    assert "line break" in refusal(text).fact


# --- the graph ----------------------------------------------------------------------------------


def test_circle_of_stages_is_refused_and_drawn(manifest_text: str) -> None:
    error = refusal(manifest_text.replace('["source"]', '["source", "check"]'))
    assert "compile -> check -> compile" in error.fact
    assert error.where == "sealift.toml:7:1"


def test_stage_that_needs_itself_is_a_circle(manifest_text: str) -> None:
    error = refusal(manifest_text.replace('["source"]', '["compile"]'))
    assert "compile -> compile" in error.fact


def test_unknown_input_is_refused_with_the_nearest_name(manifest_text: str) -> None:
    error = refusal(manifest_text.replace('"source", "compile"', '"source", "compil"'))
    assert error.where == "sealift.toml:13:1"
    assert error.hint == "did you mean `compile`?"


def test_input_named_twice_is_refused(manifest_text: str) -> None:
    error = refusal(manifest_text.replace('"source", "compile"', '"compile", "compile"'))
    assert "twice" in error.fact


@pytest.mark.parametrize(
    ("addition", "fact"),
    [
        ('[packages.tar]\nfrom = "compil"\n', "which no stage is called"),
        ('[packages.tar]\nfrom = "check"\n', "which has no outputs"),
        ('[packages.tar]\nfrom = "compile"\noutput = "three"\n', "has no output `three`"),
        ('[packages.other]\nkind = "deb"\nfrom = "compile"\n', "would make the same file"),
        ('[packages.tar]\nfrom = "compile"\nname = "J Q"\n', "is no name"),
    ],
)
def test_package_from_nowhere_is_refused(manifest_text: str, addition: str, fact: str) -> None:
    assert fact in refusal(manifest_text + addition).fact


def test_order_is_by_need_and_otherwise_as_written() -> None:
    head = '[project]\nname = "x"\nlicence = "MIT"\n'
    stage = '[stages.{0}]\ninputs = {1}\nrun = "x"\noutputs.o = "o"\n'
    text = head + "".join(
        stage.format(name, needs)
        for name, needs in (("d", '["b"]'), ("a", "[]"), ("b", '["c"]'), ("c", "[]"))
    )
    assert [one.name for one in check_graph(parsed(text))] == ["c", "b", "d", "a"]


def test_graph_may_be_as_deep_as_it_may_be_long() -> None:
    head = '[project]\nname = "x"\nlicence = "MIT"\n[stages]\n'
    rows = [
        f'{{ inputs = ["s{number + 1}"], run = "x", outputs = {{ o = "o" }} }}'
        for number in range(STAGES_MAX - 1)
    ]
    rows.append('{ run = "x", outputs = { o = "o" } }')
    chain = "\n".join(f"s{number} = {row}" for number, row in enumerate(rows))
    assert check_graph(parsed(head + chain))[0].name == f"s{STAGES_MAX - 1}"
    more = '\nextra = { run = "x", outputs = { o = "o" } }'
    assert f"at most {STAGES_MAX}" in str(refusal(head + chain + more))


def test_package_with_a_name_of_its_own_stands_beside_another_of_its_kind(
    manifest_text: str,
) -> None:
    other = '[packages.other]\nkind = "deb"\nfrom = "compile"\nname = "jq-static"\n'
    first, second = parsed(manifest_text + other).packages
    assert (first.kind, first.title) == ("deb", "")
    assert (second.kind, second.title) == ("deb", "jq-static")
