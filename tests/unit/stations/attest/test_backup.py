import json
import stat
from pathlib import Path

import pytest

from sealift.base.edge.port import World
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.stations.attest.backup import back_up, backup_warning, restore
from sealift.stations.attest.keyring import (
    change_passphrase,
    read_public,
    unlock_offline,
    unlock_online,
)

from .conftest import MADE_AT, Ring


def _back_up(world: World, ring: Ring, target: Path) -> None:
    back_up(world, ring.folder, target, passphrase=ring.passphrase, at=MADE_AT)


def test_keys_come_back_from_a_backup_on_another_machine(
    ring: Ring, world: World, tmp_path: Path
) -> None:
    (ring.folder / "root.json").write_bytes(b'{"root":1}')
    target = tmp_path / "keys.backup"
    receipt = back_up(world, ring.folder, target, passphrase=ring.passphrase, at=MADE_AT)
    assert receipt.keys == 8
    assert receipt.file == Digest.of(target.read_bytes())
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    other = tmp_path / "other" / "jq"
    keys = restore(world, other, target, passphrase=ring.passphrase)
    assert keys == read_public(ring.folder).keys
    ours, theirs = unlock_online(ring.folder), unlock_online(other)
    ours |= unlock_offline(ring.folder, ring.passphrase)
    theirs |= unlock_offline(other, ring.passphrase)
    assert [pair.secret() for pair in ours.values()] == [pair.secret() for pair in theirs.values()]
    assert (other / "root.json").read_bytes() == b'{"root":1}'
    assert backup_warning(other) is None


def test_warning_stands_until_there_is_a_backup_and_again_once_keys_change(
    ring: Ring, world: World, tmp_path: Path
) -> None:
    assert "no backup" in (backup_warning(ring.folder) or "")
    _back_up(world, ring, tmp_path / "first")
    assert backup_warning(ring.folder) is None
    (ring.folder / "root.json").write_bytes(b"{}")
    assert "changed since" in (backup_warning(ring.folder) or "")
    (ring.folder / "root.json").unlink()
    change_passphrase(world, ring.folder, old=ring.passphrase, new=b"another passphrase")
    assert "changed since the backup of 2026-01-02" in (backup_warning(ring.folder) or "")


def test_backup_opens_with_its_passphrase_only(ring: Ring, world: World, tmp_path: Path) -> None:
    target = tmp_path / "keys.backup"
    _back_up(world, ring, target)
    with pytest.raises(ConfigError, match="does not open"):
        restore(world, tmp_path / "jq", target, passphrase=b"guess guess")
    assert not (tmp_path / "jq" / "public.json").exists()


def test_nothing_is_backed_up_for_someone_without_the_passphrase(
    ring: Ring, world: World, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="does not open"):
        back_up(world, ring.folder, tmp_path / "b", passphrase=b"guess guess", at=MADE_AT)
    assert not (tmp_path / "b").exists()
    assert "no backup" in (backup_warning(ring.folder) or "")


def test_backup_overwrites_no_file_and_stays_out_of_the_keyring(
    ring: Ring, world: World, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("a letter")
    with pytest.raises(ConfigError, match="exists already"):
        _back_up(world, ring, tmp_path / "mine")
    with pytest.raises(ConfigError, match="lies in the keyring"):
        _back_up(world, ring, ring.folder / "keys.backup")


def test_restore_never_replaces_keys_nor_takes_another_project_s(
    ring: Ring, world: World, tmp_path: Path
) -> None:
    target = tmp_path / "keys.backup"
    _back_up(world, ring, target)
    with pytest.raises(ConfigError, match="has keys already"):
        restore(world, ring.folder, target, passphrase=ring.passphrase)
    with pytest.raises(ConfigError, match="holds the keys of `jq`"):
        restore(world, tmp_path / "rich", target, passphrase=ring.passphrase)
    with pytest.raises(ConfigError, match="cannot be read"):
        restore(world, tmp_path / "jq", tmp_path / "nowhere", passphrase=ring.passphrase)


def test_damaged_or_tampered_backup_is_refused(ring: Ring, world: World, tmp_path: Path) -> None:
    target = tmp_path / "keys.backup"
    _back_up(world, ring, target)
    document = json.loads(target.read_bytes())
    target.write_bytes(target.read_bytes()[:-9])
    with pytest.raises(IntegrityError, match="JSON"):
        restore(world, tmp_path / "jq", target, passphrase=ring.passphrase)
    hostile = {"name": "../../authorized_keys", "data": "QQ=="}
    target.write_text(json.dumps(document | {"attachments": [hostile]}))
    with pytest.raises(IntegrityError, match="unknown name"):
        restore(world, tmp_path / "jq", target, passphrase=ring.passphrase)
    target.write_text(json.dumps(document | {"online": document["offline"]}))
    with pytest.raises(IntegrityError, match="not those that belong there"):
        restore(world, tmp_path / "jq", target, passphrase=ring.passphrase)
    assert not (tmp_path / "jq").exists()
