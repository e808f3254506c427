from pathlib import Path

import pytest

from sealift.base.edge.port import World
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.signing import KeyRole
from sealift.stations.attest.custody import Custody

from .conftest import MADE_AT, PASSPHRASE, Ring

FINGERPRINT = "1D14A522C5AD683B948AF866F5894F9D289DFA7E"


@pytest.fixture
def custody(ring: Ring, world: World) -> Custody:
    return Custody(world, ring.folder.parent.parent)


def test_one_person_needs_two_commands(world: World, tmp_path: Path) -> None:
    custody = Custody(world, tmp_path)
    assert not custody.has_keys("jq")
    made = custody.init("jq", passphrase=PASSPHRASE, at=MADE_AT)
    assert custody.has_keys("jq")
    assert [key.role for key in made.keys] == list(KeyRole)
    assert made.created_at == "2026-01-02T03:04:05Z"
    assert any("no backup" in warning for warning in made.warnings)
    custody.backup("jq", tmp_path / "jq.backup", passphrase=PASSPHRASE, at=MADE_AT)
    assert custody.backup_warning("jq") is None
    assert custody.show("jq").backup is not None


def test_backup_brings_the_keys_to_another_home(
    custody: Custody, world: World, tmp_path: Path
) -> None:
    receipt = custody.backup("jq", tmp_path / "b", passphrase=PASSPHRASE, at=MADE_AT)
    other = Custody(world, tmp_path / "other")
    assert (
        other.restore("jq", Path(receipt.path), passphrase=PASSPHRASE).keys
        == custody.show("jq").keys
    )


def test_signers_are_shown_and_asked_for(custody: Custody) -> None:
    assert any("trust-signer" in warning for warning in custody.show("jq").warnings)
    custody.trust_signer("jq", FINGERPRINT)
    shown = custody.show("jq")
    assert [signer.fingerprint for signer in shown.signers] == [FINGERPRINT]
    assert not any("trust-signer" in warning for warning in shown.warnings)


def test_signers_can_be_named_before_there_are_keys(world: World, tmp_path: Path) -> None:
    custody = Custody(world, tmp_path)
    custody.trust_signer("jq", FINGERPRINT)
    assert not custody.has_keys("jq")
    custody.init("jq", passphrase=PASSPHRASE, at=MADE_AT)
    assert len(custody.show("jq").signers) == 1


def test_first_root_is_kept_and_never_another(custody: Custody) -> None:
    assert custody.show("jq").root_fingerprint is None
    assert custody.keep_root("jq", b"root") == Digest.of(b"root")
    assert custody.keep_root("jq", b"root") == Digest.of(b"root")
    assert custody.show("jq").root_fingerprint == Digest.of(b"root")
    with pytest.raises(IntegrityError, match="has another root"):
        custody.keep_root("jq", b"another root")
    assert custody.root("jq") == b"root"


def test_passphrase_changes_and_the_backup_is_asked_for_again(
    custody: Custody, tmp_path: Path
) -> None:
    custody.backup("jq", tmp_path / "b", passphrase=PASSPHRASE, at=MADE_AT)
    shown = custody.change_passphrase("jq", old=PASSPHRASE, new=b"another passphrase")
    assert any("changed since" in warning for warning in shown.warnings)


@pytest.mark.parametrize("name", ["", ".", "..", "../jq", "a/b", ".hidden", "a b", "-x", "a" * 65])
def test_name_that_could_leave_the_keys_folder_is_refused(custody: Custody, name: str) -> None:
    assert custody.folder("a" * 64).name == "a" * 64
    with pytest.raises(ConfigError, match="cannot name"):
        custody.folder(name)
