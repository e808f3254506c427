"""Several projects in one repository."""

from collections.abc import Callable, Mapping

import pytest

from sealift.core.errors import ConfigError
from sealift.core.limits import DETECTION_PARTS_MAX
from sealift.stations.plan.model import Detected, Manifest

Found = Callable[[Mapping[str, str]], Detected]
Written = Callable[[Mapping[str, str]], Manifest]

MAKEFILE = "install:\n\ttrue\ncheck:\n\ttrue\n"
FLIT = '[build-system]\nrequires = ["flit_core"]\n[project]\nname = "tide-client"\n'
GO = {"gate/go.mod": "module example.org/gate\n", "gate/main.go": "package main\n"}
THREE = {"core/Makefile": MAKEFILE, "python/pyproject.toml": FLIT, **GO}


def test_every_part_has_stages_by_its_folder_and_files_by_its_name(written: Written) -> None:
    manifest = written(THREE)
    assert manifest.project.name == "tide"
    assert [stage.name for stage in manifest.stages] == [
        "python-backend",
        "core-compile",
        "core-check",
        "gate-compile",
        "gate-check",
        "python-dist",
        "python-check",
    ]
    by_name = {stage.name: stage for stage in manifest.stages}
    assert by_name["gate-compile"].run[0] == "cd gate"
    assert by_name["python-dist"].inputs == ("source", "python-backend")
    assert {package.name: package.title for package in manifest.packages} == {
        "core-tar": "tide-core",
        "core-deb": "tide-core",
        "gate-tar": "tide-gate",
        "gate-deb": "tide-gate",
        "python-wheel": "tide-client",
        "python-sdist": "tide-client",
    }


def test_what_lies_at_the_top_is_the_project_and_nothing_below_is_asked(found: Found) -> None:
    assert found({**THREE, "Makefile": MAKEFILE}).kind == "make"
    assert found({**THREE, "Makefile": "all:\n\ttrue\n"}).kind == "monorepo"


def test_parts_of_parts_tests_and_vendored_code_are_no_parts(found: Found) -> None:
    noise = {
        "core/sub/Makefile": MAKEFILE,
        "tests/project/Makefile": MAKEFILE,
        "vendor/zlib/Makefile": MAKEFILE,
        "a/b/c/d/Makefile": MAKEFILE,
        "odd name/Makefile": MAKEFILE,
    }
    assert [part.folder for part in found({**THREE, **noise}).parts] == ["core", "gate", "python"]


def test_folders_of_one_name_are_told_apart_by_their_paths(written: Written) -> None:
    manifest = written({"a/cli/Makefile": MAKEFILE, "b/cli/Makefile": MAKEFILE})
    names = {stage.name for stage in manifest.stages}
    assert names == {"a-cli-compile", "a-cli-check", "b-cli-compile", "b-cli-check"}
    assert {package.title for package in manifest.packages} == {"tide-a-cli", "tide-b-cli"}


def test_parts_agree_on_a_licence_or_there_is_none(found: Found) -> None:
    mit = "Permission is hereby granted, free of charge, to any person obtaining a copy\n"
    both = {**THREE, "core/LICENSE": mit, "gate/LICENSE": mit}
    assert found(both).project.licence == "NOASSERTION"
    assert found({**both, "python/LICENSE": mit}).project.licence == "MIT"


def test_mistake_in_a_part_names_its_folder(found: Found) -> None:
    with pytest.raises(ConfigError) as caught:
        found({**THREE, "python/pyproject.toml": "[project\n"})
    assert caught.value.where == "python/pyproject.toml:1:9"


def test_more_parts_than_anybody_releases_together_are_refused(found: Found) -> None:
    many = {f"part{number}/Makefile": MAKEFILE for number in range(DETECTION_PARTS_MAX)}
    assert len(found(many).parts) == DETECTION_PARTS_MAX
    with pytest.raises(ConfigError, match=f"{DETECTION_PARTS_MAX + 1} projects"):
        found({"one-more/Makefile": MAKEFILE})
