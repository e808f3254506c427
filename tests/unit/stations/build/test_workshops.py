"""Workshops by toolchain: each action goes to its own, which is opened once."""

from dataclasses import dataclass, field, replace

import pytest

from sealift.core.action import Action, ActionRecord, ActionResult, Isolation
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.stations.build.port import Toolchain
from sealift.stations.build.workshops import ToolchainWorkshops
from sealift.testing.workbench import Workbench


@dataclass
class FakeWorkshop:
    """Remembers what it was asked to perform."""

    performed: list[tuple[str, bool, str]] = field(default_factory=list)

    def perform(self, action: Action, *, reproduce: bool, why: str = "") -> ActionRecord:
        self.performed.append((action.stage, reproduce, why))
        nothing = Digest.of(b"")
        return ActionRecord(
            action=action,
            result=ActionResult(
                action=action.digest,
                tree=nothing,
                log=nothing,
                isolation=Isolation(sandbox="none", network=False, facts=()),
            ),
        )


def test_action_goes_to_the_workshop_of_its_toolchain_which_is_opened_once(
    bench: Workbench,
) -> None:
    opened: list[FakeWorkshop] = []

    def open_workshop(toolchain: Toolchain) -> FakeWorkshop:
        assert toolchain is bench.toolchain
        opened.append(FakeWorkshop())
        return opened[-1]

    workshops = ToolchainWorkshops({"host": bench.toolchain}, open_workshop)
    assert opened == []
    workshops.perform(bench.shell("true", name="one"), reproduce=True, why="first")
    workshops.perform(bench.shell("true", name="two"), reproduce=False)
    assert [each.performed for each in opened] == [[("one", True, "first"), ("two", False, "")]]


def test_action_of_a_toolchain_that_is_not_there_is_refused(bench: Workbench) -> None:
    workshops = ToolchainWorkshops({"host": bench.toolchain}, lambda _: FakeWorkshop())
    action = replace(bench.shell("true"), toolchain="debian")
    with pytest.raises(ConfigError, match="toolchain `debian` is not there") as caught:
        workshops.perform(action, reproduce=False)
    assert caught.value.expected == "one of host"
