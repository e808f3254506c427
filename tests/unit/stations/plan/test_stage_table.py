"""What `[stages.NAME]` and `[toolchains.NAME]` accept, each with its refused neighbour."""

import pytest

from sealift.core.errors import ConfigError
from sealift.core.limits import GIB, MIB
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.model import Manifest, StageSpec

HEAD = '[project]\nname = "lamp"\nlicence = "MIT"\n'
STAGE = '[stages.one]\ninputs = ["source"]\nrun = "make"\noutputs.tree = "**"\n'
"""Its first line is the fourth of the manifest; what is added stands in the eighth."""
TOOLCHAIN = '[toolchains.debian]\nroot = "debian:bookworm"\n'
IMAGE = f"oci:images/base@sha256:{'a' * 64}"


def read(text: str) -> Manifest:
    return parse_manifest((HEAD + text).encode(), path="sealift.toml")


def stage(text: str) -> StageSpec:
    return read(STAGE + text + "\n" + TOOLCHAIN).stages[0]


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value


def test_stage_without_options_has_the_defaults_of_the_reference() -> None:
    one = stage("")
    assert (one.toolchain, one.environment, one.folder, one.only) == ("host", (), "", ())
    assert one.memory_bytes == 8 * GIB


def test_stage_takes_each_of_its_options() -> None:
    one = stage(
        'toolchain = "debian"\nenvironment = { B = "2", A = "1" }\nmemory = "512 MiB"\n'
        'folder = "native/lamp"'
    )
    assert one.toolchain == "debian"
    assert one.environment == (("A", "1"), ("B", "2"))
    assert one.memory_bytes == 512 * MIB
    assert one.folder == "native/lamp"


def test_order_of_globs_and_their_repetition_is_no_matter() -> None:
    both = [
        read(
            STAGE.replace('"source"', f'{{ from = "source", only = {globs} }}') + TOOLCHAIN
        ).stages[0]
        for globs in ('["b/**", "a/*"]', '["a/*", "b/**", "a/*"]')
    ]
    assert both[0] == both[1]
    assert both[0].only == (("source", ("a/*", "b/**")),)
    assert both[0].inputs == ("source",)


@pytest.mark.parametrize(
    ("text", "place", "fact"),
    [
        ('memory = "4 GB"', "8:1", "`stages.one.memory` is `4 GB`"),
        ("memory = 4", "8:1", "`stages.one.memory` is `4`"),
        ('memory = "15 MiB"', "8:1", "`stages.one.memory` is `15 MiB`"),
        ('memory = "1025 GiB"', "8:1", "`stages.one.memory` is `1025 GiB`"),
        ('folder = "/native"', "8:1", "`stages.one.folder` is `/native`"),
        ('folder = "../up"', "8:1", "`stages.one.folder` is `../up`"),
        ('folder = "it\'s"', "8:1", "`stages.one.folder` is `it's`"),
        ('toolchain = "debain"', "8:1", "stage `one` runs in `debain`, which no toolchain"),
        (
            'environment.PATH = "/tmp"',
            "8:1",
            "`stages.one.environment.PATH` is set by the contract of a stage",
        ),
        (
            'environment.SEALIFT_OUT = "x"',
            "8:1",
            "`stages.one.environment.SEALIFT_OUT` is set by the contract of a stage",
        ),
        (
            'environment.LC_TIME = "x"',
            "8:1",
            "`stages.one.environment.LC_TIME` is set by the contract of a stage",
        ),
        ("environment.A = 1", "8:1", "`stages.one.environment.A` is a number"),
        ('environment."a b" = "1"', "8:1", "`stages.one.environment.a b` is no variable's name"),
        ('environment.A = "a\\nb"', "8:1", "contains a line break"),
    ],
)
def test_option_of_a_stage_is_refused_with_its_place(text: str, place: str, fact: str) -> None:
    error = refusal(STAGE + text + "\n" + TOOLCHAIN)
    assert error.where == f"sealift.toml:{place}"
    assert fact in error.fact


@pytest.mark.parametrize(
    ("inputs", "place", "fact"),
    [
        ('{ from = "source" }', "5:11", "`stages.one.inputs.0.only` is missing"),
        ('{ from = "source", only = [] }', "5:11", "`stages.one.inputs.0.only` is missing"),
        ('{ only = ["a"] }', "5:11", "`stages.one.inputs.0.from` is missing"),
        ('{ from = "source", only = ["../a"] }', "5:38", "holds `../a`"),
        ('{ from = "source", all = true }', "5:30", "unknown key `stages.one.inputs.0.all`"),
        ("7", "5:11", "`stages.one.inputs` holds a number"),
        ('{ from = "gone", only = ["a"] }', "5:1", "needs `gone`, which no stage is called"),
        ('"source", { from = "source", only = ["a"] }', "5:21", "names `source` twice"),
    ],
)
def test_input_is_refused_with_its_place(inputs: str, place: str, fact: str) -> None:
    error = refusal(STAGE.replace('"source"', inputs))
    assert error.where == f"sealift.toml:{place}"
    assert fact in error.fact


def test_folder_without_the_source_is_refused() -> None:
    error = refusal(STAGE.replace('"source"', "") + 'folder = "native"\n')
    assert error.where == "sealift.toml:8:1"
    assert "lies below the source, which is no input" in error.fact


@pytest.mark.parametrize(
    "option",
    ['toolchain = "host"', 'memory = "1 GiB"', 'folder = "x"', 'environment.A = "1"', 'run = "x"'],
)
def test_fetch_stage_runs_nothing_and_so_takes_no_option(option: str) -> None:
    text = f'[stages.get]\nkind = "fetch"\ninputs = ["pypi:build"]\n{option}\n'
    assert read(text.replace(option, "")).stages[0].kind == "fetch"
    error = refusal(text)
    assert error.where == "sealift.toml:7:1"


def test_fetch_stage_has_nothing_to_narrow() -> None:
    error = refusal(
        '[stages.get]\nkind = "fetch"\ninputs = [{ from = "pypi:build", only = ["a"] }]\n'
    )
    assert error.where == "sealift.toml:6:1"
    assert "holds a narrowed one" in error.fact


def test_toolchains_are_debian_suites_images_and_this_machine() -> None:
    manifest = read(
        STAGE
        + '[toolchains.debian]\nroot = "debian:bookworm"\npackages = ["make", "gcc"]\n'
        + f'[toolchains.image]\nroot = "{IMAGE}"\n[toolchains.here]\nroot = "host"\n'
    )
    debian, image, here = manifest.toolchains
    assert (debian.kind, debian.origin, debian.packages) == ("debian", "bookworm", ("gcc", "make"))
    assert (image.kind, image.origin) == ("oci", "images/base")
    assert [one.root for one in (debian, image, here)] == ["debian:bookworm", IMAGE, "host"]
    assert manifest.pinned_toolchains == (debian, image)


@pytest.mark.parametrize(
    ("table", "place", "fact"),
    [
        ("[toolchains.debian]", "8:2", "`toolchains.debian.root` is missing"),
        ('[toolchains.host]\nroot = "host"', "8:2", "a toolchain cannot be called `host`"),
        ('[toolchains.x]\nroot = "ubuntu"', "9:1", "`toolchains.x.root` is `ubuntu`"),
        ('[toolchains.x]\nroot = "debian:../x"', "9:1", "`toolchains.x.root` is `debian:../x`"),
        ('[toolchains.x]\nroot = "oci:base"', "9:1", "`toolchains.x.root` is `oci:base`"),
        ('[toolchains.x]\nroot = "oci:base@sha256:aa"', "9:1", "is `oci:base@sha256:aa`"),
        (
            '[toolchains.x]\nroot = "host"\npackages = ["gcc"]',
            "10:1",
            "`toolchains.x.packages` cannot be installed into the root `host`",
        ),
        (
            '[toolchains.x]\nroot = "debian:sid"\npackages = ["gcc", "--force"]',
            "10:20",
            "`toolchains.x.packages` holds `--force`",
        ),
        (
            '[toolchains.x]\nroot = "debian:sid"\npackages = ["gcc", "gcc"]',
            "10:20",
            "`toolchains.x.packages` holds `gcc`",
        ),
        (
            '[toolchains.x]\nroot = "debian:sid"\nmirror = "x"',
            "10:1",
            "unknown key `toolchains.x.mirror`",
        ),
    ],
)
def test_toolchain_is_refused_with_its_place(table: str, place: str, fact: str) -> None:
    error = refusal(STAGE + table + "\n")
    assert error.where == f"sealift.toml:{place}"
    assert fact in error.fact


def test_image_without_its_digest_says_what_is_missing() -> None:
    error = refusal(STAGE + '[toolchains.x]\nroot = "oci:base"\n')
    assert error.expected == "the image's digest behind it: `oci:FOLDER@sha256:HEX`"
