import json
import shutil
import stat
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from sealift.base.edge.port import Files, World
from sealift.core.codec import from_json, to_json
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import KEY_DERIVATION_COST, PASSPHRASE_LENGTH_MIN
from sealift.core.signing import OFFLINE_ROLES, ONLINE_ROLES, SCHEMES, KeyRole
from sealift.stations.attest.keyring import (
    change_passphrase,
    create_keyring,
    install,
    read_public,
    refuse_existing,
    unlock_offline,
    unlock_online,
)
from sealift.stations.attest.model import KeyringPart, PublicKeys
from sealift.stations.attest.sealing import check_passphrase

from .conftest import MADE_AT, PASSPHRASE, Ring


class CrashError(Exception):
    """The machine stopped."""


class CrashingFiles:
    """Real files until the machine stops, before the given number of writing calls."""

    def __init__(self, files: Files, calls: int) -> None:
        self._files = files
        self._left = calls

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise CrashError

    def write_durably(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        self._count()
        self._files.write_durably(path, data, mode=mode)

    def create_durably(self, path: Path) -> AbstractContextManager[BinaryIO]:
        return self._files.create_durably(path)

    def create_staged(self, path: Path) -> AbstractContextManager[BinaryIO]:
        return self._files.create_staged(path)

    def move_durably(self, moves: Sequence[tuple[Path, Path]], *, mode: int = 0o644) -> None:
        self._files.move_durably(moves, mode=mode)

    def link_or_copy(self, source: Path, target: Path) -> None:
        self._files.link_or_copy(source, target)

    def sync_folder(self, folder: Path) -> None:
        self._count()
        self._files.sync_folder(folder)

    def replace_symlink(self, link: Path, target: str) -> None:
        self._files.replace_symlink(link, target)

    def make_folder(self, folder: Path) -> None:
        self._count()
        self._files.make_folder(folder)

    def remove(self, path: Path) -> None:
        self._count()
        self._files.remove(path)


def test_new_ring_has_a_key_for_every_role_and_opens(shared_ring: Ring) -> None:
    public = read_public(shared_ring.folder)
    assert tuple(key.role for key in public.keys) == tuple(KeyRole)
    assert all(key.scheme == SCHEMES[key.role] for key in public.keys)
    offline = unlock_offline(shared_ring.folder, shared_ring.passphrase)
    online = unlock_online(shared_ring.folder)
    assert set(offline) == set(OFFLINE_ROLES)
    assert set(online) == set(ONLINE_ROLES)


def test_ring_is_readable_by_its_owner_only(shared_ring: Ring) -> None:
    assert stat.S_IMODE(shared_ring.folder.stat().st_mode) == 0o700
    for name in ("offline.json", "online.json", "online.secret"):
        assert stat.S_IMODE((shared_ring.folder / name).stat().st_mode) == 0o600


def test_keys_are_never_overwritten(ring: Ring, world: World) -> None:
    before = (ring.folder / "offline.json").read_bytes()
    with pytest.raises(ConfigError, match="has keys already"):
        create_keyring(world, ring.folder, project="jq", passphrase=PASSPHRASE, at=MADE_AT)
    (ring.folder / "public.json").unlink()
    with pytest.raises(ConfigError, match="is there, but"):
        create_keyring(world, ring.folder, project="jq", passphrase=PASSPHRASE, at=MADE_AT)
    assert (ring.folder / "offline.json").read_bytes() == before


def test_crash_at_any_write_leaves_no_ring_and_does_not_stand_in_the_way(
    shared_ring: Ring, world: World, tmp_path: Path
) -> None:
    names = ("offline.json", "online.json", "online.secret", "public.json")
    contents = {name: (shared_ring.folder / name).read_bytes() for name in names}
    whole = 0
    for calls in range(20):
        folder = tmp_path / str(calls) / "jq"
        placed = [(folder / name, data, 0o600) for name, data in contents.items()]
        try:
            install(CrashingFiles(world.files, calls), folder, placed)
        except CrashError:
            if (folder / "public.json").exists():
                # It was written last: what it names is there.
                whole += 1
                assert {name: (folder / name).read_bytes() for name in names} == contents
                continue
            with pytest.raises(ConfigError, match="has no keys"):
                read_public(folder)
            refuse_existing(world.files, folder)
            install(world.files, folder, placed)
            assert read_public(folder) == read_public(shared_ring.folder)
        else:
            assert not (folder / "creating.json").exists()
            assert whole >= 1
            return
    pytest.fail("creation never came to its end")


def test_wrong_passphrase_is_told_in_plain_words_only(shared_ring: Ring) -> None:
    with pytest.raises(ConfigError) as caught:
        unlock_offline(shared_ring.folder, b"wrong " + PASSPHRASE)
    assert str(caught.value) == "the passphrase does not open the offline keys of `jq`"
    assert caught.value.__cause__ is None
    assert caught.value.hint


def test_damaged_key_reads_like_a_wrong_passphrase(ring: Ring) -> None:
    path = ring.folder / "offline.json"
    record = from_json(KeyringPart, path.read_bytes())
    first = record.keys[0]
    flipped = bytes([first.sealed.ciphertext[0] ^ 1, *first.sealed.ciphertext[1:]])
    damaged = replace(first, sealed=replace(first.sealed, ciphertext=flipped))
    path.write_bytes(to_json(replace(record, keys=(damaged, *record.keys[1:]))))
    with pytest.raises(ConfigError, match="does not open the offline keys"):
        unlock_offline(ring.folder, ring.passphrase)


def test_one_key_cannot_be_passed_off_as_another(ring: Ring) -> None:
    path = ring.folder / "offline.json"
    record = from_json(KeyringPart, path.read_bytes())
    root, releases, *others = record.keys
    swapped = (
        replace(root, sealed=releases.sealed),
        replace(releases, sealed=root.sealed),
        *others,
    )
    path.write_bytes(to_json(replace(record, keys=swapped)))
    with pytest.raises(ConfigError, match="does not open"):
        unlock_offline(ring.folder, ring.passphrase)


def test_foreign_public_key_is_found_out_when_the_keys_are_unlocked(
    ring: Ring, world: World, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    create_keyring(world, other, project="jq", passphrase=PASSPHRASE, at=MADE_AT)
    public, foreign = read_public(ring.folder), read_public(other)
    keys = tuple(
        theirs if ours.role is KeyRole.BUILDER else ours
        for ours, theirs in zip(public.keys, foreign.keys, strict=True)
    )
    (ring.folder / "public.json").write_bytes(to_json(replace(public, keys=keys)))
    with pytest.raises(IntegrityError, match="role `builder`"):
        unlock_offline(ring.folder, ring.passphrase)
    unlock_offline(ring.folder, ring.passphrase, roles=(KeyRole.ROOT,))


@pytest.mark.parametrize("name", ["offline.json", "online.json", "online.secret"])
def test_private_file_that_others_may_read_is_refused(ring: Ring, name: str) -> None:
    (ring.folder / name).chmod(0o640)
    open_ring = unlock_online if name.startswith("online") else _unlock_offline
    with pytest.raises(ConfigError, match="can be read by others") as caught:
        open_ring(ring.folder)
    assert caught.value.hint == f"chmod 600 {ring.folder / name}"


@pytest.mark.parametrize("cost", [2, KEY_DERIVATION_COST // 2, KEY_DERIVATION_COST + 1, 2**40])
def test_derivation_that_is_too_cheap_or_too_dear_is_refused(ring: Ring, cost: int) -> None:
    path = ring.folder / "offline.json"
    document = json.loads(path.read_bytes())
    document["derivation"]["cost"] = cost
    path.write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match="out of bounds"):
        unlock_offline(ring.folder, ring.passphrase)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"format": "sealift-keyring-v2"}', b"\xff"])
def test_unreadable_part_is_named(ring: Ring, data: bytes) -> None:
    path = ring.folder / "offline.json"
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as caught:
        unlock_offline(ring.folder, ring.passphrase)
    assert caught.value.where == str(path)


def test_online_keys_open_by_a_secret_that_lies_elsewhere(world: World, tmp_path: Path) -> None:
    folder, secret = tmp_path / "keys" / "jq", tmp_path / "credentials" / "secret"
    create_keyring(
        world, folder, project="jq", passphrase=PASSPHRASE, at=MADE_AT, online_secret=secret
    )
    assert not (folder / "online.secret").exists()
    assert unlock_online(folder, online_secret=secret).keys() == set(ONLINE_ROLES)
    with pytest.raises(ConfigError, match="secret is not at"):
        unlock_online(folder)
    secret.write_text("00" * 32)
    with pytest.raises(ConfigError, match="does not open the online keys"):
        unlock_online(folder, online_secret=secret)
    secret.write_text("not hex")
    with pytest.raises(ConfigError, match="holds no secret"):
        unlock_online(folder, online_secret=secret)


def test_secret_of_another_project_is_never_replaced(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("00" * 32)
    with pytest.raises(ConfigError, match="is there already"):
        create_keyring(
            world,
            tmp_path / "jq",
            project="jq",
            passphrase=PASSPHRASE,
            at=MADE_AT,
            online_secret=secret,
        )
    assert secret.read_text() == "00" * 32
    assert not (tmp_path / "jq").exists()


def test_another_passphrase_opens_the_same_keys(ring: Ring, world: World) -> None:
    change_passphrase(world, ring.folder, old=ring.passphrase, new=b"another passphrase")
    assert unlock_offline(ring.folder, b"another passphrase").keys() == set(OFFLINE_ROLES)
    with pytest.raises(ConfigError):
        unlock_offline(ring.folder, ring.passphrase)


def test_passphrase_is_not_changed_by_someone_who_does_not_know_it(
    ring: Ring, world: World
) -> None:
    before = (ring.folder / "offline.json").read_bytes()
    with pytest.raises(ConfigError, match="does not open"):
        change_passphrase(world, ring.folder, old=b"guess guess", new=b"another passphrase")
    assert (ring.folder / "offline.json").read_bytes() == before


def test_passphrase_needs_a_length() -> None:
    check_passphrase(b"a" * PASSPHRASE_LENGTH_MIN)
    check_passphrase("ü".encode() * PASSPHRASE_LENGTH_MIN)
    for bad in (b"", b"a" * (PASSPHRASE_LENGTH_MIN - 1), b"a" * 1025, b"\xff" * 20):
        with pytest.raises(ConfigError) as caught:
            check_passphrase(bad)
        assert caught.value.__cause__ is None


def test_project_without_keys_gets_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no keys") as caught:
        read_public(tmp_path / "jq")
    assert caught.value.hint == "sealift keys init"


def test_public_keys_survive_being_written_and_read(shared_ring: Ring) -> None:
    public = read_public(shared_ring.folder)
    assert from_json(PublicKeys, to_json(public)) == public


def test_ring_that_lost_a_part_says_so(ring: Ring) -> None:
    shutil.move(ring.folder / "offline.json", ring.folder / "elsewhere")
    with pytest.raises(IntegrityError, match="is missing") as caught:
        unlock_offline(ring.folder, ring.passphrase)
    assert "restore" in caught.value.hint


def _unlock_offline(folder: Path) -> object:
    return unlock_offline(folder, PASSPHRASE)
