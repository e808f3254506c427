"""Python projects whose build leaves traces that a second run shows."""

from collections.abc import Callable, Mapping

from sealift.stations.plan.model import Detected, Manifest

Found = Callable[[Mapping[str, str]], Detected]
Written = Callable[[Mapping[str, str]], Manifest]

FLIT = '[build-system]\nrequires = ["flit_core"]\n[project]\nname = "wave"\n'
SETUPTOOLS = FLIT.replace("flit_core", "setuptools>=77")


def script(manifest: Manifest) -> tuple[str, ...]:
    return next(stage.run for stage in manifest.stages if stage.name == "dist")


def test_pure_project_is_built_in_one_step(written: Written) -> None:
    files = {"pyproject.toml": FLIT, "tests/helper.c": ""}
    assert script(written(files)) == ('python3 -m build --no-isolation --outdir "$SEALIFT_OUT"',)


def test_machine_code_is_compiled_in_a_folder_of_a_fixed_name(written: Written) -> None:
    lines = script(written({"pyproject.toml": FLIT, "src/wave/_wave.c": ""}))
    assert any("--sdist" in line for line in lines)
    assert lines[-1].endswith('--wheel --outdir "$SEALIFT_OUT" /tmp/source/*')


def test_sdist_of_setuptools_is_packed_again_without_times(written: Written) -> None:
    lines = script(written({"pyproject.toml": SETUPTOOLS}))
    assert any('--mtime="@$SOURCE_DATE_EPOCH"' in line for line in lines)


def test_settings_of_tools_do_not_make_a_python_project(found: Found) -> None:
    settings = {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}
    makefile = {"Makefile": "install:\n\ttrue\n"}
    assert found({**settings, **makefile}).kind == "make"
    assert found({**makefile, "pyproject.toml": FLIT}).kind == "python"
