import dataclasses

from sealift.core.digest import Digest
from sealift.core.release import ToolchainFacts
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.build.resolution import StageInput, resolve
from sealift.testing.workbench import stage_plan

HOST = ToolchainFacts(name="host", kind="host", fingerprint=Digest("7" * 64), description="Debian")


def tree_of(*paths: str) -> Tree:
    return Tree.of(TreeEntry(path=path, digest=Digest.of(b"")) for path in paths)


STAGE = stage_plan("dist", "cd x", "make", inputs=("source", "backend"), outputs=(("a", "*"),))
SOURCE = StageInput(name="source", tree=tree_of("setup.py"))
BACKEND = StageInput(name="backend", tree=tree_of("files/a.whl", "site/a/__init__.py"))
TOOLS = StageInput(name="tools", tree=tree_of("site/b.py"))


def test_action_holds_everything_that_the_sandbox_shows() -> None:
    action = resolve(STAGE, inputs=[SOURCE, BACKEND], epoch_s=1_700_000_000, toolchain=HOST)
    assert action.command == ("/bin/sh", "-eu", "-c", "cd x\nmake")
    assert dict(action.environment) == {
        "HOME": "/build/home",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": "/build/inputs/backend/site",
        "SEALIFT_INPUTS": "/build/inputs",
        "SEALIFT_OUT": "/build/out",
        "SOURCE_DATE_EPOCH": "1700000000",
        "TMPDIR": "/tmp",  # noqa: S108 - the path inside the sandbox
        "TZ": "UTC",
    }
    assert [each.name for each in action.inputs] == ["source", "backend"]
    assert not action.network


def test_python_path_follows_the_order_of_the_inputs() -> None:
    one = resolve(STAGE, inputs=[BACKEND, TOOLS], epoch_s=1, toolchain=HOST)
    other = resolve(STAGE, inputs=[TOOLS, BACKEND], epoch_s=1, toolchain=HOST)
    path = "/build/inputs/backend/site:/build/inputs/tools/site"
    assert dict(one.environment)["PYTHONPATH"] == path
    assert one.digest != other.digest


def test_stage_without_python_inputs_has_no_python_variables() -> None:
    action = resolve(STAGE, inputs=[SOURCE], epoch_s=1, toolchain=HOST)
    assert not any(name.startswith("PYTHON") for name, _ in action.environment)


def test_each_fact_that_can_change_outputs_changes_the_key() -> None:
    def key(
        stage: object = None, inputs: object = None, epoch_s: int = 1, host: object = None
    ) -> Digest:
        chosen = stage if isinstance(stage, type(STAGE)) else STAGE
        given = inputs if isinstance(inputs, list) else [SOURCE]
        facts = host if isinstance(host, ToolchainFacts) else HOST
        return resolve(chosen, inputs=given, epoch_s=epoch_s, toolchain=facts).digest

    same = key()
    others = [
        key(dataclasses.replace(STAGE, run=("make all",))),
        key(dataclasses.replace(STAGE, outputs=(("a", "**"),))),
        key(dataclasses.replace(STAGE, timeout_s=61)),
        key(dataclasses.replace(STAGE, memory_bytes=1)),
        key(inputs=[StageInput(name="source", tree=tree_of("setup.cfg"))]),
        key(epoch_s=2),
        key(host=dataclasses.replace(HOST, fingerprint=Digest("8" * 64))),
    ]
    assert key() == same
    assert len({same, *others}) == len(others) + 1
