"""C and C++: CMake, Meson, plain Makefiles, autotools from a git checkout."""

from collections.abc import Callable, Mapping

import pytest

from sealift.core.errors import ConfigError
from sealift.stations.plan.model import Detected, Manifest

Found = Callable[[Mapping[str, str]], Detected]
Written = Callable[[Mapping[str, str]], Manifest]

CMAKE = """\
cmake_minimum_required(VERSION 3.18)
# project(not-this)
project(Tide_Words VERSION 1.0 LANGUAGES C
  DESCRIPTION "Says how high the tide is" HOMEPAGE_URL "https://example.org/tide")
include(CTest)
"""
MESON = "project('reed', 'c',\n  version: '1.0',\n  license: 'MIT')\n"
MAKEFILE = "all:\n\ttrue\ninstall: all\n\ttrue\ncheck:\n\ttrue\n"
CONFIGURE_AC = "AC_INIT([sedge], [1.0], [bugs@example.org], [], [https://example.org/sedge])\n"


def test_cmake_project_is_built_installed_and_tested_by_its_own_tools(written: Written) -> None:
    manifest = written({"CMakeLists.txt": CMAKE})
    assert manifest.project.name == "tide-words"
    assert manifest.project.description == "Says how high the tide is"
    assert manifest.project.homepage == "https://example.org/tide"
    compile_stage, check = manifest.stages
    assert compile_stage.run[-1] == 'DESTDIR="$SEALIFT_OUT" cmake --install _build'
    assert "-DCMAKE_INSTALL_PREFIX=/usr" in compile_stage.run[0]
    assert check.run[-1] == "ctest --test-dir _build --output-on-failure"
    assert [package.kind for package in manifest.packages] == ["tar", "deb"]


def test_cmake_project_without_a_suite_gets_no_stage_that_tests_nothing(written: Written) -> None:
    manifest = written({"CMakeLists.txt": CMAKE.replace("include(CTest)", "# include(CTest)")})
    assert [stage.name for stage in manifest.stages] == ["compile"]


def test_cmake_file_that_is_a_part_of_something_is_no_project(found: Found) -> None:
    with pytest.raises(ConfigError, match=r"`CMakeLists\.txt` alone does not say"):
        found({"CMakeLists.txt": "add_library(part part.c)\n"})


def test_meson_project_never_fetches_a_wrap(written: Written) -> None:
    manifest = written({"meson.build": MESON, "tests/meson.build": "test('one', one)\n"})
    assert (manifest.project.name, manifest.project.licence) == ("reed", "MIT")
    compile_stage, check = manifest.stages
    assert "--wrap-mode=nodownload" in compile_stage.run[0]
    assert check.run[-1] == "meson test -C _build --print-errorlogs"


def test_meson_project_whose_test_is_a_comment_has_no_suite(written: Written) -> None:
    manifest = written({"meson.build": MESON + "# test('one', one)\n"})
    assert [stage.name for stage in manifest.stages] == ["compile"]


def test_makefile_that_can_install_is_enough(written: Written) -> None:
    manifest = written({"Makefile": MAKEFILE})
    assert manifest.project.name == "tide"
    compile_stage, check = manifest.stages
    assert compile_stage.run[-1] == ('make install DESTDIR="$SEALIFT_OUT" PREFIX=/usr prefix=/usr')
    assert check.run == ("make check PREFIX=/usr prefix=/usr",)


@pytest.mark.parametrize("target", ["install := yes\n", "reinstall:\n\ttrue\n", "all:\n\ttrue\n"])
def test_makefile_that_cannot_install_is_refused(found: Found, target: str) -> None:
    with pytest.raises(ConfigError, match="cannot tell how") as caught:
        found({"Makefile": target})
    assert "target `install`" in caught.value.expected


def test_checkout_of_an_autotools_project_makes_its_configure_first(written: Written) -> None:
    manifest = written({"configure.ac": CONFIGURE_AC, "Makefile.am": ""})
    assert manifest.project.name == "sedge"
    assert manifest.project.maintainer == "bugs@example.org"
    assert manifest.project.homepage == "https://example.org/sedge"
    for stage in manifest.stages:
        assert stage.run[:2] == ("autoreconf --install", "./configure --prefix=/usr")


def test_configure_that_is_there_is_not_made_again(written: Written) -> None:
    manifest = written({"configure.ac": CONFIGURE_AC, "configure": "PACKAGE_TARNAME='sedge'\n"})
    assert manifest.stages[0].run[0] == "./configure --prefix=/usr"


def test_computed_facts_of_a_checkout_are_taken_as_silence(found: Found) -> None:
    text = "AC_INIT([$name], [1.0])\n"
    assert found({"configure.ac": text}).project.name == "tide"
    with pytest.raises(ConfigError, match="without a plain AC_INIT"):
        found({"configure.ac": "AC_PREREQ([2.71])\n"})
