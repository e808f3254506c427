"""Go modules: programs, vendored or without dependencies."""

from collections.abc import Callable, Mapping

import pytest

from sealift.core.errors import ConfigError
from sealift.stations.plan.model import Detected, Manifest

Found = Callable[[Mapping[str, str]], Detected]
Written = Callable[[Mapping[str, str]], Manifest]

MODULE = "module example.org/tools/ebb/v2\n\ngo 1.19\n"
NEEDY = MODULE + "\nrequire example.org/other v1.0.0\n"
MAIN = "// Command ebb.\npackage main\n"


def test_program_is_built_without_paths_proxy_or_c_compiler(written: Written) -> None:
    manifest = written({"go.mod": MODULE, "main.go": MAIN})
    assert manifest.project.name == "ebb"
    compile_stage, check = manifest.stages
    assert compile_stage.run[0] == (
        'export CGO_ENABLED=0 GOPROXY=off GOFLAGS="-trimpath -buildvcs=false"'
    )
    assert compile_stage.run[1] == 'go build -o "$SEALIFT_OUT"/usr/bin/ .'
    assert check.run == (compile_stage.run[0], "go test ./...")


def test_programs_below_cmd_are_all_built(written: Written) -> None:
    files = {"go.mod": MODULE, "cmd/ebb/main.go": MAIN, "cmd/flow/main.go": MAIN, "lib.go": ""}
    assert written(files).stages[0].run[1].endswith(" ./cmd/...")


def test_dependencies_have_to_be_in_the_commit(found: Found) -> None:
    files = {"go.mod": NEEDY, "main.go": MAIN}
    with pytest.raises(ConfigError, match="needs others") as caught:
        found(files)
    assert caught.value.hint == "go mod vendor && git add vendor"
    assert found({**files, "vendor/modules.txt": ""}).kind == "go"


@pytest.mark.parametrize(
    "files", [{"lib.go": "package ebb\n"}, {"main_test.go": MAIN}, {"internal/gen/main.go": MAIN}]
)
def test_mere_library_is_refused(found: Found, files: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="no `package main`"):
        found({"go.mod": MODULE, **files})
