"""Set up the virtual environment from the hash-pinned lock.

Run by `make setup` with any Python 3.11 or later; needs only pip and venv. uv comes by pip, by
hash, and is then told where pip was configured to look, so that both ask the same index.
"""

import argparse
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from pip_settings import uv_environment

ROOT = Path(__file__).resolve().parent.parent
PYTHON_OLDEST = (3, 11)


def main() -> None:
    """Create the environment, install the lock into it, then Sealift itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, required=True)
    target = parser.parse_args().venv.resolve()
    if sys.version_info < PYTHON_OLDEST:
        sys.exit(
            f"Python {sys.version.split()[0]} is too old, expected 3.11 or later\n\n"
            "hint: make setup PYTHON=python3.11"
        )
    print(f"setup: virtual environment in {target.name}", flush=True)
    if not (target / "bin" / "python").exists():
        shutil.rmtree(target, ignore_errors=True)
        venv.create(target, with_pip=True, symlinks=True)
    python = target / "bin" / "python"
    bootstrap = ROOT / "requirements" / "bootstrap.txt"
    run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", bootstrap])
    environment = {**uv_environment(python), "VIRTUAL_ENV": str(target)}
    uv = [target / "bin" / "uv", "pip", "install", "--quiet"]
    lock = ROOT / "requirements" / "dev.txt"
    run([*uv, "--require-hashes", "-r", lock], environment)
    run([*uv, "--no-deps", "--no-build-isolation", "--editable", ROOT], environment)
    (target / ".ready").touch()


def run(command: list[object], environment: dict[str, str] | None = None) -> None:
    """Run a command; end with its exit code when it fails."""
    completed = subprocess.run([str(part) for part in command], env=environment, check=False)
    if completed.returncode != 0:
        sys.exit(f"`{' '.join(str(part) for part in command[:4])} …` failed, see above")


if __name__ == "__main__":
    main()
