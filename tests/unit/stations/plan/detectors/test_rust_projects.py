"""Rust packages and workspaces: programs, vendored or without dependencies."""

from collections.abc import Callable, Mapping

import pytest

from sealift.core.errors import ConfigError
from sealift.stations.plan.model import Detected, Manifest

Found = Callable[[Mapping[str, str]], Detected]
Written = Callable[[Mapping[str, str]], Manifest]

PACKAGE = '[package]\nname = "flood"\nlicense = "MIT/Apache-2.0"\ndescription = "Marks"\n'
LOCK = 'version = 3\n[[package]]\nname = "flood"\nversion = "1.0.0"\n'
CRATE = '[[package]]\nname = "x"\nsource = "registry+https://example.org/index"\n'
PROGRAM = {"Cargo.toml": PACKAGE, "Cargo.lock": LOCK, "src/main.rs": ""}


def test_program_is_installed_frozen_and_without_paths(written: Written) -> None:
    manifest = written(PROGRAM)
    assert manifest.project.name == "flood"
    assert manifest.project.licence == "MIT OR Apache-2.0"
    compile_stage, check = manifest.stages
    assert "--remap-path-prefix=$PWD=." in compile_stage.run[0]
    assert compile_stage.run[1] == (
        'cargo install --frozen --no-track --root "$SEALIFT_OUT"/usr --path .'
    )
    assert check.run[1] == "cargo test --frozen --workspace"


def test_workspace_installs_every_member_with_a_program(written: Written) -> None:
    manifest = written(
        {
            "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
            "Cargo.lock": LOCK,
            "crates/cli/Cargo.toml": PACKAGE,
            "crates/cli/src/main.rs": "",
            "crates/core/Cargo.toml": PACKAGE,
            "crates/core/src/lib.rs": "",
            "vendor/other/Cargo.toml": PACKAGE,
            "vendor/other/src/main.rs": "",
        }
    )
    assert manifest.project.name == "tide"
    assert [line.rpartition(" ")[2] for line in manifest.stages[0].run[1:]] == ["crates/cli"]


def test_lock_and_crates_have_to_be_in_the_commit(found: Found) -> None:
    with pytest.raises(ConfigError, match=r"no `Cargo\.lock`"):
        found({"Cargo.toml": PACKAGE, "src/main.rs": ""})
    needy = {**PROGRAM, "Cargo.lock": LOCK + CRATE}
    with pytest.raises(ConfigError, match="nothing is downloaded") as caught:
        found(needy)
    assert "cargo vendor" in caught.value.hint
    assert found({**needy, "vendor/x/Cargo.toml": ""}).kind == "rust"


def test_mere_library_and_broken_manifest_are_refused(found: Found) -> None:
    with pytest.raises(ConfigError, match="not valid TOML") as caught:
        found({"Cargo.toml": "[package\n"})
    assert caught.value.where == "Cargo.toml:1:9"
    with pytest.raises(ConfigError, match="no package with a program"):
        found({"Cargo.toml": PACKAGE, "Cargo.lock": LOCK, "src/lib.rs": ""})
