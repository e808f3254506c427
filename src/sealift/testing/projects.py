"""A small C project that somebody releases: a checkout, keys, a signed tag, and the command line.

maintainer = Maintainer.create(tmp_path, workshop=Workshop.create(folder), sealift=run)
maintainer.keep(tide_manifest())
maintainer.tag("v1.0.0")
assert maintainer.run("release").exit_code == 0

`sealift` is how a command line is run; tests give it, since nothing here may import the cli.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sealift.testing.checkout import Checkout
from sealift.testing.expect import expect, expect_equal

NAME: Final = "tide"
OPENING_WORDS: Final = "correct horse battery staple"
"""What unlocks the offline keys of every story."""
_SAMPLE: Final = """\
[project]
name = "tide"
licence = "MIT"
maintainer = "Ada <ada@example.org>"

[stages.compile]
inputs = ["source"]
run = "./build.sh"
outputs.tree = "usr/**"

[stages.check]
kind = "test"
inputs = ["compile"]
run = '"$SEALIFT_INPUTS/compile/usr/bin/tide" | grep -qx "high water"'

[packages.tar]
from = "compile"
"""
_SOURCE: Final[Mapping[str, str]] = {
    "README": "Says when the tide is high.\n",
    "tide.c": '#include <stdio.h>\n\nint main(void) { puts("high water"); return 0; }\n',
}
_BUILD: Final = """\
#!/bin/sh -eu
mkdir -p "$SEALIFT_OUT/usr/bin" "$SEALIFT_OUT/usr/share/doc/tide"
gcc -o "$SEALIFT_OUT/usr/bin/tide" tide.c
cp README "$SEALIFT_OUT/usr/share/doc/tide/README"
"""


def tide_manifest(*changes: tuple[str, str], more: str = "") -> str:
    """Return the manifest with each old text replaced by the new one, and `more` at its end.

    Raises ValueError when an old text does not occur: the story would not be the one it tells.
    """
    text = _SAMPLE
    for old, new in changes:
        if old not in text:
            raise ValueError(f"the manifest has no {old!r}")
        text = text.replace(old, new, 1)
    return text + more


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended, and what it said where."""

    exit_code: int
    stdout: str
    stderr: str

    def data(self) -> dict[str, Any]:
        """Return the JSON object on stdout; ValueError when there is anything else."""
        document: dict[str, Any] = json.loads(self.stdout)
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a refused command said: the error's fields, and all of stderr."""

    where: str
    fact: str
    expected: str
    hint: str
    log: str
    stderr: str


RunSealift = Callable[[Sequence[str], Mapping[str, str]], Ran]
"""Run `sealift` with these arguments, and with these variables over the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What takes time to make and is the same in every story: keys of a person and of a project.

    `keys` is filled by `sealift keys init` once.
    """

    signing_key: Path
    strange_key: Path
    keys: Path

    @classmethod
    def create(cls, folder: Path, *, sealift: RunSealift) -> Self:
        """Make two SSH keys, of which the project trusts the first, and the project's keys."""
        made = cls(
            signing_key=folder / "ada", strange_key=folder / "eve", keys=folder / "home" / "keys"
        )
        checkout = Checkout.create(folder / NAME)
        for path in (made.signing_key, made.strange_key):
            options = ("-q", "-t", "ed25519", "-N", "", "-C", f"{path.name}@example.org")
            checkout.program("ssh-keygen", *options, "-f", str(path))
        passphrase = folder / "passphrase"
        passphrase.write_text(OPENING_WORDS + "\n")
        ran = sealift(
            (
                *("keys", "init", "--project", NAME, "-C", str(checkout.folder)),
                *("--trust-signer", f"{made.signing_key}.pub"),
            ),
            {
                "SEALIFT_HOME": str(folder / "home"),
                "SEALIFT_PASSPHRASE_FILE": str(passphrase),
            },
        )
        if ran.exit_code != 0:
            raise AssertionError(ran.stderr)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintainer:
    """A person with a checkout and a SEALIFT_HOME, who types commands in the checkout."""

    checkout: Checkout
    home: Path
    passphrase: Path
    workshop: Workshop
    sealift: RunSealift

    @classmethod
    def create(
        cls, folder: Path, *, workshop: Workshop, sealift: RunSealift, with_keys: bool = True
    ) -> Self:
        """Give a person the project without manifest, commit or tag."""
        checkout = Checkout.create(folder / NAME)
        for path, text in _SOURCE.items():
            checkout.write(path, text)
        checkout.write("build.sh", _BUILD, executable=True)
        made = cls(
            checkout=checkout,
            home=folder / "home",
            passphrase=folder / "passphrase",
            workshop=workshop,
            sealift=sealift,
        )
        made.passphrase.write_text(OPENING_WORDS + "\n")
        if with_keys:
            shutil.copytree(workshop.keys, made.home / "keys")
        return made

    def twin(self, folder: Path) -> "Maintainer":
        """Copy checkout and home as they are into a new folder, for a story that changes them."""
        shutil.copytree(self.checkout.folder.parent, folder, symlinks=True)
        return Maintainer(
            checkout=Checkout(
                folder=folder / NAME, processes=self.checkout.processes, path=self.checkout.path
            ),
            home=folder / "home",
            passphrase=folder / "passphrase",
            workshop=self.workshop,
            sealift=self.sealift,
        )

    @property
    def folder(self) -> Path:
        """The checkout's folder."""
        return self.checkout.folder

    @property
    def site(self) -> Path:
        """The published tree of the project."""
        return self.home / "site" / NAME

    @property
    def environment(self) -> dict[str, str]:
        """The variables that this person has set."""
        return {
            "SEALIFT_HOME": str(self.home),
            "SEALIFT_PASSPHRASE_FILE": str(self.passphrase),
            "HOME": str(self.home.parent),
        }

    def run(self, *arguments: str, **variables: str) -> Ran:
        """Run a command that takes `--folder` in the checkout; `variables` are set over its own."""
        return self.use(*arguments, "--folder", str(self.folder), **variables)

    def use(self, *arguments: str, **variables: str) -> Ran:
        """Run any command; `variables` are set over this person's own."""
        return self.sealift(arguments, {**self.environment, **variables})

    def keep(self, manifest: str = "") -> str:
        """Write the manifest if one is given, commit what is not ignored, return the commit."""
        if manifest:
            self.checkout.write("sealift.toml", manifest)
        self.checkout.run("add", "--all")
        self.checkout.run("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.checkout.run("rev-parse", "HEAD")

    def tag(self, name: str, *, signer: Path | None = None, force: bool = False) -> None:
        """Sign a tag with this person's key, or another's."""
        key = signer or self.workshop.signing_key
        forced = ("--force",) if force else ()
        self.checkout.run(
            *("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}", "tag", *forced),
            *("--sign", name, "--message", f"{NAME} {name}"),
        )

    def published(self) -> dict[str, str]:
        """Return the sha256 of all that visitors could fetch, by path; empty before a release."""
        shown = self.site / "current"
        return {
            path.relative_to(shown).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(shown.rglob("*"))
            if path.is_file()
        }

    def generations(self) -> tuple[str, ...]:
        """Return what lies beside each other in `generations`, half-written folders too."""
        folder = self.site / "generations"
        return tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()

    def refused(
        self, *arguments: str, exit_code: int, once: bool = False, **variables: str
    ) -> Refusal:
        """Run a command in the checkout that must be refused, for people and with `--json`.

        Expects what holds for every refusal: the exit code, words on stderr alone, the same as an
        object on stdout when asked, a hint, no traceback, and a published tree that did not change.
        `once` leaves out the run without `--json`, where one takes long.
        """
        before, shown = self.published(), self.generations()
        told = self.run(*arguments, "--json", **variables)
        document = told.data()
        expect_equal(list(document), ["error"])
        error = document["error"]
        expect_equal(error["exit_code"], exit_code)
        refusal = Refusal(
            where=error["where"],
            fact=error["fact"],
            expected=error["expected"],
            hint=error["hint"],
            log=error["log"],
            stderr=told.stderr,
        )
        self._expect_words(told, refusal, exit_code)
        if not once:
            spoken = self.run(*arguments, **variables)
            expect_equal(spoken.stdout, "")
            self._expect_words(spoken, refusal, exit_code)
        expect_equal(self.published(), before)
        expect_equal(self.generations(), shown)
        return refusal

    def _expect_words(self, ran: Ran, refusal: Refusal, exit_code: int) -> None:
        expect_equal(ran.exit_code, exit_code)
        place = f"{refusal.where}: " if refusal.where else ""
        expect(f"error: {place}{refusal.fact}" in ran.stderr, ran.stderr)
        expect(refusal.hint, f"a hint in {refusal}")
        expect(ran.stderr.endswith(f"\nhint: {refusal.hint}\n"), ran.stderr)
        expect("Traceback" not in ran.stderr, ran.stderr)
