"""Keys that are missing, locked, or there already."""

import hashlib

import pytest

from sealift.testing.projects import Maintainer, tide_manifest


def ready(maintainer: Maintainer) -> Maintainer:
    maintainer.keep(tide_manifest())
    maintainer.tag("v1.0.0")
    return maintainer


def test_a_release_without_keys_is_refused_with_the_command_that_makes_them(
    newcomer: Maintainer,
) -> None:
    assert ready(newcomer).refused("release", exit_code=2).stderr == (
        "error: project `tide` has no keys, expected a keyring with a root\n"
        "\n"
        "hint: sealift keys init\n"
    )


def test_a_wrong_passphrase_is_refused_and_not_repeated(maintainer: Maintainer) -> None:
    ready(maintainer).passphrase.write_text("a wrong passphrase\n")
    refusal = maintainer.refused("release", exit_code=2)
    assert "passphrase" in refusal.fact
    assert "a wrong passphrase" not in refusal.stderr


def test_without_passphrase_file_and_terminal_nobody_can_unlock_the_keys(
    maintainer: Maintainer,
) -> None:
    refusal = ready(maintainer).refused("release", exit_code=2, SEALIFT_PASSPHRASE_FILE="")
    assert refusal.fact == "the offline keys are locked and nobody is here to unlock them"
    assert refusal.hint == "export SEALIFT_PASSPHRASE_FILE=/path/to/file"


def test_a_passphrase_file_that_is_not_there_is_named(maintainer: Maintainer) -> None:
    missing = maintainer.passphrase.with_name("missing")
    refusal = ready(maintainer).refused("release", "--passphrase-file", str(missing), exit_code=2)
    assert refusal.fact == (
        f"the passphrase file `{missing}` cannot be read: No such file or directory"
    )


def test_keys_are_never_made_twice(maintainer: Maintainer) -> None:
    ready(maintainer)
    keyring = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (maintainer.home / "keys" / "tide").iterdir()
        if path.is_file()
    }
    refusal = maintainer.refused("keys", "init", exit_code=2)
    assert "tide" in refusal.fact
    for name, digest in keyring.items():
        data = (maintainer.home / "keys" / "tide" / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest, name


def test_a_short_passphrase_makes_no_keys(newcomer: Maintainer) -> None:
    ready(newcomer).passphrase.write_text("short\n")
    refusal = newcomer.refused("keys", "init", exit_code=2)
    assert "8" in refusal.fact + refusal.expected
    assert newcomer.run("keys", "show").exit_code == 2


def test_keys_that_are_lost_come_back_from_their_backup(maintainer: Maintainer) -> None:
    ready(maintainer)
    backup = maintainer.home.parent / "stick"
    fingerprint = maintainer.run("keys", "show", "--json").data()["root_sha256"]
    warned = maintainer.run("keys", "show")
    assert "warning: there is no backup of the keys of `tide`" in warned.stderr
    assert maintainer.run("keys", "backup", str(backup)).exit_code == 0
    assert "no backup" not in maintainer.run("keys", "show").stderr

    (maintainer.home / "keys" / "tide").rename(maintainer.home.parent / "stolen")
    assert maintainer.refused("release", exit_code=2).hint == "sealift keys init"
    restored = maintainer.run("keys", "restore", str(backup), "--json")
    assert restored.exit_code == 0, restored.stderr
    assert restored.data()["root_sha256"] == fingerprint


def test_a_backup_to_a_folder_that_is_not_there_is_refused(maintainer: Maintainer) -> None:
    missing = maintainer.home.parent / "no" / "stick"
    refusal = ready(maintainer).refused("keys", "backup", str(missing), exit_code=2)
    assert refusal.fact == f"there is no folder `{missing.parent}`"
    assert refusal.hint == f"mkdir -p {missing.parent}"


def test_a_home_that_is_a_file_is_named(newcomer: Maintainer) -> None:
    ready(newcomer).home.write_text("not a folder")
    refusal = newcomer.refused("keys", "init", exit_code=2)
    assert refusal.fact == f"`{newcomer.home}` is no folder"


@pytest.mark.parametrize("command", ["show", "trust-signer"])
def test_a_project_name_never_leaves_the_folder_of_keys(
    maintainer: Maintainer, command: str
) -> None:
    arguments = ("nonsense",) if command == "trust-signer" else ()
    ran = maintainer.use("keys", command, *arguments, "--project", "../tide")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "cannot name a project's keys" in ran.stderr
