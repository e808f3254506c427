from dataclasses import replace

import pytest

from sealift.core.action import ActionRecord, ActionResult, Isolation
from sealift.core.artifact import ArtifactKind
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.platform import ANY, Platform
from sealift.core.release import BuildReport, PackagePlan
from sealift.core.tree import Tree
from sealift.stations.package.drivers.python import SdistPackager, WheelPackager
from sealift.stations.package.drivers.tar import TarPackager
from sealift.stations.package.steps import PackageSteps
from sealift.stations.package.tools import ToolShelf
from sealift.testing.workbench import Workbench, stage_plan

WHEEL = "lamp-1.2.0-py3-none-any.whl"
SDIST = "lamp-1.2.0.tar.gz"
DIST = stage_plan("dist", "true", outputs=(("wheel", "*.whl"), ("sdist", "*.tar.gz")))


def steps(bench: Workbench) -> PackageSteps:
    return PackageSteps(
        packagers={
            "wheel": WheelPackager(),
            "sdist": SdistPackager(),
            "tar": TarPackager(),
        },
        workshop=bench.workshop,
        store=bench.store,
        tools=ToolShelf(store=bench.store, paths={}, platform=bench.platform),
        progress=bench.heard,
    )


def package(name: str, kind: ArtifactKind, *, output: str = "", stage: str = "dist") -> PackagePlan:
    return PackagePlan(name=name, kind=kind, stage=stage, output=output, platform=ANY)


def built(bench: Workbench, tree: Tree, *, stage: str = "dist") -> BuildReport:
    action = bench.shell("true", name=stage)
    result = ActionResult(
        action=action.digest,
        tree=tree.digest,
        log=Digest.of(b""),
        isolation=Isolation(sandbox="none", network=False, facts=()),
    )
    return BuildReport(records=(ActionRecord(action=action, result=result),))


def test_adopted_files_name_the_build_action_and_need_no_other(bench: Workbench) -> None:
    plan = bench.plan(
        DIST, packages=(package("wheel", "wheel", output="wheel"), package("sdist", "sdist"))
    )
    build = built(bench, bench.tree({WHEEL: b"wheel", SDIST: b"sdist"}))
    report = steps(bench).package(plan, bench.source({}), build)
    assert [artifact.name for artifact in report.artifacts] == [WHEEL, SDIST]
    wheel = report.artifacts[0]
    assert wheel.action == build.records[0].action.digest
    assert (wheel.tree, wheel.path) == (build.records[0].result.tree, WHEEL)
    assert (wheel.file.digest, wheel.file.size_bytes) == (Digest.of(b"wheel"), 5)
    assert report.records == ()


def test_made_file_names_its_own_action_and_comes_with_a_proof(bench: Workbench) -> None:
    plan = bench.plan(DIST, packages=(package("tar", "tar"),))
    build = built(bench, bench.tree({"usr/bin/lamp": b"#!/bin/sh\n"}))
    report = steps(bench).package(plan, bench.source({}), build)
    (artifact,), (record,) = report.artifacts, report.records
    assert (artifact.action, artifact.tree) == (record.action.digest, record.result.tree)
    assert (artifact.stage, record.action.stage) == ("dist", "package-tar")
    assert record.reproduction is not None
    assert record.reproduction.outcome == "identical"
    again = steps(bench).package(plan, bench.source({}), build)
    assert again.artifacts == report.artifacts


def test_two_packages_of_one_file_name_are_refused(bench: Workbench) -> None:
    plan = bench.plan(DIST, packages=(package("sdist", "sdist"), package("tar", "tar")))
    build = built(bench, bench.tree({SDIST: b"sdist"}))
    with pytest.raises(ConfigError, match="packages `sdist` and `tar` both make"):
        steps(bench).package(plan, bench.source({}), build)


def test_stage_with_the_name_of_a_package_action_is_refused(bench: Workbench) -> None:
    plan = bench.plan(DIST, packages=(package("tar", "tar", stage="package-tar"),))
    build = built(bench, bench.tree({"a": b""}), stage="package-tar")
    with pytest.raises(ConfigError, match="has the name of a package's action"):
        steps(bench).package(plan, bench.source({}), build)


def test_package_with_a_name_of_its_own_has_it_in_its_file(bench: Workbench) -> None:
    named = replace(package("cli", "tar"), title="lamp-cli")
    plan = bench.plan(DIST, packages=(package("tar", "tar"), named))
    build = built(bench, bench.tree({"usr/bin/lamp": b"#!/bin/sh\n"}))
    report = steps(bench).package(plan, bench.source({}), build)
    assert [artifact.name for artifact in report.artifacts] == [
        "lamp-1.2.0.tar.gz",
        "lamp-cli-1.2.0.tar.gz",
    ]


def test_wheel_with_machine_code_is_published_for_its_platform_alone(bench: Workbench) -> None:
    compiled = "lamp-1.2.0-cp311-cp311-linux_x86_64.whl"
    plan = bench.plan(DIST, packages=(package("wheel", "wheel"),))
    (record,) = built(bench, bench.tree({compiled: b"wheel"})).records
    here = replace(record, action=replace(record.action, platform=Platform("linux/amd64")))
    report = steps(bench).package(plan, bench.source({}), BuildReport(records=(here,)))
    assert [artifact.platform for artifact in report.artifacts] == [Platform("linux/amd64")]
