"""The bubblewrap command line of a run, as a pure function.

Everything is shut by default: new namespaces of every kind, no capability, no variable, a root
that is an empty read-only tmpfs. What is shown is listed, in this order: the toolchain's root, its
folders shown empty, `/proc` and a minimal `/dev`, then the run's own mounts.
"""

from typing import Final

from sealift.core.sandbox import HOME_FOLDER
from sealift.stations.build.model import Mount, Root, SandboxRun

_WALLS: Final = (
    "--unshare-all",
    # `--unshare-all` only tries a user namespace; asked for by name it fails closed.
    "--unshare-user",
    "--cap-drop",
    "ALL",
    "--die-with-parent",
    "--new-session",
    "--clearenv",
)
_NO_NESTING: Final = ("--disable-userns", "--assert-userns-disabled")

# Mount points that the empty root gets before it turns read-only.
_FOLDERS: Final = ("/etc", "/var", "/run")


def bubblewrap_argv(
    run: SandboxRun, *, bubblewrap: str, nesting_refused: bool, filter_fd: int | None = None
) -> tuple[str, ...]:
    """Return the argv that runs `run` in isolation.

    `nesting_refused` also forbids user namespaces inside, which bubblewrap can do since 0.8;
    `filter_fd` is an open file with the system call filter.
    """
    return (
        bubblewrap,
        *_WALLS,
        *(_NO_NESTING if nesting_refused else ()),
        *(("--seccomp", str(filter_fd)) if filter_fd is not None else ()),
        *("--uid", str(run.user_id), "--gid", str(run.user_id), "--hostname", run.hostname),
        *_environment(run),
        *(word for folder in _FOLDERS for word in ("--perms", "0755", "--dir", folder)),
        *_mounts(run.root.mounts),
        *_hidden(run.root),
        *_links(run.root),
        # Read-only: started by root, the user inside is the kernel's root for `/proc/sys`.
        *("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"),
        *_mounts(run.mounts),
        # Last: until here the empty root must take the mount points.
        *("--remount-ro", "/", "--chdir", run.folder, "--"),
        *run.command,
    )


def account_files(*, user_id: int, hostname: str) -> tuple[tuple[str, str], ...]:
    """Return name and text of the generated files of `/etc`: one account, one host."""
    passwd = (
        "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
        f"builder:x:{user_id}:{user_id}:builder:{HOME_FOLDER}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    )
    group = f"root:x:0:\nbuilder:x:{user_id}:\nnogroup:x:65534:\n"
    hosts = f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {hostname}\n"
    lookup = "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"
    return (
        ("passwd", passwd),
        ("group", group),
        ("hosts", hosts),
        ("hostname", f"{hostname}\n"),
        ("nsswitch.conf", lookup),
    )


def limit_argv(
    run: SandboxRun,
    *,
    prlimit: str,
    taskset: str,
    processor: int,
    processes_max: int | None = None,
) -> tuple[str, ...]:
    """Return the argv prefix that bounds files, memory and processors; the run inherits it.

    Memory is the data of each process: runtimes reserve far more address space than they use, and
    control groups need rights that few callers have. `processes_max` is for where these are
    missing, too; the kernel ignores it for root. Either program may be empty where missing.
    """
    pinned = (taskset, "--cpu-list", str(processor)) if taskset and run.single_processor else ()
    if not prlimit:
        return pinned
    return (
        *pinned,
        *(prlimit, "--core=0", f"--data={run.memory_bytes}", f"--fsize={run.file_bytes_max}"),
        *((f"--nproc={processes_max}",) if processes_max is not None else ()),
        "--",
    )


def _environment(run: SandboxRun) -> tuple[str, ...]:
    return tuple(word for name, value in run.environment for word in ("--setenv", name, value))


def _mounts(mounts: tuple[Mount, ...]) -> tuple[str, ...]:
    words: list[str] = []
    for mount in mounts:
        words += ("--bind" if mount.writable else "--ro-bind", mount.outside, mount.inside)
    return tuple(words)


def _hidden(root: Root) -> tuple[str, ...]:
    return tuple(
        word for folder in root.hidden for word in ("--tmpfs", folder, "--remount-ro", folder)
    )


def _links(root: Root) -> tuple[str, ...]:
    return tuple(word for target, link in root.links for word in ("--symlink", target, link))
