"""One file that brings a keyring back: everything secret in it is under the passphrase.

A backup counts once it was read back and every key in it opened. `backup.json` remembers it, so
that a warning stands until there is one, and again once the keys change.
"""

from datetime import datetime
from pathlib import Path

from sealift.base.edge.port import World
from sealift.base.specs.strictjson import parse_json
from sealift.core.codec import format_time, from_plain, to_json
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import KEYRING_FILE_BYTES_MAX
from sealift.core.signing import OFFLINE_ROLES, ONLINE_ROLES, PublicKey
from sealift.stations.attest.keyring import (
    PRIVATE_MODE,
    PUBLIC_MODE,
    check_part,
    install,
    open_part,
    placed_secret,
    read_online_secret,
    read_part,
    read_public,
    read_record,
    refuse_existing,
    wrong_passphrase,
)
from sealift.stations.attest.model import (
    ALLOWED_SIGNERS_FILE,
    BACKUP_FILE,
    BACKUP_FORMAT,
    GPG_FINGERPRINTS_FILE,
    OFFLINE_FILE,
    ONLINE_FILE,
    ONLINE_SECRET_FILE,
    PUBLIC_FILE,
    ROOT_FILE,
    Attachment,
    Backup,
    BackupReceipt,
    BackupRecord,
)
from sealift.stations.attest.sealing import (
    SealingKey,
    WrongSecret,
)

_ATTACHMENTS = (ROOT_FILE, ALLOWED_SIGNERS_FILE, GPG_FINGERPRINTS_FILE)
_SECRET_CONTEXT = f"{BACKUP_FORMAT}\n{ONLINE_SECRET_FILE}".encode()


def back_up(
    world: World,
    folder: Path,
    target: Path,
    *,
    passphrase: bytes,
    at: datetime,
    online_secret: Path | None = None,
) -> BackupReceipt:
    """Write the keyring to `target` (mode 0600), read it back, and remember that.

    Raises ConfigError for a wrong passphrase, an existing file, or a place inside the keyring.
    """
    if target.exists():
        raise ConfigError(fact=f"{target} exists already", expected="a new file")
    if folder.resolve() in target.resolve().parents:
        raise ConfigError(
            fact=f"{target} lies in the keyring itself",
            expected="a place that survives the loss of this disk",
        )
    secret_path = online_secret or folder / ONLINE_SECRET_FILE
    secret = read_online_secret(secret_path, ours=online_secret is None)
    public = read_public(folder)
    offline = read_part(folder, "offline")
    key = SealingKey(passphrase, offline.derivation)
    backup = Backup(
        project=public.project,
        made_at=format_time(at),
        offline=offline,
        online=read_part(folder, "online"),
        online_secret=key.seal(secret, context=_SECRET_CONTEXT, entropy=world.entropy),
        public=public,
        attachments=tuple(
            Attachment(name=name, data=(folder / name).read_bytes())
            for name in _ATTACHMENTS
            if (folder / name).exists()
        ),
    )
    data = to_json(backup)
    # Before it is written: nobody should find a backup that does not open.
    _open(data, passphrase, where=str(target))
    world.files.write_durably(target, data, mode=PRIVATE_MODE)
    if target.read_bytes() != data:
        raise IntegrityError(fact=f"{target} does not hold what was written", where=str(target))
    _remember(world, folder, data, made_at=backup.made_at)
    return BackupReceipt(
        path=str(target),
        file=Digest.of(data),
        made_at=backup.made_at,
        keys=len(backup.offline.keys) + len(backup.online.keys),
    )


def restore(
    world: World,
    folder: Path,
    source: Path,
    *,
    passphrase: bytes,
    online_secret: Path | None = None,
) -> tuple[PublicKey, ...]:
    """Bring a keyring back from `source` where there is none; return its public keys.

    Raises ConfigError for a wrong passphrase, another project's backup, or keys that are there.
    """
    try:
        data = source.read_bytes()
    except OSError as error:
        raise ConfigError(
            fact=f"{source} cannot be read: {error.strerror}", expected="a backup of the keys"
        ) from error
    backup, secret = _open(data, passphrase, where=str(source))
    if backup.project != folder.name:
        raise ConfigError(
            fact=f"{source} holds the keys of `{backup.project}`",
            expected=f"those of `{folder.name}`",
        )
    refuse_existing(world.files, folder)
    install(
        world.files,
        folder,
        [
            (folder / OFFLINE_FILE, to_json(backup.offline), PRIVATE_MODE),
            (folder / ONLINE_FILE, to_json(backup.online), PRIVATE_MODE),
            placed_secret(online_secret or folder / ONLINE_SECRET_FILE, secret),
            *((folder / file.name, file.data, PUBLIC_MODE) for file in backup.attachments),
            (folder / PUBLIC_FILE, to_json(backup.public), PUBLIC_MODE),
        ],
    )
    _remember(world, folder, data, made_at=backup.made_at)
    return backup.public.keys


def read_backup_record(folder: Path) -> BackupRecord | None:
    """Return what is remembered of the last backup, or None."""
    path = folder / BACKUP_FILE
    return read_record(BackupRecord, path) if path.exists() else None


def backup_warning(folder: Path) -> str | None:
    """Return the warning that stands until the keys, as they are, have a backup."""
    record = read_backup_record(folder)
    if record is None:
        return (
            f"there is no backup of the keys of `{folder.name}`: if this disk is lost, so are "
            "they; run `sealift keys backup FILE`"
        )
    if record.covers != _covered(folder):
        return (
            f"the keys of `{folder.name}` changed since the backup of {record.made_at}; "
            "run `sealift keys backup FILE`"
        )
    return None


def _open(data: bytes, passphrase: bytes, *, where: str) -> tuple[Backup, bytes]:
    """Read a backup and open every key in it; return it with the online keys' secret."""
    try:
        backup = from_plain(Backup, parse_json(data, size_bytes_max=KEYRING_FILE_BYTES_MAX))
    except IntegrityError as error:
        error.where = error.where or where
        raise
    check_part(backup.offline, "offline", where=where)
    check_part(backup.online, "online", where=where)
    if any(file.name not in _ATTACHMENTS for file in backup.attachments):
        raise IntegrityError(
            fact="the backup holds a file of an unknown name",
            expected=", ".join(_ATTACHMENTS),
            where=where,
        )
    try:
        key = SealingKey(passphrase, backup.offline.derivation)
        pairs = open_part(backup.offline, key, backup.public, OFFLINE_ROLES)
        secret = key.open(backup.online_secret, context=_SECRET_CONTEXT)
        online = SealingKey(secret, backup.online.derivation)
        pairs |= open_part(backup.online, online, backup.public, ONLINE_ROLES)
    except WrongSecret:
        raise wrong_passphrase(backup.project) from None
    if {pair.public for pair in pairs.values()} != set(backup.public.keys):
        raise IntegrityError(
            fact="the backup does not hold every key", expected="one a role", where=where
        )
    return backup, secret


def _remember(world: World, folder: Path, data: bytes, *, made_at: str) -> None:
    record = BackupRecord(made_at=made_at, file=Digest.of(data), covers=_covered(folder))
    world.files.write_durably(folder / BACKUP_FILE, to_json(record), mode=PRIVATE_MODE)


def _covered(folder: Path) -> Digest:
    """Return what names the sealed keys as they are."""
    paths = [folder / name for name in (OFFLINE_FILE, ONLINE_FILE, PUBLIC_FILE, ROOT_FILE)]
    # The root comes after the keys: a backup made between the two lacks it.
    return Digest.of(b"".join(path.read_bytes() for path in paths if path.exists()))
