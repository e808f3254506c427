"""Users who have no Sealift: pip, apt, sha256sum, openssl; none sees the machine's indexes."""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from demo.projects import sha256_of
from demo.screen import DemoFailed, Ran, good, note, run

APT_ROOT_FORMAT = "v1"
SUITE = "bookworm"
PROBE = (
    "from importlib.metadata import version; from rich.text import Text; "
    "print(Text('installed'), version('rich'))"
)


def clean_environment(home: Path) -> dict[str, str]:
    """Return an environment without a trace of the machine's pip, apt or Sealift settings."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",
    }


def served_from(access_log: Path, needle: str) -> str:
    """Return the log's line that shows who fetched a file whose path contains `needle`."""
    for row in reversed(access_log.read_text().splitlines()):
        entry = json.loads(row)
        if needle in entry["path"] and entry["status"] in (200, 206):
            agent = entry["user_agent"].partition(" {")[0]
            return f"{entry['method']} {entry['path']} {entry['status']} by {agent}"
    raise DemoFailed(f"the server's log shows no request for {needle}")


def pip_installs(site: str, wheel: str, folder: Path, access_log: Path) -> None:
    """Install rich with pip from the tree's simple index alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = clean_environment(folder)
    venv = folder / "venv"
    run([sys.executable, "-m", "venv", venv], folder=folder, environment=environment, quiet=True)
    run(
        [
            venv / "bin" / "pip",
            "install",
            "--no-deps",
            "--progress-bar=off",
            "--index-url",
            f"{site}/simple/",
            "rich==13.9.4",
        ],
        folder=folder,
        environment=environment,
        show=f"pip install --no-deps --index-url {site}/simple/ rich==13.9.4",
    )
    shown = run(
        [
            venv / "bin" / "python",
            "-c",
            PROBE,
        ],
        folder=folder,
        environment=environment,
        quiet=True,
    )
    if shown.stdout.strip() != "installed 13.9.4":
        raise DemoFailed(f"pip installed {shown.stdout.strip()!r}")
    good(f"pip installed rich 13.9.4; the server saw: {served_from(access_log, wheel)}")


class AptRoot:
    """A minimal Debian root, made once by mmdebstrap and kept by digest, unpacked for each use."""

    def __init__(self, *, cache: Path, folder: Path) -> None:
        self._cache = cache
        self._folder = folder
        self._sources = debian_sources()

    def prepare(self, environment: Mapping[str, str]) -> None:
        """Unpack a fresh root, making it first if it is not cached."""
        recipe = "\n".join([APT_ROOT_FORMAT, SUITE, *(p.read_text() for p in self._sources)])
        archive = self._cache / f"{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.tar"
        recorded = archive.with_suffix(".sha256")
        self._cache.mkdir(parents=True, exist_ok=True)
        if not (recorded.exists() and recorded.read_text() == sha256_of(archive)):
            note("making a minimal Debian root with mmdebstrap (once; kept by digest)")
            run(
                [
                    "mmdebstrap",
                    "--variant=apt",
                    "--quiet",
                    "--skip=cleanup/apt/lists",
                    "--skip=cleanup/apt/cache",
                    SUITE,
                    archive,
                    *self._sources,
                ],
                folder=self._cache,
                environment=environment,
                quiet=True,
            )
            recorded.write_text(sha256_of(archive))
        else:
            note(f"minimal Debian root from the cache, sha256 {recorded.read_text()[:16]}…")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        run(
            ["tar", "-C", self._folder, "--no-same-owner", "-xf", archive, "--exclude=./dev/*"],
            folder=self._folder,
            environment=environment,
            quiet=True,
        )

    def run(self, *command: str, show: str = "", refuse: bool = False, quiet: bool = False) -> Ran:
        """Run a command inside the root, as its root user, with the machine's network."""
        inside = [
            *("bwrap", "--die-with-parent", "--unshare-pid", "--unshare-user"),
            *("--uid", "0", "--gid", "0", "--bind", str(self._folder), "/"),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--clearenv"),
            *("--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            *("--setenv", "DEBIAN_FRONTEND", "noninteractive", "--setenv", "LANG", "C.UTF-8"),
            *command,
        ]
        return run(
            inside,
            folder=self._folder,
            environment=clean_environment(self._folder),
            show=show or " ".join(command),
            refuse=refuse,
            quiet=quiet,
        )

    def trust(self, project: str, keyring: bytes, site: str) -> None:
        """Add the project's repository the way its release page says."""
        keys = self._folder / "etc/apt/keyrings"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / f"{project}.asc").write_bytes(keyring)
        (self._folder / f"etc/apt/{project}.sources").write_text(
            f"Types: deb\nURIs: {site}/apt\nSuites: stable\nComponents: main\n"
            f"Signed-By: /etc/apt/keyrings/{project}.asc\n"
        )


# A machine's own apt may have its checks switched off: switch them on, and ask only our source.
APT_STRICT = (
    *("-o", "APT::Sandbox::User=root"),
    *("-o", "Acquire::Check-Valid-Until=true", "-o", "Acquire::Check-Date=true"),
    *(
        "-o",
        "Acquire::AllowInsecureRepositories=false",
        "-o",
        "APT::Get::AllowUnauthenticated=false",
    ),
    *("-o", "APT::Get::List-Cleanup=false", "-o", "Acquire::Languages=none"),
)


def only(project: str) -> tuple[str, ...]:
    """Return apt's options that make it update nothing but the project's source."""
    return (
        *("-o", f"Dir::Etc::sourcelist=/etc/apt/{project}.sources"),
        *("-o", "Dir::Etc::sourceparts=-"),
    )


def both(project: str) -> tuple[str, ...]:
    """Return apt's options under which the project's source competes with Debian's own."""
    return ("-o", f"Dir::Etc::sourcelist=/etc/apt/{project}.sources")


def apt_installs(root: AptRoot, site: str, keyring: bytes, access_log: Path) -> None:
    """Install jq with apt from the signed repository, beside Debian's own older jq, and run it."""
    root.trust("jq", keyring, site)
    root.run("apt-get", *APT_STRICT, *only("jq"), "update", show="apt-get update")
    policy = root.run("apt-cache", *both("jq"), "policy", "jq", show="apt-cache policy jq")
    if f"{site}/apt stable" not in policy.stdout or "1.6" not in policy.stdout:
        raise DemoFailed("apt does not see both our jq and Debian's")
    root.run(
        "apt-get", *APT_STRICT, *both("jq"), "install", "--yes", "jq", show="apt-get install jq"
    )
    ran = root.run(
        "sh", "-c", 'echo \'{"jq":"runs"}\' | jq -r .jq && jq --version', show="jq --version"
    )
    if ran.stdout.split() != ["runs", "jq-1.8.2"]:
        raise DemoFailed(f"the installed jq said {ran.stdout!r}")
    good(f"apt installed jq 1.8.2; the server saw: {served_from(access_log, '.deb')}")


def debian_sources() -> list[Path]:
    """Return the files in which this machine's apt is told where Debian lies."""
    listing = Path("/etc/apt/sources.list")
    parts = Path("/etc/apt/sources.list.d")
    found = [listing] if listing.is_file() and listing.read_text().strip() else []
    found += sorted(path for path in parts.glob("debian*.sources") if path.is_file())
    if not found:
        raise DemoFailed("this machine's apt names no Debian archive")
    return found


def sums_check(folder: Path, environment: Mapping[str, str], *, refuse: bool = False) -> Ran:
    """Check SHA256SUMS with coreutils."""
    return run(
        ["sha256sum", "--check", "--ignore-missing", "SHA256SUMS"],
        folder=folder,
        environment=environment,
        refuse=refuse,
    )


def openssl_checks(folder: Path, environment: Mapping[str, str]) -> None:
    """Check the signature on SHA256SUMS with openssl."""
    ran = run(
        [
            *("openssl", "dgst", "-sha256", "-verify", "checksums.pem"),
            *("-signature", "SHA256SUMS.sig", "SHA256SUMS"),
        ],
        folder=folder,
        environment=environment,
    )
    if "Verified OK" not in ran.stdout:
        raise DemoFailed("openssl did not say `Verified OK`")
    good("openssl accepts the signature on SHA256SUMS")
