"""A project's keys on disk: made, unlocked, and given another passphrase.

`SEALIFT_HOME/keys/PROJECT/`, mode 0700, never in a checkout. Offline keys lie under the person's
passphrase, online keys under a generated secret in a file of its own (which may lie elsewhere: a
CI's or systemd's secret store). `public.json` is written last and makes the ring: without it, what
lies there is the rest of an interrupted creation.

Refuses to overwrite keys, private files that others may read, and public keys that are not those
of the private ones. docs/formats.md, "Keyring".
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from sealift.base.edge.port import Entropy, Files, World
from sealift.base.specs.strictjson import parse_json
from sealift.core.codec import format_time, from_plain, to_json
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import KEYRING_FILE_BYTES_MAX
from sealift.core.signing import OFFLINE_ROLES, ONLINE_ROLES, KeyRole, PublicKey
from sealift.stations.attest.keypair import KeyPair
from sealift.stations.attest.model import (
    CREATING_FILE,
    OFFLINE_FILE,
    ONLINE_FILE,
    ONLINE_SECRET_FILE,
    PUBLIC_FILE,
    KeyringPart,
    PartName,
    PublicKeys,
    SealedKey,
    key_context,
)
from sealift.stations.attest.sealing import (
    SealingKey,
    WrongSecret,
    check_derivation,
    check_passphrase,
    new_derivation,
)

PRIVATE_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o700
_OTHERS: Final = 0o077
_ONLINE_SECRET_BYTES: Final = 32
_PART_FILES: Final[dict[PartName, str]] = {"offline": OFFLINE_FILE, "online": ONLINE_FILE}

Placed = tuple[Path, bytes, int]
"""A file to write: where, what, and with which mode."""

T = TypeVar("T")


def create_keyring(
    world: World,
    folder: Path,
    *,
    project: str,
    passphrase: bytes,
    at: datetime,
    online_secret: Path | None = None,
) -> tuple[PublicKey, ...]:
    """Make every role's key and return the public ones in the order of `KeyRole`.

    `online_secret` puts the online keys' secret elsewhere than in `folder`. Raises ConfigError when
    there are keys already or the passphrase is too short; a crash leaves no ring.
    """
    check_passphrase(passphrase)
    refuse_existing(world.files, folder)
    at_s = int(at.timestamp())
    pairs = [KeyPair.generate(role, world.entropy, project=project, at_s=at_s) for role in KeyRole]
    secret = world.entropy.token_bytes(_ONLINE_SECRET_BYTES)
    secret_file = placed_secret(online_secret or folder / ONLINE_SECRET_FILE, secret)
    public = PublicKeys(
        project=project, created_at=format_time(at), keys=tuple(pair.public for pair in pairs)
    )
    install(
        world.files,
        folder,
        [
            _placed_part(folder, seal_part(world.entropy, public, "offline", pairs, passphrase)),
            _placed_part(folder, seal_part(world.entropy, public, "online", pairs, secret)),
            secret_file,
            (folder / PUBLIC_FILE, to_json(public), PUBLIC_MODE),
        ],
    )
    return public.keys


def refuse_existing(files: Files, folder: Path) -> None:
    """Raise ConfigError when keys lie in `folder`; clear what an interrupted creation left."""
    if (folder / PUBLIC_FILE).exists():
        raise ConfigError(
            fact=f"project `{folder.name}` has keys already",
            expected="none: keys are never overwritten",
            hint="sealift keys show",
        )
    left = [folder / name for name in (*_PART_FILES.values(), ONLINE_SECRET_FILE)]
    left = [path for path in left if path.exists()]
    if left and not (folder / CREATING_FILE).exists():
        raise ConfigError(
            fact=f"{left[0]} is there, but {PUBLIC_FILE} is not",
            expected="a whole keyring, or none",
            hint=f"mv {folder} {folder}.damaged && sealift keys restore FILE",
        )
    for path in left:
        files.remove(path)


def install(files: Files, folder: Path, placed: Sequence[Placed]) -> None:
    """Write a keyring so that it is there as a whole or not at all; `public.json` comes last."""
    files.make_folder(folder)
    folder.chmod(_FOLDER_MODE)
    files.write_durably(folder / CREATING_FILE, b"{}", mode=PRIVATE_MODE)
    for path, data, mode in placed:
        files.make_folder(path.parent)
        files.write_durably(path, data, mode=mode)
    for path, data, _ in placed:
        if path.read_bytes() != data:
            raise IntegrityError(
                fact=f"{path} does not hold what was written", hint="run the command again, alone"
            )
    files.remove(folder / CREATING_FILE)
    files.sync_folder(folder)


def read_public(folder: Path) -> PublicKeys:
    """Return the public keys; raise ConfigError when the project has no keyring."""
    path = folder / PUBLIC_FILE
    if not path.exists():
        raise ConfigError(
            fact=f"project `{folder.name}` has no keys",
            expected=f"a keyring at {folder}",
            hint="sealift keys init",
        )
    return read_record(PublicKeys, path)


def read_part(folder: Path, part: PartName) -> KeyringPart:
    """Return one part, still sealed; refuse a file that others may read."""
    path = folder / _PART_FILES[part]
    _refuse_exposed(path)
    record = read_record(KeyringPart, path)
    check_part(record, part, where=str(path))
    return record


def check_part(record: KeyringPart, part: PartName, *, where: str) -> None:
    """Raise IntegrityError unless the record is that part, with the roles that belong there."""
    check_derivation(record.derivation, where=where)
    if record.part != part or tuple(key.role for key in record.keys) != roles_of(part):
        raise IntegrityError(
            fact=f"the {part} keys are not those that belong there",
            expected=", ".join(roles_of(part)),
            where=where,
        )


def read_online_secret(path: Path, *, ours: bool) -> bytes:
    """Return the online keys' secret. `ours`: it lies in the keyring, so its mode is checked."""
    if ours:
        _refuse_exposed(path)
    try:
        text = path.read_text(encoding="ascii")
        secret = bytes.fromhex(text)
    except FileNotFoundError as error:
        raise ConfigError(
            fact=f"the online keys' secret is not at {path}",
            expected="it there, or where SEALIFT_ONLINE_SECRET_FILE says",
            hint="sealift keys restore FILE",
        ) from error
    except ValueError:
        # Not chained: the cause would quote the secret.
        raise ConfigError(
            fact=f"{path} holds no secret", expected=f"{_ONLINE_SECRET_BYTES} bytes in hex"
        ) from None
    return secret


def unlock_offline(
    folder: Path, passphrase: bytes, *, roles: Collection[KeyRole] = OFFLINE_ROLES
) -> dict[KeyRole, KeyPair]:
    """Return the offline key pairs of `roles`; raise ConfigError for a wrong passphrase."""
    public = read_public(folder)
    record = read_part(folder, "offline")
    try:
        return open_part(record, SealingKey(passphrase, record.derivation), public, roles)
    except WrongSecret:
        raise wrong_passphrase(folder.name) from None


def unlock_online(
    folder: Path, *, online_secret: Path | None = None, roles: Collection[KeyRole] = ONLINE_ROLES
) -> dict[KeyRole, KeyPair]:
    """Return the online key pairs of `roles`; raise ConfigError when the secret does not fit."""
    public = read_public(folder)
    record = read_part(folder, "online")
    path = online_secret or folder / ONLINE_SECRET_FILE
    secret = read_online_secret(path, ours=online_secret is None)
    try:
        return open_part(record, SealingKey(secret, record.derivation), public, roles)
    except WrongSecret:
        raise ConfigError(
            fact=f"the secret at {path} does not open the online keys of `{folder.name}`",
            hint="sealift keys restore FILE",
        ) from None


def open_part(
    record: KeyringPart, key: SealingKey, public: PublicKeys, roles: Collection[KeyRole]
) -> dict[KeyRole, KeyPair]:
    """Open the keys of `roles` and hold each against `public`.

    Raises WrongSecret, or IntegrityError when a public key is not that of its private key.
    """
    promised = {entry.role: entry for entry in public.keys}
    opened = {}
    for entry in record.keys:
        if entry.role not in roles:
            continue
        pair = KeyPair.parse(entry.role, key.open(entry.sealed, context=entry.context))
        if pair.public != promised.get(entry.role):
            raise IntegrityError(
                fact=f"the public key of role `{entry.role}` is not that of the private key",
                expected=f"key id {pair.public.key_id}",
                hint=f"restore {PUBLIC_FILE} from the backup",
                where=PUBLIC_FILE,
            )
        opened[entry.role] = pair
    return opened


def seal_part(
    entropy: Entropy,
    public: PublicKeys,
    part: PartName,
    pairs: Collection[KeyPair],
    secret: bytes,
) -> KeyringPart:
    """Seal the keys of a part under `secret`, with a fresh salt."""
    key = SealingKey(secret, new_derivation(entropy))
    by_role = {pair.public.role: pair for pair in pairs}
    return KeyringPart(
        part=part,
        project=public.project,
        created_at=public.created_at,
        derivation=key.derivation,
        keys=tuple(_seal_key(by_role[role], key, entropy) for role in roles_of(part)),
    )


def change_passphrase(world: World, folder: Path, *, old: bytes, new: bytes) -> None:
    """Put the offline keys under another passphrase; backups keep the one they were made with."""
    check_passphrase(new)
    pairs = unlock_offline(folder, old)
    record = seal_part(world.entropy, read_public(folder), "offline", pairs.values(), new)
    world.files.write_durably(folder / OFFLINE_FILE, to_json(record), mode=PRIVATE_MODE)


def roles_of(part: PartName) -> tuple[KeyRole, ...]:
    """Return the roles of a part in the order of `KeyRole`."""
    roles: Mapping[PartName, tuple[KeyRole, ...]] = {
        "offline": OFFLINE_ROLES,
        "online": ONLINE_ROLES,
    }
    return roles[part]


def wrong_passphrase(project: str) -> ConfigError:
    """Return the one answer to a passphrase that does not fit, whatever the reason."""
    return ConfigError(
        fact=f"the passphrase does not open the offline keys of `{project}`",
        hint="try again, or `sealift keys restore FILE` from a backup",
    )


def placed_secret(path: Path, secret: bytes) -> Placed:
    """Return the file that holds the online keys' secret; refuse to replace another secret."""
    data = f"{secret.hex()}\n".encode()
    if path.exists() and path.read_bytes() != data:
        raise ConfigError(
            fact=f"{path} is there already, and is not the secret of these keys",
            expected="a place of its own for the secret of each project",
        )
    return path, data, PRIVATE_MODE


def read_record(kind: type[T], path: Path) -> T:
    """Read a file of the keyring; raise IntegrityError naming it where it does not fit."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise IntegrityError(
            fact=f"{path} is missing", expected="a whole keyring", hint="sealift keys restore FILE"
        ) from error
    try:
        return from_plain(kind, parse_json(data, size_bytes_max=KEYRING_FILE_BYTES_MAX))
    except IntegrityError as error:
        error.where = error.where or str(path)
        raise


def _seal_key(pair: KeyPair, key: SealingKey, entropy: Entropy) -> SealedKey:
    public = pair.public
    context = key_context(public.role, public.key_id)
    return SealedKey(
        role=public.role,
        key_id=public.key_id,
        scheme=public.scheme,
        sealed=key.seal(pair.secret(), context=context, entropy=entropy),
    )


def _placed_part(folder: Path, record: KeyringPart) -> Placed:
    return folder / _PART_FILES[record.part], to_json(record), PRIVATE_MODE


def _refuse_exposed(path: Path) -> None:
    if path.exists() and path.stat().st_mode & _OTHERS:
        raise ConfigError(
            fact=f"{path} can be read by others", expected="mode 0600", hint=f"chmod 600 {path}"
        )
