"""`make examples`: release every project of `examples/` and use what a user would get.

Each is copied into `build/examples`, committed and tagged there; its manifest is written by
`sealift init` where the project has none. What is published is fetched over loopback, verified down
to the commit, installed and run. Exits with 1 if any project fails, after all had their turn.

Standard library only. Names on the command line choose among the projects.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from system_packages import install

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "examples"
HOME = WORK / "home"
SEALIFT = Path(sys.executable).parent / "sealift"
VERSION = "1.0.0"
START_TIMEOUT_S = 20
TAIL_LINES = 30
DATE = "2024-11-01T16:43:51+00:00"

# What the host toolchain has to hold, by file; docs/dependencies.md says what each is for.
TOOLCHAINS = {
    "bin/cargo": "cargo",
    "bin/cmake": "cmake",
    "bin/go": "golang-go",
    "bin/node": "nodejs",
    "bin/npm": "npm",
    "include/python3*/Python.h": "python3-dev",
}


class ExampleFailed(Exception):  # noqa: N818 - it is an outcome, not a library's error
    """A step of an example ended otherwise than it should; the text says how."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One project: its folder, the name it is released under, and how a user uses its files."""

    folder: str
    name: str
    languages: str
    use: Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """A row of the table at the end."""

    example: Example
    seconds: float
    files: int = 0
    failure: str = ""


def missing_toolchains() -> list[str]:
    """Return the Debian packages of the toolchains that are not below /usr, sorted."""
    usr = Path("/usr")
    return sorted({package for file, package in TOOLCHAINS.items() if not any(usr.glob(file))})


def environment() -> dict[str, str]:
    """Return what every command of a maintainer or a user sees."""
    author = {"NAME": "Sealift examples", "EMAIL": "examples@sealift.invalid", "DATE": DATE}
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SEALIFT_", "GIT_"))},
        **{f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in author.items()},
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "SEALIFT_HOME": str(HOME),
        "SEALIFT_PASSPHRASE_FILE": str(WORK / "passphrase"),
        "NO_COLOR": "1",
    }


def run(*command: str | Path, folder: Path, more: dict[str, str] | None = None) -> str:
    """Run a command, return its stdout; raise ExampleFailed with its last lines when it fails."""
    completed = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**environment(), **(more or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if completed.returncode != 0:
        told = (completed.stdout + completed.stderr).strip().splitlines()[-TAIL_LINES:]
        words = " ".join(str(part) for part in command)
        raise ExampleFailed(f"`{words}` ended with {completed.returncode}\n" + "\n".join(told))
    return completed.stdout


def expect(found: str, wanted: str) -> None:
    """Raise ExampleFailed unless a program said exactly what it should."""
    if found.strip() != wanted:
        raise ExampleFailed(f"the program said {found.strip()!r}, expected {wanted!r}")


def one(folder: Path, pattern: str) -> Path:
    """Return the one file that matches."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise ExampleFailed(f"{len(found)} files match {pattern}, expected one")
    return found[0]


def unpacked(archive: Path) -> Path:
    """Unpack a published tar archive or deb beside it; return the folder that holds `usr`."""
    folder = archive.parent / f"{archive.name}.unpacked"
    folder.mkdir()
    if archive.suffix == ".deb":
        run("dpkg-deb", "--extract", archive, folder, folder=folder)
        return folder
    run("tar", "--strip-components=1", "-xzf", archive, folder=folder)
    return folder


def python_of(folder: Path, wheel: Path) -> Path:
    """Install a wheel, and nothing else, into a new environment; return its Python."""
    place = folder / "venv"
    run("/usr/bin/python3", "-m", "venv", "--without-pip", place, folder=folder)
    pip = (sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"))
    if subprocess.run([*pip[:3], "--version"], capture_output=True, check=False).returncode != 0:
        site = one(place, "lib/python3*/site-packages")
        run("/usr/bin/python3", "-m", "zipfile", "-e", wheel, site, folder=folder)
    else:
        isolated = {"PIP_CONFIG_FILE": "/dev/null"}
        run(*pip, "install", "--quiet", "--no-index", wheel, folder=folder, more=isolated)
    return place / "bin" / "python"


def use_python_extension(folder: Path) -> None:
    """Install the wheel and call into its machine code."""
    wheel = one(folder, "wavecount-*-linux_x86_64.whl")
    script = "import wavecount; print(wavecount.crossings([1, -1, 1]))"
    expect(run(python_of(folder, wheel), "-c", script, folder=folder), "2")
    one(folder, "wavecount-*.tar.gz")


def use_node_package(folder: Path) -> None:
    """Install the tarball by npm, offline, and run its command."""
    tarball = one(folder, "lamplight-*.tgz")
    options = ("--offline", "--no-audit", "--no-fund", "--prefix", str(folder / "prefix"))
    settings = {"npm_config_userconfig": "/dev/null", "npm_config_cache": str(folder / "cache")}
    run("npm", "install", "--global", *options, tarball, folder=folder, more=settings)
    expect(run(folder / "prefix/bin/lamplight", "900", folder=folder), "a reading lamp")


def use_c_library(folder: Path) -> None:
    """Run the program with its library, and compile another program against it."""
    deb = unpacked(one(folder, "tidewords_*.deb"))
    library = one(deb, "usr/lib/*/libtidewords.so.1").parent
    found = {"LD_LIBRARY_PATH": str(library)}
    expect(run(deb / "usr/bin/tide", "60", folder=folder, more=found), "high water")
    source = folder / "user.c"
    source.write_text(
        "#include <tidewords.h>\n#include <stdio.h>\nint main(void) {"
        " puts(tide_word(0)); return 0; }\n"
    )
    paths = (f"-I{deb}/usr/include", f"-L{library}")
    run("gcc", *paths, source, "-ltidewords", "-o", folder / "user", folder=folder)
    expect(run(folder / "user", folder=folder, more=found), "slack water")
    one(folder, "tidewords-*.tar.gz")


def use_go_tool(folder: Path) -> None:
    """Run the program from the archive and from the deb."""
    for pattern in ("ebb-*.tar.gz", "ebb_*.deb"):
        program = unpacked(one(folder, pattern)) / "usr/bin/ebb"
        expect(run(program, "1h", folder=folder), "5h12m0s")


def use_rust_tool(folder: Path) -> None:
    """Run the program from the archive and from the deb."""
    for pattern in ("flood-*.tar.gz", "flood_*.deb"):
        program = unpacked(one(folder, pattern)) / "usr/bin/flood"
        expect(run(program, "301", "300", folder=folder), "flood")


def use_monorepo(folder: Path) -> None:
    """Use what each of the three languages made."""
    berth = unpacked(one(folder, "harbour-core-*.tar.gz")) / "usr/bin/berth"
    expect(run(berth, "3", folder=folder), "berth 3 is free")
    gate = unpacked(one(folder, "harbour-gate_*.deb")) / "usr/bin/gate"
    expect(run(gate, "23", folder=folder), "closed")
    python = python_of(folder, one(folder, "harbour_client-*.whl"))
    script = "import harbour_client; print(harbour_client.berth_name(3))"
    expect(run(python, "-c", script, folder=folder), "berth 3")


EXAMPLES = (
    Example(
        folder="python-extension",
        name="wavecount",
        languages="Python with a C extension",
        use=use_python_extension,
    ),
    Example(folder="node-package", name="lamplight", languages="Node", use=use_node_package),
    Example(
        folder="c-library",
        name="tidewords",
        languages="C with CMake, shared library",
        use=use_c_library,
    ),
    Example(folder="go-tool", name="ebb", languages="Go", use=use_go_tool),
    Example(folder="rust-tool", name="flood", languages="Rust", use=use_rust_tool),
    Example(folder="monorepo", name="harbour", languages="C, Go and Python", use=use_monorepo),
)


def release(example: Example, signing_key: Path) -> dict[str, Any]:
    """Do what a maintainer does once, then release; return the summary."""
    checkout = WORK / "checkouts" / example.name
    shutil.copytree(ROOT / "examples" / example.folder, checkout)
    run("git", "init", "--quiet", "--initial-branch=main", folder=checkout)
    if not (checkout / "sealift.toml").exists():
        run(SEALIFT, "init", folder=checkout)
    keep(checkout, f"Import {example.name}")
    run(SEALIFT, "keys", "init", "--trust-signer", f"{signing_key}.pub", folder=checkout)
    run(SEALIFT, "lock", folder=checkout)
    keep(checkout, "Release with Sealift")
    sign = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={signing_key}")
    tag = ("tag", "--sign", f"v{VERSION}", "--message", f"{example.name} {VERSION}")
    run("git", *sign, *tag, folder=checkout)
    summary: dict[str, Any] = json.loads(run(SEALIFT, "release", "--json", folder=checkout))
    return summary


def keep(checkout: Path, message: str) -> None:
    """Commit everything that is not ignored."""
    run("git", "add", "--all", folder=checkout)
    run("git", "commit", "--quiet", "--allow-empty", "--message", message, folder=checkout)


def get_and_verify(example: Example, url: str, root_sha256: str) -> Path:
    """Fetch every file of the release as a user, verify each, and return their folder."""
    folder = WORK / "users" / example.name
    folder.mkdir(parents=True)
    shown = HOME / "site" / example.name / "current" / "releases" / VERSION / "release.json"
    names = [item["name"] for item in json.loads(shown.read_text())["artifacts"]]
    for name in names:
        run(
            *(SEALIFT, "get", example.name, "--from", f"{url}/{example.name}"),
            *("--root-sha256", root_sha256, "--file", name),
            folder=folder,
        )
        run(SEALIFT, "verify", name, folder=folder)
    return folder


@contextmanager
def served() -> Iterator[str]:
    """Serve the published trees on loopback for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sites = HOME / "site"
    sites.mkdir(parents=True)
    log = (WORK / "server.log").open("wb")
    server = subprocess.Popen(
        [str(SEALIFT), "serve", "--sites", str(sites), "--port", str(port)],
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        env=environment(),
    )
    try:
        wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=START_TIMEOUT_S)
        log.close()


def wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except OSError:
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise ExampleFailed("`sealift serve` did not start: " + (WORK / "server.log").read_text())


def attempt(example: Example, url: str, signing_key: Path) -> Result:
    """Take one project from its source to a program that ran."""
    start = time.monotonic()
    print(f"· {example.folder}: {example.languages}", flush=True)
    try:
        summary = release(example, signing_key)
        folder = get_and_verify(example, url, str(summary["root_digest"]))
        files = sum(1 for path in folder.iterdir() if path.is_file())
        example.use(folder)
    except ExampleFailed as failure:
        seconds = time.monotonic() - start
        print(f"✗ {example.folder}: {failure}", file=sys.stderr, flush=True)
        return Result(example=example, seconds=seconds, failure=str(failure).partition("\n")[0])
    return Result(example=example, seconds=time.monotonic() - start, files=files)


def prepare() -> Path:
    """Empty the work folder but for what may be reused; return the key that signs tags."""
    for name in ("checkouts", "users", "home/keys", "home/site", "home/trust"):
        shutil.rmtree(WORK / name, ignore_errors=True)
    for name in ("checkouts", "users", "home"):
        (WORK / name).mkdir(parents=True, exist_ok=True)
    passphrase = WORK / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse battery staple\n")
    key = WORK / "checkouts" / "maintainer-key"
    options = ("-q", "-t", "ed25519", "-N", "", "-C", "examples@sealift.invalid")
    run("ssh-keygen", *options, "-f", key, folder=WORK)
    return key


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    print(f"\n  {'example':<18}{'built from':<30}{'files':>5}{'seconds':>9}  outcome")
    for result in results:
        outcome = result.failure or "released, verified, installed, run"
        print(
            f"{'✗' if result.failure else '✓'} {result.example.folder:<18}"
            f"{result.example.languages:<30}{result.files:>5}{result.seconds:>9.1f}  {outcome}"
        )


def main() -> None:
    """Release the chosen examples, or all."""
    install(missing_toolchains)
    wanted = sys.argv[1:] or [example.folder for example in EXAMPLES]
    chosen = [example for example in EXAMPLES if example.folder in wanted]
    unknown = set(wanted) - {example.folder for example in chosen}
    if unknown:
        known = ", ".join(example.folder for example in EXAMPLES)
        sys.exit(f"there is no example {min(unknown)}; there are {known}")
    key = prepare()
    with served() as url:
        results = [attempt(example, url, key) for example in chosen]
    show(results)
    if any(result.failure for result in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
