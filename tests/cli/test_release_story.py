"""A release that goes well, from `init` to `site refresh`: words for people, the same as data."""

import os
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from sealift.testing.projects import Maintainer, Ran, tide_manifest

ARCHIVE = "tide-1.0.0-linux-amd64.tar.gz"


def plain(ran: Ran) -> str:
    """Return stdout of a command that went well and left no colour in it."""
    assert ran.exit_code == 0, ran.stderr
    assert "\x1b" not in ran.stdout + ran.stderr
    return ran.stdout


def test_plan_shows_as_words_what_it_gives_as_data(released: Maintainer) -> None:
    words = plain(released.run("plan"))
    data = released.run("plan", "--json").data()
    assert [stage["name"] for stage in data["stages"]] == ["compile", "check"]
    assert data["plan"]["project"]["version"] == "1.0.0"
    for shown in (
        f"tide 1.0.0  MIT  commit {data['plan']['source']['commit'][:12]}  tag v1.0.0",
        "  compile  build  source   ./build.sh",
        "  tar  tar  linux/amd64  from compile",
        *(row["place"] for row in data["destinations"]),
        *(row["criterion"] for row in data["criteria"]),
        *data["not_assessed"],
    ):
        assert shown in words, shown


def test_plan_is_the_same_twice_and_names_its_digest(released: Maintainer) -> None:
    first, second = (released.run("plan", "--json").data() for _ in range(2))
    assert first == second
    assert first["plan_digest"].startswith("sha256:")


def test_release_ends_with_a_summary_that_its_data_bears_out(released: Maintainer) -> None:
    words = plain(released.run("release"))
    data = released.run("release", "--json").data()
    (artifact,) = data["artifacts"]
    assert artifact["name"] == ARCHIVE
    for shown in (
        "✓ tide 1.0.0 already released, same bytes",
        ARCHIVE,
        f"{data['actions']} actions, {data['identical']} rebuilt identically",
        f"{data['attestations']} attestations",
        f"root  {data['root_digest']}",
        f"page  {data['page']}",
        *(f"✓ {one['criterion']}" for one in data["gate"]["verdicts"]),
        *(one["criterion"] for one in data["gate"]["not_assessed"]),
    ):
        assert shown in words, shown
    assert data["gate"]["outcome"] == "pass"
    assert Path(data["page"]).is_file()
    assert f"releases/1.0.0/{ARCHIVE}" in released.published()


def test_site_status_shows_releases_channels_and_until_when(released: Maintainer) -> None:
    words = plain(released.run("site", "status"))
    data = released.run("site", "status", "--json").data()
    assert (data["released"], data["channels"]) == (["1.0.0"], [["stable", "1.0.0"]])
    assert f"tide  generation {data['generation']}  " in words
    assert "  channel   stable -> 1.0.0\n" in words
    assert data["freshness"]["roles"][0]["role"] == "timestamp"
    for one in data["freshness"]["roles"]:
        assert one["role"] in words


def test_site_status_of_a_project_that_published_nothing_says_so(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest())
    words = plain(maintainer.run("site", "status"))
    assert "tide  empty  " in words
    assert "  released  nothing yet\n" in words
    assert maintainer.run("site", "status", "--json").data()["generation"] is None


def test_refresh_signs_the_timestamp_anew_and_moves_no_file(
    released: Maintainer, tmp_path: Path
) -> None:
    twin = released.twin(tmp_path / "twin")
    twin.passphrase.unlink()  # An online key is enough.
    before = twin.published()
    words = plain(twin.run("site", "refresh"))
    assert words.startswith("✓ tide: timestamp")
    changed = {
        path
        for path, digest in twin.published().items()
        if before.get(path) != digest and not path.startswith("metadata/")
    }
    assert changed == set()
    data = twin.run("site", "refresh", "--json").data()
    assert "timestamp" in data["roles"]
    assert data["generation"] == twin.run("site", "status", "--json").data()["generation"]


def test_audit_shows_every_step_in_order_and_checks_the_chain(released: Maintainer) -> None:
    words = plain(released.run("audit"))
    data = released.run("audit", "--json").data()
    assert data["verified"] is True
    steps = [one["body"]["step"] for one in data["entries"] if one["kind"] == "release.step"]
    assert steps == [
        *("open", "source", "build", "package", "inspect", "attest"),
        *("gate", "seal", "publish", "channel"),
    ]
    assert words.endswith(f"✓ {len(data['entries'])} entries, the chain holds\n")
    for entry in data["entries"]:
        datetime.fromisoformat(entry["at"])


def test_a_ledger_that_was_changed_afterwards_is_found_out(
    released: Maintainer, tmp_path: Path
) -> None:
    twin = released.twin(tmp_path / "twin")
    with closing(sqlite3.connect(twin.folder / ".sealift" / "state.db")) as database, database:
        for (trigger,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        changed = database.execute(
            "UPDATE ledger SET body = replace(body, '1.0.0', '1.0.1') WHERE sequence = 3"
        )
        assert changed.rowcount == 1
    refusal = twin.refused("audit", exit_code=4)
    assert "3" in refusal.fact


def test_a_folder_without_a_ledger_holds_no_chain(newcomer: Maintainer) -> None:
    refusal = newcomer.refused("audit", exit_code=2)
    assert refusal.fact == f"there is no ledger in `{newcomer.folder}`"
    assert not (newcomer.folder / ".sealift").exists()


def test_keys_show_prints_public_parts_only(released: Maintainer) -> None:
    words = plain(released.run("keys", "show"))
    data = released.run("keys", "show", "--json").data()
    assert f"root fingerprint  sha256:{data['root_sha256']}" in words
    assert [signer["principal"] for signer in data["signers"]] == ["ada@example.org"]
    for key in data["keys"]:
        assert key["key_id"] in words
    assert "PRIVATE" not in words + str(data)
    assert released.run("site", "status", "--json").data()["released"]


def test_doctor_names_what_is_missing_and_ends_with_2(released: Maintainer) -> None:
    spoken = released.run("doctor")
    data = released.run("doctor", "--json")
    checks = {one["name"]: one for one in data.data()["checks"]}
    assert checks["git"]["outcome"] == checks["sandbox"]["outcome"] == "pass"
    # The keys have no backup in this story.
    assert checks["keys"]["outcome"] == "fail"
    assert checks["keys"]["hint"] == "sealift keys backup FILE"
    assert (spoken.exit_code, data.exit_code) == (2, 2)
    assert "✗ keys " in spoken.stdout
    assert "✓ tree " in spoken.stdout


def test_doctor_is_content_when_the_keys_have_a_backup(
    released: Maintainer, tmp_path: Path
) -> None:
    twin = released.twin(tmp_path / "twin")
    assert twin.run("keys", "backup", str(tmp_path / "stick")).exit_code == 0
    ran = twin.run("doctor", "--json")
    outcomes = {one["name"]: one["outcome"] for one in ran.data()["checks"]}
    assert set(outcomes.values()) == {"pass"}, ran.stdout
    assert ran.exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(released: Maintainer, shell: str) -> None:
    script = plain(released.use("completion", shell))
    assert "_SEALIFT_COMPLETE" in script
    assert released.use("completion", "tcsh").exit_code == 2


def test_a_dry_run_needs_no_keys_and_writes_nothing(newcomer: Maintainer) -> None:
    newcomer.keep(tide_manifest())
    newcomer.tag("v1.0.0")
    ran = newcomer.run("release", "--dry-run")
    assert plain(ran) == newcomer.run("plan").stdout
    assert "dry run: nothing was built, signed or published" in ran.stderr
    data = newcomer.run("release", "--dry-run", "--json").data()
    assert data == newcomer.run("plan", "--json").data()
    assert not newcomer.home.exists()
    assert not (newcomer.folder / ".sealift").exists()


def test_a_snapshot_needs_neither_keys_nor_tag_and_says_what_it_leaves_out(
    newcomer: Maintainer,
) -> None:
    commit = newcomer.keep(tide_manifest())
    newcomer.checkout.write("README", "not committed\n")
    newcomer.checkout.write("notes", "not committed\n")
    ran = newcomer.run("release", "--snapshot")
    version = f"0+snapshot.{commit[:8]}"
    assert f"tide {version}  rehearsed, not published" in plain(ran)
    assert "2 uncommitted changes are not part of this rehearsal" in ran.stderr
    assert (newcomer.published(), newcomer.generations()) == ({}, ())
    assert not (newcomer.home / "keys").exists()

    data = newcomer.run("release", "--snapshot", "--json").data()
    assert data["version"] == version
    (name,) = [one["name"] for one in data["package"]["artifacts"]]
    with tarfile.open(Path(data["folder"]) / name) as archive:
        (path,) = (one for one in archive.getnames() if one.endswith("/README"))
        readme = archive.extractfile(path)
        assert readme is not None
        assert readme.read() == b"Says when the tide is high.\n"


def test_a_snapshot_after_a_release_takes_its_version_from_it(
    released: Maintainer, tmp_path: Path
) -> None:
    twin = released.twin(tmp_path / "twin")
    before = twin.published()
    commit = twin.keep()
    data = twin.run("release", "--snapshot", "--json").data()
    assert data["version"] == f"1.0.0+snapshot.{commit[:8]}"
    assert twin.published() == before


def test_a_prerelease_is_published_but_never_reaches_stable(
    released: Maintainer, tmp_path: Path
) -> None:
    twin = released.twin(tmp_path / "twin")
    twin.keep(tide_manifest(("MIT", "Apache-2.0")))
    twin.tag("v1.1.0rc1")
    planned = twin.run("plan")
    assert "channel stable  -" in planned.stdout
    ran = twin.run("release", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert "channel `stable` stays: 1.1.0rc1 is a pre-release" in ran.stderr
    status = twin.run("site", "status", "--json").data()
    assert status["released"] == ["1.0.0", "1.1.0rc1"]
    assert status["channels"] == [["stable", "1.0.0"]]


def test_words_go_to_stderr_line_by_line_and_data_to_stdout(
    maintainer: Maintainer,
) -> None:
    maintainer.keep(
        tide_manifest(('from = "compile"', 'from = "compile"\n\n[packages.deb]\nfrom = "compile"'))
    )
    maintainer.tag("v1.0.0")
    ran = maintainer.run("release", "--json", NO_COLOR="1")
    assert plain(ran).startswith("{\n")
    names = [one["name"] for one in ran.data()["artifacts"]]
    assert names == [ARCHIVE, "tide_1.0.0_amd64.deb"]
    assert ran.data()["already"] is False
    for line in (
        "! keys     there is no backup of the keys of `tide`",
        "✓ plan     source",
        "✓ build    build compile",
        "✓ build    rebuild compile                    identical",
        "✓ build    test check",
        "✓ gate     source.tag-signed                  pass: tag `v1.0.0` is signed by ada",
        "✓ publish  publish                            generation 1",
    ):
        assert f"{line}" in ran.stderr, line
    assert "apt/dists/stable/InRelease" in maintainer.published()


def test_a_repeated_snapshot_says_that_its_actions_were_cached(newcomer: Maintainer) -> None:
    newcomer.keep(tide_manifest())
    first, second = (newcomer.run("release", "--snapshot") for _ in range(2))
    assert "cached" not in first.stderr
    assert "✓ build    build compile                      cached" in second.stderr
    assert first.stdout == second.stdout


def test_no_color_is_obeyed_on_a_terminal(released: Maintainer) -> None:
    script = f"{Path(sys.executable).with_name('sealift')} plan"
    environment = released.environment | {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    shown = {}
    for name, more in (("colour", {}), ("plain", {"NO_COLOR": "1"})):
        ran = subprocess.run(
            ["/usr/bin/script", "--quiet", "--return", "--command", script, "/dev/null"],
            cwd=released.folder,
            env=environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        shown[name] = ran.stdout
    assert b"\x1b[" in shown["colour"]
    assert b"\x1b[" not in shown["plain"]


def test_two_maintainers_in_other_folders_get_the_same_files(
    released: Maintainer, tmp_path: Path
) -> None:
    twin = released.twin(tmp_path / "elsewhere")
    for name in ("site", "cache", "store"):
        (twin.home / name).rename(tmp_path / name)
    (twin.folder / ".sealift").rename(tmp_path / "state")
    ran = twin.run("release", "--json")
    assert ran.exit_code == 0, ran.stderr
    ours = [one["file"] for one in ran.data()["artifacts"]]
    assert ours == [one["file"] for one in released.run("release", "--json").data()["artifacts"]]
