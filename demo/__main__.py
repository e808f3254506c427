"""`make demo`: release two real projects from source to a verified install, and show each proof.

Everything is done by the commands that a maintainer or a user would type. State lies in
`build/demo`: the content-addressed store, the action cache, downloads and the Debian root stay
between runs, keys, checkouts and published trees are made anew.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from demo import tamper, users
from demo.projects import (
    JQ,
    RICH,
    RICH_WHEEL,
    DemoProject,
    commit_and_tag,
    make_checkout,
    source_archive,
)
from demo.screen import DemoFailed, Stopwatch, colour, good, note, point, run
from demo.server import Server
from demo.summary import show_summary
from demo.upstream import fetch

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "demo"
PORT_PREFERRED = 8620
PASSPHRASE = "correct horse battery staple"  # noqa: S105 - the demo's keys protect nothing
ADVISORIES = ROOT.parent / "shared" / "corpora" / "osv"


class Demo:
    """The folders and the environment of one run."""

    def __init__(self) -> None:
        self.home = WORK / "home"
        self.checkouts = WORK / "projects"
        self.downloads = WORK / "downloads"
        self.people = WORK / "users"
        self.access_log = WORK / "access.jsonl"
        self.sealift = Path(sys.executable).parent / "sealift"
        self.passphrase = WORK / "passphrase"
        inherited = os.environ.items()
        self.environment: dict[str, str] = {
            **{k: v for k, v in inherited if not k.startswith(("SEALIFT_", "GIT_"))},
            "SEALIFT_HOME": str(self.home),
            "SEALIFT_PASSPHRASE_FILE": str(self.passphrase),
            "PATH": f"{self.sealift.parent}{os.pathsep}{os.environ['PATH']}",
        }

    def fresh(self) -> None:
        """Remove what a demo shows being made; keep what it may reuse."""
        for name in ("keys", "site", "trust"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        for folder in (self.checkouts, self.people, WORK / "tampered", WORK / "backups"):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.checkouts, self.people, self.downloads, self.home, WORK / "backups"):
            folder.mkdir(parents=True, exist_ok=True)
        self.access_log.unlink(missing_ok=True)
        self.passphrase.touch(mode=0o600)
        self.passphrase.write_text(PASSPHRASE + "\n")

    def sealift_run(self, *arguments: str, folder: Path, live: bool = False) -> str:
        """Run sealift as a user would; return its stdout."""
        return run(
            ["sealift", *arguments], folder=folder, environment=self.environment, live=live
        ).stdout

    def sealift_json(self, *arguments: str, folder: Path) -> dict[str, object]:
        """Run sealift with --json, off the screen; return the parsed document."""
        ran = run(
            ["sealift", *arguments, "--json"],
            folder=folder,
            environment=self.environment,
            quiet=True,
        )
        document: dict[str, object] = json.loads(ran.stdout)
        return document


def prepare(demo: Demo, project: DemoProject, site: str, signing_key: Path) -> None:
    """From the published tarball to a signed tag: what a maintainer does once."""
    downloaded = fetch(project.upstream, demo.downloads, demo.home)
    archive = source_archive(project, downloaded, demo.downloads)
    folder = demo.checkouts / project.name
    make_checkout(project, archive, folder, demo.environment)
    demo.sealift_run("init", "--url", site, *project.init_options, folder=folder)
    print()
    print(colour((folder / "sealift.toml").read_text(), "2"))
    demo.sealift_run(
        "keys", "init", "--trust-signer", str(signing_key.with_suffix(".pub")), folder=folder
    )
    demo.sealift_run(
        "keys", "backup", str(WORK / "backups" / f"{project.name}.keys"), folder=folder
    )
    demo.sealift_run("lock", "--source-archive", str(archive), *project.lock_options, folder=folder)
    keys = demo.sealift_json("keys", "show", folder=folder)
    commit_and_tag(project, folder, signing_key, str(keys["root_sha256"]), demo.environment)


def release(demo: Demo, project: DemoProject) -> dict[str, object]:
    """Show the plan, run all stations; return the summary."""
    folder = demo.checkouts / project.name
    options = ["--advisories", str(ADVISORIES)] if ADVISORIES.is_dir() else []
    demo.sealift_run("plan", folder=folder)
    plan = demo.sealift_json("plan", folder=folder)
    good(f"`sealift plan --json` gives the same as data: {len(plan)} top-level fields")
    demo.sealift_run("release", *options, folder=folder, live=True)
    return demo.sealift_json("release", *options, folder=folder)


def compare_wheel(demo: Demo, site_folder: Path) -> str:
    """Say whether the rebuilt wheel equals the one that the package index serves."""
    served = fetch(RICH_WHEEL, demo.downloads, demo.home)
    ours = site_folder / "rich/current/releases/13.9.4" / RICH_WHEEL.filename
    run(
        ["sha256sum", served, ours],
        folder=WORK,
        environment=demo.environment,
        show=f"sha256sum INDEX/{served.name} OURS/{ours.name}",
    )
    if served.read_bytes() != ours.read_bytes():
        raise DemoFailed("the rebuilt wheel differs from the one that the package index serves")
    good("identical: the rebuilt rich wheel is byte for byte the one that the package index serves")
    return RICH_WHEEL.sha256


def install_as_user(demo: Demo, project: DemoProject, site: str, root_sha256: str) -> Path:
    """Get and verify as a user who trusts only the root's fingerprint."""
    folder = demo.people / "sealift"
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    demo.sealift_run(
        *("get", project.name, "--from", site, "--root-sha256", root_sha256), folder=folder
    )
    (downloaded,) = set(folder.iterdir()) - before
    note("offline from here: no network is needed to walk the chain")
    demo.sealift_run("verify", downloaded.name, folder=folder)
    return downloaded


def main() -> None:
    """Run the eight points; exit 1 with the reason if one does not hold."""
    watch = Stopwatch()
    demo = Demo()
    demo.fresh()
    try:
        story(demo, watch)
    except DemoFailed as failure:
        print(f"\n{colour('✗ the demo failed:', '1;31')} {failure}", file=sys.stderr)
        sys.exit(1)


def story(demo: Demo, watch: Stopwatch) -> None:
    """Tell the demo from the published tarballs to the refused byte."""
    signing_key = demo.checkouts / "maintainer-key"
    run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", signing_key],
        folder=demo.checkouts,
        environment=demo.environment,
        quiet=True,
    )
    with Server(demo.sealift, demo.home / "site", PORT_PREFERRED, demo.access_log) as server:
        sites = {project.name: f"{server.url}/{project.name}" for project in (RICH, JQ)}
        point(1, "init: from a published tarball to a checkout with a sealift.toml")
        for project in (RICH, JQ):
            prepare(demo, project, sites[project.name], signing_key)
        point(2, "plan, then 3: release, through all stations")
        summaries = {project.name: release(demo, project) for project in (RICH, JQ)}
        point(4, "the rebuilt rich wheel against the one that the package index serves")
        wheel_sha256 = compare_wheel(demo, demo.home / "site")
        point(5, "a user who trusts only the root's fingerprint")
        got = {
            project.name: install_as_user(
                demo, project, sites[project.name], str(summaries[project.name]["root_digest"])
            )
            for project in (RICH, JQ)
        }
        point(6, "users who have no Sealift: pip, apt, sha256sum, openssl")
        users.pip_installs(sites["rich"], RICH_WHEEL.filename, demo.people / "pip", demo.access_log)
        keyring = (demo.home / "site/jq/current/apt/jq-archive-keyring.asc").read_bytes()
        apt = users.AptRoot(cache=WORK / "roots", folder=demo.people / "apt-root")
        apt.prepare(demo.environment)
        users.apt_installs(apt, sites["jq"], keyring, demo.access_log)
        by_hand = tamper.download_by_hand(server.url, demo.people / "by-hand", demo.environment)
        users.sums_check(by_hand, demo.environment)
        good("sha256sum accepts every file")
        users.openssl_checks(by_hand, demo.environment)
        point(7, "one byte of a published file is flipped")
        refused = tamper.flipped_byte_is_refused(
            sealift=demo.sealift,
            environment=demo.environment,
            sites=demo.home / "site",
            folder=WORK / "tampered",
            downloaded=got["jq"],
            apt=apt,
            root_sha256=str(summaries["jq"]["root_digest"]),
        )
    point(8, "summary")
    show_summary(
        summaries=[summaries["rich"], summaries["jq"]],
        wheel_sha256=wheel_sha256,
        refused=refused,
        home=demo.home,
        seconds=watch.seconds(),
    )


if __name__ == "__main__":
    main()
