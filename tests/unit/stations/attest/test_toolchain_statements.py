"""What provenance says of pinned roots and of narrowed inputs."""

from dataclasses import replace
from pathlib import Path

import pytest

from sealift.base.specs.slsa import tree_uri
from sealift.core.action import Action, ActionInput, ActionRecord, ActionResult, Isolation
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.release import Opening, ToolchainFacts
from sealift.stations.attest.statements import Material, provenance_statement
from sealift.testing.workbench import Workbench

OPENING = Opening(
    released_at="2026-01-02T03:04:05Z",
    released_at_s=1_767_323_045,
    invocation_id="urn:uuid:1",
    builder_id="urn:sealift:builder:local",
)
ROOT = ToolchainFacts(
    name="debian",
    kind="debian",
    fingerprint=Digest.of(b"root"),
    description="debian:bookworm, 1 packages",
    packages=("gcc:amd64=4:12.2.0-3",),
)
WHOLE, PART = Digest.of(b"whole"), Digest.of(b"part")


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def record(action: Action) -> ActionRecord:
    return ActionRecord(
        action=action,
        result=ActionResult(
            action=action.digest,
            tree=Digest.of(b"result"),
            log=Digest.of(b"log"),
            isolation=Isolation(sandbox="bubblewrap", network=False, facts=()),
        ),
    )


def definition(bench: Workbench, action: Action, *made: tuple[str, Digest]) -> dict[str, Json]:
    plan = bench.plan()
    material = Material(
        plan=replace(plan, toolchains=(*plan.toolchains, ROOT)),
        opening=OPENING,
        records=(record(action),),
        artifacts=(),
    )
    statement = provenance_statement(material, record(action), frozenset(made))
    found = statement.predicate["buildDefinition"]
    assert isinstance(found, dict)
    return found


def toolchain_of(bench: Workbench, action: Action) -> Json:
    parameters = definition(bench, action)["internalParameters"]
    assert isinstance(parameters, dict)
    return parameters["toolchain"]


def test_pinned_root_is_named_with_every_package_in_it(bench: Workbench) -> None:
    action = replace(
        bench.shell("make"), toolchain="debian", toolchain_fingerprint=ROOT.fingerprint
    )
    assert toolchain_of(bench, action) == {
        "name": "debian",
        "fingerprint": str(ROOT.fingerprint),
        "kind": "debian",
        "packages": ["gcc:amd64=4:12.2.0-3"],
    }


def test_host_is_named_by_its_fingerprint_alone_as_before(bench: Workbench) -> None:
    action = bench.shell("make")
    assert toolchain_of(bench, action) == {
        "name": "host",
        "fingerprint": str(action.toolchain_fingerprint),
    }


def reading(bench: Workbench, tree: Digest) -> Action:
    return replace(
        bench.shell("make", name="link"), inputs=(ActionInput(name="compile", tree=tree),)
    )


def test_narrowed_input_is_named_by_the_action_that_selected_it(bench: Workbench) -> None:
    made = (("compile", WHOLE), ("link.compile", PART))
    found = definition(bench, reading(bench, PART), *made)["resolvedDependencies"]
    assert isinstance(found, list)
    assert found[0] == {
        "name": "compile",
        "uri": tree_uri("link.compile"),
        "digest": {"sha256": PART.hex},
    }


def test_tree_that_was_narrowed_for_another_stage_is_refused(bench: Workbench) -> None:
    made = (("compile", WHOLE), ("other.compile", PART))
    with pytest.raises(IntegrityError, match="is not what an action gave"):
        definition(bench, reading(bench, PART), *made)
