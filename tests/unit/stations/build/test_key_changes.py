import dataclasses

from sealift.core.action import Action, ActionInput
from sealift.core.digest import Digest
from sealift.core.platform import ANY
from sealift.stations.build.key_changes import key_changes

OLD, NEW = Digest("a" * 64), Digest("b" * 64)
ACTION = Action(
    kind="build",
    stage="compile",
    command=("/bin/sh", "-eu", "-c", "./configure\nmake -j2\nmake install"),
    inputs=(ActionInput(name="source", tree=OLD), ActionInput(name="tools", tree=OLD)),
    outputs=(("tree", "usr/**"),),
    environment=(("HOME", "/build/home"), ("TZ", "UTC")),
    toolchain="host",
    toolchain_fingerprint=OLD,
    platform=ANY,
    timeout_s=60,
    memory_bytes=1024,
)


def changed(**fields: object) -> list[tuple[str, str, str]]:
    now = dataclasses.replace(ACTION, **fields)  # type: ignore[arg-type]  # the test's own names
    return [(each.part, each.before, each.now) for each in key_changes(before=ACTION, now=now)]


def test_equal_actions_have_nothing_to_explain() -> None:
    assert changed() == []


def test_input_that_changed_is_named_and_the_others_are_not() -> None:
    inputs = (ACTION.inputs[0], ActionInput(name="tools", tree=NEW))
    assert changed(inputs=inputs) == [("inputs.tools", str(OLD), str(NEW))]


def test_input_that_came_or_went_says_so() -> None:
    now = dataclasses.replace(ACTION, inputs=ACTION.inputs[:1])
    assert [str(each) for each in key_changes(before=ACTION, now=now)] == ["inputs.tools is gone"]
    assert [str(each) for each in key_changes(before=now, now=ACTION)] == ["inputs.tools is new"]


def test_order_of_inputs_alone_is_a_change_too() -> None:
    (change,) = changed(inputs=ACTION.inputs[::-1])
    assert change == ("order of inputs", "source tools", "tools source")


def test_command_shows_its_first_line_that_differs() -> None:
    command = (*ACTION.command[:3], "./configure\nmake -j4\nmake install")
    assert changed(command=command) == [("command", "make -j2", "make -j4")]
    longer = (*ACTION.command[:3], ACTION.command[3] + "\nmake check")
    assert changed(command=longer) == [("command", "-", "make check")]


def test_every_field_of_an_action_is_compared() -> None:
    assert changed(
        environment=(("HOME", "/build/home"), ("TZ", "CET")),
        outputs=(("tree", "usr/**"), ("doc", "doc/**")),
        toolchain_fingerprint=NEW,
        timeout_s=61,
        reads=("/opt",),
        parameters=(("a.whl", str(NEW)),),
    ) == [
        ("outputs.doc", "-", "doc/**"),
        ("environment.TZ", "UTC", "CET"),
        ("toolchain_fingerprint", str(OLD), str(NEW)),
        ("parameters.a.whl", "-", str(NEW)),
        ("reads", "-", "/opt"),
        ("timeout_s", "60", "61"),
    ]
