"""Build the actions of packagers: a shell script over one stage's tree, in the common sandbox."""

from sealift.core.action import Action, ActionInput
from sealift.core.errors import ConfigError
from sealift.core.glob import Glob
from sealift.core.limits import ACTION_MEMORY_BYTES, ACTION_TIMEOUT_S, PACKAGE_LIST_BYTES_MAX
from sealift.core.sandbox import sandbox_environment
from sealift.stations.package.model import PackageRequest


def package_action(
    request: PackageRequest,
    *,
    script: str,
    path: str,
    tools: tuple[ActionInput, ...] = (),
    reads: tuple[str, ...] = (),
) -> Action:
    """Return the action that runs `script` over the stage's tree and leaves `path`.

    The input is the stage's whole tree, also for a narrowed package: the chain from a file back to
    its source goes by tree digests, and each must be what a stage made.
    """
    return Action(
        kind="package",
        stage=request.stage,
        command=("/bin/sh", "-eu", "-c", script),
        inputs=(
            ActionInput(name=request.package.stage, tree=request.tree.digest),
            *tools,
        ),
        outputs=(("package", _literal(path)),),
        environment=sandbox_environment(epoch_s=request.epoch_s),
        toolchain=request.toolchain.name,
        toolchain_fingerprint=request.toolchain.fingerprint,
        platform=request.package.platform,
        # A pinned root has its own package records; this machine's would be another's.
        reads=reads if request.toolchain.kind == "host" else (),
        timeout_s=ACTION_TIMEOUT_S,
        memory_bytes=ACTION_MEMORY_BYTES,
    )


def quoted(text: str) -> str:
    """Return `text` as one word of a shell script, whatever is in it."""
    return "'" + text.replace("'", "'\\''") + "'"


def listed(request: PackageRequest) -> str:
    """Return the paths of a narrowed package, one a line, as a quoted word of the script.

    Raises ConfigError when they do not fit into an action's command.
    """
    text = "".join(f"{entry.path}\n" for entry in request.entries())
    if len(text.encode()) > PACKAGE_LIST_BYTES_MAX:
        raise ConfigError(
            fact=f"output `{request.package.output}` has {len(request.entries())} files",
            expected=f"a list of paths below {PACKAGE_LIST_BYTES_MAX} bytes",
            where=request.where,
            hint="give the output a stage of its own, and leave `output` out",
        )
    return quoted(text)


def _literal(path: str) -> str:
    """Return a glob that matches `path` alone."""
    Glob.parse(path)
    return path
