"""Resolve requirements/*.txt anew: each version pinned, each file by hash, a week old at least."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

from pip_settings import uv_environment

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
COOL_DOWN = dt.timedelta(days=7)


def main() -> None:
    """Write bootstrap.txt (uv alone) and dev.txt (everything), naming no index in either."""
    python = ROOT / ".venv" / "bin" / "python"
    uv = ROOT / ".venv" / "bin" / "uv"
    if not uv.exists():
        sys.exit("uv is not there yet\n\nhint: make setup")
    environment = uv_environment(python)
    # Extra indexes on disk state no upload times, without which there is no cool-down.
    environment = {k: v for k, v in environment.items() if k not in {"UV_INDEX", "UV_FIND_LINKS"}}
    newest = (dt.datetime.now(tz=dt.UTC) - COOL_DOWN).date().isoformat()
    common = [
        uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
        "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
        "--exclude-newer", newest, "--custom-compile-command", "make lock",
    ]  # fmt: skip
    for sources, output in (
        (["requirements/bootstrap.in"], "bootstrap.txt"),
        (["pyproject.toml", "--group", "dev"], "dev.txt"),
    ):
        command = [*common, *sources, "--output-file", REQUIREMENTS / output]
        subprocess.run([str(part) for part in command], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()
