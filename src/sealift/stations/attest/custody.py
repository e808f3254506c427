"""What `sealift keys` does, in one place: for the command line and the wiring.

A person needs two commands: `init`, and `backup`. Everything here returns frozen reports without
secrets. These calls hold private keys in the calling process while they run; a release does not.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Final

from sealift.base.edge.port import World
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import NAME_LENGTH_MAX
from sealift.stations.attest import backup as backups
from sealift.stations.attest import keyring
from sealift.stations.attest.model import (
    PUBLIC_FILE,
    ROOT_FILE,
    BackupReceipt,
    KeyringReport,
    TrustedSigner,
)
from sealift.stations.attest.signers import trust_signer, trusted_signers

_PROJECT: Final = re.compile(rf"[0-9A-Za-z][0-9A-Za-z._-]{{0,{NAME_LENGTH_MAX - 1}}}\Z")


class Custody:
    """The keyrings below `home` (SEALIFT_HOME).

    `online_secret` is where the online keys' secret lies when it is not in the keyring.
    """

    def __init__(self, world: World, home: Path, *, online_secret: Path | None = None) -> None:
        self._world = world
        self._home = home
        self._online_secret = online_secret

    def folder(self, project: str) -> Path:
        """Return where the project's keyring lies, or would; raise ConfigError for a bad name."""
        if not _PROJECT.match(project):
            raise ConfigError(
                fact=f"`{project[:80]}` cannot name a project's keys",
                expected="letters, digits, `.`, `_`, `-`",
            )
        return self._home / "keys" / project

    def has_keys(self, project: str) -> bool:
        """Tell whether the project has a keyring."""
        return (self.folder(project) / PUBLIC_FILE).exists()

    def init(self, project: str, *, passphrase: bytes, at: datetime) -> KeyringReport:
        """Make all keys of a project; raise ConfigError when there are some."""
        keyring.create_keyring(
            self._world,
            self.folder(project),
            project=project,
            passphrase=passphrase,
            at=at,
            online_secret=self._online_secret,
        )
        return self.show(project)

    def show(self, project: str) -> KeyringReport:
        """Return what there is, with every warning that stands; needs no passphrase."""
        folder = self.folder(project)
        public = keyring.read_public(folder)
        root = self.root(project)
        warning = backups.backup_warning(folder)
        signers = trusted_signers(folder)
        warnings = [warning] if warning else []
        if not signers:
            warnings.append(
                "nobody's signature on a tag counts yet; run `sealift keys trust-signer KEY`"
            )
        return KeyringReport(
            project=public.project,
            folder=str(folder),
            created_at=public.created_at,
            keys=public.keys,
            root_fingerprint=Digest.of(root) if root is not None else None,
            backup=backups.read_backup_record(folder),
            signers=signers,
            warnings=tuple(warnings),
        )

    def backup(
        self, project: str, target: Path, *, passphrase: bytes, at: datetime
    ) -> BackupReceipt:
        """Write one file that brings the keys back, and read it back."""
        return backups.back_up(
            self._world,
            self.folder(project),
            target,
            passphrase=passphrase,
            at=at,
            online_secret=self._online_secret,
        )

    def backup_warning(self, project: str) -> str | None:
        """Return the warning that stands until the keys have a backup."""
        return backups.backup_warning(self.folder(project))

    def restore(self, project: str, source: Path, *, passphrase: bytes) -> KeyringReport:
        """Bring the keys back where there are none."""
        backups.restore(
            self._world,
            self.folder(project),
            source,
            passphrase=passphrase,
            online_secret=self._online_secret,
        )
        return self.show(project)

    def change_passphrase(self, project: str, *, old: bytes, new: bytes) -> KeyringReport:
        """Put the offline keys under another passphrase."""
        keyring.change_passphrase(self._world, self.folder(project), old=old, new=new)
        return self.show(project)

    def trust_signer(self, project: str, text: str) -> TrustedSigner:
        """Let an SSH key or an OpenPGP fingerprint count on tags; idempotent."""
        return trust_signer(self._world.files, self.folder(project), text)

    def keep_root(self, project: str, data: bytes) -> Digest:
        """Keep the first root's bytes and return their fingerprint; idempotent.

        Raises IntegrityError when another root is there: its fingerprint is what users pinned.
        """
        known = self.root(project)
        if known is not None and known != data:
            raise IntegrityError(
                fact=f"project `{project}` has another root: {Digest.of(known)}",
                expected=f"{Digest.of(data)}",
                hint="sealift keys show",
            )
        if known is None:
            path = self.folder(project) / ROOT_FILE
            self._world.files.write_durably(path, data, mode=keyring.PUBLIC_MODE)
        return Digest.of(data)

    def root(self, project: str) -> bytes | None:
        """Return the first root's bytes, or None before there is one."""
        path = self.folder(project) / ROOT_FILE
        return path.read_bytes() if path.exists() else None
