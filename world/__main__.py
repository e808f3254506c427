"""Rebuild published wheels from their source distributions, and say for each how it went.

`python -m world` takes the list in `wheels.toml`, which is fixed by download rank and not by
success. For each wheel: the source distribution becomes a git commit, `sealift init`, `lock` and
`build` do what a maintainer would do, with the backend and the epoch that the published wheel
itself betrays, and the result is compared with what the package index serves.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

from demo.projects import AUTHOR, Upstream, dates, unpack
from demo.upstream import fetch

from sealift.base.edge.real import real_world
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.base.store.trees import load_tree
from sealift.core.digest import Digest
from sealift.core.limits import GIB
from sealift.stations.build.stabilisers.nesting import needed
from world.published import Origin, first_difference, infer_origin
from world.table import Verdict, render

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "world"
HOME = WORK / "home"
PAGE = ROOT / "docs" / "reproducibility.md"
STEP_TIMEOUT_S = 600
REASON_LENGTH_MAX = 160


class NotBuilt(Exception):  # noqa: N818 - an outcome, not a failure of this program
    """The wheel could not be rebuilt; the text says at which step and why."""


def main() -> None:
    """Rebuild the list, print each verdict as it comes and the table's totals at the end."""
    parser = argparse.ArgumentParser(prog="python -m world", description=__doc__)
    parser.add_argument("--limit", type=int, default=10**6, help="only the first of the list")
    parser.add_argument("--only", help="only this project")
    parser.add_argument("--write", action="store_true", help="write docs/reproducibility.md")
    options = parser.parse_args()
    if options.write and (options.only or options.limit < 10**6):
        parser.error("--write needs the whole list: a page of a part would look like all of it")
    rows = tomllib.loads((Path(__file__).parent / "wheels.toml").read_text())["wheel"]
    chosen = [row for row in rows if options.only in (None, row["project"])][: options.limit]
    verdicts = []
    for row in chosen:
        verdict = judge(row)
        verdicts.append(verdict)
        print(f"{verdict.outcome:<11} {verdict.wheel:<52} {verdict.backend:<24} {verdict.reason}")
        sys.stdout.flush()
    counts = Counter(verdict.outcome for verdict in verdicts)
    print(f"{len(verdicts)} wheels: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
    if options.write:
        PAGE.write_text(render(verdicts))
    if not verdicts:
        sys.exit("nothing was looked at")


def judge(row: dict[str, str]) -> Verdict:
    """Rebuild one wheel and compare it."""
    project, version = row["project"], row["version"]
    downloads = WORK / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    wheel = fetch(
        Upstream(project=project, filename=row["wheel"], sha256=row["wheel_sha256"]),
        downloads,
        HOME,
        quiet=True,
    )
    origin = infer_origin(wheel)
    try:
        sdist = fetch(
            Upstream(project=project, filename=row["sdist"], sha256=row["sdist_sha256"]),
            downloads,
            HOME,
            quiet=True,
        )
        rebuilt = rebuild(project, version, sdist, origin, row["wheel"])
    except NotBuilt as reason:
        outcome, why = "not built", str(reason)
    else:
        outcome, why = compare(wheel, rebuilt)
    return Verdict(
        rank=int(row["rank"]),
        project=project,
        version=version,
        wheel=row["wheel"],
        backend=origin.backend or origin.generator,
        outcome=outcome,
        reason=why,
    )


def compare(wheel: Path, rebuilt: bytes) -> tuple[str, str]:
    """Return the verdict and its reason."""
    published = wheel.read_bytes()
    if published == rebuilt:
        return "identical", ""
    stabilisers = needed(wheel.name, published, rebuilt)
    if stabilisers is not None:
        return "equivalent", "after " + ", ".join(stabilisers)
    return "different", first_difference(published, rebuilt)


def tell_version(manifest: Path, version: str) -> None:
    """Tell setuptools-scm the published version: a rehearsal's own says that it is one."""
    lines = manifest.read_text().splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("[stages.dist]"))
    lines.insert(place + 1, f'environment.SETUPTOOLS_SCM_PRETEND_VERSION = "{version}"')
    manifest.write_text("\n".join([*lines, ""]))


def rebuild(project: str, version: str, sdist: Path, origin: Origin, filename: str) -> bytes:
    """Do what a maintainer would do, and return the wheel's bytes."""
    folder = WORK / "projects" / project
    shutil.rmtree(folder, ignore_errors=True)
    unpack(sdist, folder)
    environment = {**os.environ, **AUTHOR, **dates(f"@{origin.epoch_s} +0000")}
    environment["SEALIFT_HOME"] = str(HOME)
    for command in (
        ["git", "init", "--quiet", "--initial-branch=main"],
        ["git", "add", "--all", "--force"],
        ["git", "commit", "--quiet", "--message", sdist.name],
    ):
        step(command, folder, environment)
    sealift = str(Path(sys.executable).parent / "sealift")
    step([sealift, "init"], folder, environment)
    tell_version(folder / "sealift.toml", version)
    constraints = [part for each in origin.constraints for part in ("--constraint", each)]
    step([sealift, "lock", *constraints], folder, environment)
    built = json.loads(step([sealift, "build", "dist", "--json"], folder, environment))
    (tree_digest,) = (one["tree"] for one in built["stages"] if one["name"] == "dist")
    store = LocalBlobStore(HOME / "store", real_world().files)
    tree = load_tree(store, Digest.parse(tree_digest))
    wheels = [entry for entry in tree.entries if entry.path.endswith(".whl")]
    if len(wheels) != 1 or wheels[0].digest is None or wheels[0].path != filename:
        raise NotBuilt(f"the build gave {', '.join(entry.path for entry in wheels) or 'no wheel'}")
    return store.read(wheels[0].digest, size_bytes_max=GIB)


def step(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run one command; raise NotBuilt with its first words of error."""
    completed = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=STEP_TIMEOUT_S,
        check=False,
    )
    if completed.returncode != 0:
        said = [line for line in completed.stderr.splitlines() if line.startswith("error")]
        reason = (said or completed.stderr.splitlines() or ["no words"])[-1]
        raise NotBuilt(f"{Path(command[0]).name} {command[1]}: {reason[:REASON_LENGTH_MAX]}")
    return completed.stdout


if __name__ == "__main__":
    main()
