from sealift.stations.build.model import Mount, Root, SandboxRun
from sealift.stations.build.sandbox_command import account_files, bubblewrap_argv, limit_argv

RUN = SandboxRun(
    command=("/bin/sh", "-c", "true"),
    environment=(("PATH", "/usr/bin:/bin"), ("TZ", "UTC")),
    folder="/build/work",
    root=Root(
        mounts=(Mount(outside="/usr", inside="/usr"),),
        links=(("usr/bin", "/bin"),),
        hidden=("/usr/local",),
    ),
    mounts=(Mount(outside="/x/build", inside="/build", writable=True),),
    hostname="sealift",
    user_id=1000,
    umask=0o022,
    single_processor=True,
    timeout_s=60,
    memory_bytes=1 << 30,
    file_bytes_max=1 << 20,
)


def test_every_wall_is_asked_for_by_name() -> None:
    argv = bubblewrap_argv(RUN, bubblewrap="/usr/bin/bwrap", nesting_refused=True)
    walls = ("--unshare-all", "--unshare-user", "--clearenv", "--die-with-parent", "--new-session")
    assert set(walls) <= set(argv)
    assert "--disable-userns" in argv
    assert argv[argv.index("--cap-drop") + 1] == "ALL"
    assert argv[-4:] == ("--", "/bin/sh", "-c", "true")
    older = bubblewrap_argv(RUN, bubblewrap="/usr/bin/bwrap", nesting_refused=False)
    assert "--disable-userns" not in older


def test_only_the_build_folder_is_bound_writable() -> None:
    argv = bubblewrap_argv(RUN, bubblewrap="bwrap", nesting_refused=True)
    assert [argv[n : n + 3] for n, word in enumerate(argv) if word == "--bind"] == [
        ("--bind", "/x/build", "/build")
    ]
    assert [argv[n + 1] for n, word in enumerate(argv) if word == "--ro-bind"] == ["/usr"]


def test_roots_proc_and_local_folder_turn_read_only_after_they_are_laid_out() -> None:
    argv = bubblewrap_argv(RUN, bubblewrap="bwrap", nesting_refused=True)
    sealed = [argv[n + 1] for n, word in enumerate(argv) if word == "--remount-ro"]
    assert sealed == ["/usr/local", "/proc", "/"]
    assert argv.index("--bind") < max(n for n, word in enumerate(argv) if word == "--remount-ro")


def test_limits_are_inherited_by_the_sandbox_and_left_out_where_a_program_is_missing() -> None:
    argv = limit_argv(RUN, prlimit="/usr/bin/prlimit", taskset="/usr/bin/taskset", processor=3)
    assert argv[:3] == ("/usr/bin/taskset", "--cpu-list", "3")
    assert {"--core=0", f"--data={1 << 30}", f"--fsize={1 << 20}"} <= set(argv)
    assert limit_argv(RUN, prlimit="", taskset="", processor=3) == ()


def test_generated_accounts_name_one_user_and_one_host() -> None:
    files = dict(account_files(user_id=4242, hostname="elsewhere"))
    assert "builder:x:4242:4242:" in files["passwd"]
    assert files["hostname"] == "elsewhere\n"
    assert "shadow" not in files


def test_processes_are_limited_by_resource_limits_only_where_nothing_better_is_there() -> None:
    def argv(processes_max: int | None) -> tuple[str, ...]:
        return limit_argv(
            RUN, prlimit="prlimit", taskset="", processor=0, processes_max=processes_max
        )

    assert "--nproc=7" in argv(7)
    assert not any(word.startswith("--nproc") for word in argv(None))
    assert argv(7)[-1] == argv(None)[-1] == "--"


def test_filter_is_passed_as_an_open_file_before_the_mounts() -> None:
    argv = bubblewrap_argv(RUN, bubblewrap="bwrap", nesting_refused=True, filter_fd=9)
    at = argv.index("--seccomp")
    assert argv[at + 1] == "9"
    assert at < argv.index("--ro-bind")
    assert "--seccomp" not in bubblewrap_argv(RUN, bubblewrap="bwrap", nesting_refused=True)
