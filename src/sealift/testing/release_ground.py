"""A whole project on disk, ready to be released: checkout, signed tag, keys, passphrase.

`make_ground` builds one, `Ground.copy` gives each story its own, `Ground.run` releases it in a
process of its own (`release_harness`), and `published` says what visitors then see. The project is
a shell script and a program of the machine's own, so that its bill of materials names a library:
no network, no compiler, a second of work, every station.

    ground = make_ground(tmp_path / "template", at=now)
    ground.kill("publish:after")
    ground.finish()
    tree = ground.published()
"""

import shutil
import signal
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sealift.app.keys import init_keys
from sealift.app.places import Checkout, Home
from sealift.app.wiring import House
from sealift.base.edge.port import Command, Completed
from sealift.base.edge.real import real_world
from sealift.core.codec import format_time, from_json
from sealift.core.digest import Digest
from sealift.testing import checkout as checkouts
from sealift.testing.expect import expect
from sealift.testing.release_harness import Finished, steady_world

PROJECT: Final = "lamp"
VERSION: Final = "1.2.0"
PASSPHRASE: Final = b"a passphrase that only this story knows"
KEYS_SEED: Final = 1
RUN_TIMEOUT_S: Final = 120.0
_HARNESS: Final = "sealift.testing.release_harness"

MANIFEST: Final = """\
[project]
name = "lamp"
licence = "MIT"
description = "A light in the dark"
maintainer = "Ada <ada@example.org>"

[stages.compile]
inputs = ["source"]
run = ['mkdir -p "$SEALIFT_OUT/usr/bin"', 'install -m 755 lamp.sh "$SEALIFT_OUT/usr/bin/lamp"',
  'install -m 755 /usr/bin/true "$SEALIFT_OUT/usr/bin/lamp-on"']
outputs.tree = "usr/**"

[stages.check]
kind = "test"
inputs = ["source", "compile"]
run = ['test "$("$SEALIFT_INPUTS/compile/usr/bin/lamp")" = light']

[packages]
tar = { from = "compile" }
deb = { from = "compile" }
"""
SCRIPT: Final = "#!/bin/sh\necho light\n"

Entry = tuple[str, int, str]
"""What a path of a tree is: its kind, its permissions, and its digest or a link's target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """What a release publishes that nobody interrupts, and what the harness told of it."""

    published: Mapping[str, Entry]
    finished: Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Everything of one release below `folder`; `at` is the time that its processes see."""

    folder: Path
    at: datetime

    @property
    def checkout(self) -> Path:
        """The project's checkout."""
        return self.folder / "checkout"

    @property
    def home(self) -> Path:
        """SEALIFT_HOME."""
        return self.folder / "home"

    @property
    def passphrase(self) -> Path:
        """The file with the passphrase; neither in the checkout nor in SEALIFT_HOME."""
        return self.folder / "passphrase"

    @property
    def keys(self) -> Path:
        """The keyring."""
        return self.home / "keys" / PROJECT

    @property
    def site(self) -> Path:
        """The published generations."""
        return self.home / "site" / PROJECT

    @property
    def root(self) -> Digest:
        """The fingerprint that users pin."""
        return Digest.of((self.keys / "root.json").read_bytes())

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of a caller who has no settings of their own."""
        return {
            "PATH": real_world().environment["PATH"],
            "HOME": str(self.folder),
            "SEALIFT_HOME": str(self.home),
            "SEALIFT_PASSPHRASE_FILE": str(self.passphrase),
            "LC_ALL": "C.UTF-8",
        }

    def house(self) -> House:
        """Return the house of this ground, in this process."""
        return House(
            world=steady_world(self.environment, at=self.at, seed=KEYS_SEED),
            home=Home(folder=self.home),
            checkout=Checkout(folder=self.checkout),
        )

    def copy(self, folder: Path) -> "Ground":
        """Copy the whole ground into a new folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Ground(folder=folder, at=self.at)

    def harness(self, *arguments: str) -> tuple[str, ...]:
        """Return the command line that releases this ground."""
        time = format_time(self.at)
        return (sys.executable, "-m", _HARNESS, str(self.checkout), "--at", time, *arguments)

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        umask: int = 0o022,
    ) -> Completed:
        """Release in a process of its own; `arguments` say where it is killed."""
        return real_world().processes.run(
            Command(
                argv=self.harness(*arguments),
                environment={**self.environment, **(environment or {})},
                folder=self.folder,
                timeout_s=RUN_TIMEOUT_S,
                umask=umask,
            )
        )

    def kill(self, where: str) -> None:
        """Run until the process dies where the story says; AssertionError when it lives on."""
        completed = self.run("--kill", where)
        expect(completed.exit_code == -signal.SIGKILL, f"{where}: {completed.stderr.decode()}")

    def finish(self) -> Finished:
        """Run to the end; AssertionError when the release fails."""
        completed = self.run()
        expect(completed.exit_code == 0, completed.stderr.decode())
        return from_json(Finished, completed.stdout)

    def published(self) -> dict[str, Entry]:
        """Return every path of the published tree and what it is; empty before a release."""
        return entries(self.site)


def entries(folder: Path) -> dict[str, Entry]:
    """Return every path below `folder`, following no link; empty when there is none."""
    return {path.relative_to(folder).as_posix(): _entry(path) for path in sorted(folder.rglob("*"))}


def make_ground(
    folder: Path,
    *,
    at: datetime,
    manifest: str = MANIFEST,
    files: Mapping[str, str] | None = None,
) -> Ground:
    """Make a checkout with a signed tag, its keys, and a file with their passphrase.

    `files` are added to the project's; equal arguments but for `folder` give equal commits and
    keys, though not equal tags: the maintainer's own key is new each time.
    """
    ground = Ground(folder=folder, at=at.replace(microsecond=0))
    checkout = checkouts.Checkout.create(ground.checkout)
    checkout.write("sealift.toml", manifest)
    checkout.write("lamp.sh", SCRIPT, executable=True)
    for path, text in (files or {}).items():
        checkout.write(path, text)
    checkout.commit()
    signer = ground.folder / "maintainer"
    checkout.program(
        "ssh-keygen", "-q", "-t", "ed25519", "-C", "ada@example.org", "-N", "", "-f", str(signer)
    )
    settings = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={signer}.pub")
    checkout.run(*settings, "tag", "--sign", "--message", "lamp", f"v{VERSION}")
    ground.passphrase.write_bytes(PASSPHRASE)
    init_keys(
        ground.house(),
        PROJECT,
        passphrase=PASSPHRASE,
        trust_signers=(signer.with_suffix(".pub"),),
    )
    return ground


def _entry(path: Path) -> Entry:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if path.is_symlink():
        return ("link", 0, path.readlink().as_posix())
    if path.is_dir():
        return ("folder", mode, "")
    return ("file", mode, str(Digest.of(path.read_bytes())))
