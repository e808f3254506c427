"""Install the system packages that builds need: by apt as root, else as a clear list.

Standard library only. Does nothing, fast, when everything is there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# What each is for is written in docs/dependencies.md.
PROGRAMS = {
    "bwrap": "bubblewrap",
    "git": "git",
    "gcc": "build-essential",
    "make": "build-essential",
    "dpkg-shlibdeps": "dpkg-dev",
    "gpg": "gnupg",
    "ssh-keygen": "openssh-client",
    "openssl": "openssl",
    "mmdebstrap": "mmdebstrap",
}
FILES = {"lib/*/faketime/libfaketimeMT.so.1": "libfaketime"}
USR = Path("/usr")
DISTRIBUTION_PYTHON = Path("/usr/bin/python3")


def missing() -> list[str]:
    """Return the Debian packages that are not there, sorted."""
    wanted = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    wanted |= {package for file, package in FILES.items() if not any(USR.glob(file))}
    if not DISTRIBUTION_PYTHON.exists():
        wanted.add("python3")
    return sorted(wanted)


def main() -> None:
    """Install what is missing, or say what to install."""
    install(missing)


def install(missing: Callable[[], list[str]]) -> None:
    """Install the packages that `missing` names; exit where that is not for us to do."""
    packages = missing()
    if not packages:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(
            "system packages are missing: " + " ".join(packages) + "\n\n"
            "hint: sudo " + " ".join(command)
        )
    print("setup: apt-get install " + " ".join(packages), flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update", "--quiet=2"], [*command, "--quiet=2"]):
        completed = subprocess.run(
            step, env=environment, check=False, capture_output=True, text=True
        )
        if completed.returncode != 0:
            sys.exit(completed.stdout + completed.stderr + f"\n`{' '.join(step[:2])}` failed")
    still = missing()
    if still:
        sys.exit("still missing after apt-get: " + " ".join(still))


if __name__ == "__main__":
    main()
