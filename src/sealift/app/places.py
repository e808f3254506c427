"""Where things lie (DESIGN.md, section 10). Paths only; nothing is created here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sealift.core.errors import ConfigError

MANIFEST_NAME = "sealift.toml"
LOCK_NAME = "sealift.lock"
STATE_FOLDER = ".sealift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """`SEALIFT_HOME`: what outlives a checkout."""

    folder: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Take `SEALIFT_HOME`, else `sealift` in the user's data folder; ConfigError if neither."""
        if chosen := environment.get("SEALIFT_HOME"):
            return cls(folder=Path(chosen).absolute())
        if data := environment.get("XDG_DATA_HOME"):
            return cls(folder=Path(data) / "sealift")
        if person := environment.get("HOME"):
            return cls(folder=Path(person) / ".local" / "share" / "sealift")
        raise ConfigError(
            fact="neither SEALIFT_HOME nor HOME is set",
            expected="a folder for the store and the keys",
            hint="export SEALIFT_HOME=/path/to/folder",
        )

    @property
    def store(self) -> Path:
        """The content-addressed store."""
        return self.folder / "store"

    @property
    def cache(self) -> Path:
        """Action results by key."""
        return self.folder / "cache" / "actions"

    @property
    def scratch(self) -> Path:
        """Work that may be lost."""
        return self.folder / "scratch"

    @property
    def roots(self) -> Path:
        """Unpacked roots of toolchains, by the sha256 of their tars."""
        return self.folder / "roots"

    @property
    def advisories(self) -> Path:
        """The index of the advisory feed."""
        return self.folder / "advisories"

    @property
    def sites(self) -> Path:
        """All published trees."""
        return self.folder / "site"

    def keys(self, project: str) -> Path:
        """Return the keyring's folder of a project."""
        return self.folder / "keys" / project

    def site(self, project: str) -> Path:
        """Return the published tree of a project: `generations/N` and `current`."""
        return self.sites / project


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A project's folder."""

    folder: Path

    @property
    def manifest(self) -> Path:
        """The intent."""
        return self.folder / MANIFEST_NAME

    @property
    def lock(self) -> Path:
        """The lock."""
        return self.folder / LOCK_NAME

    @property
    def state(self) -> Path:
        """The folder of everything that a release remembers here."""
        return self.folder / STATE_FOLDER

    @property
    def state_database(self) -> Path:
        """Ledger and leases."""
        return self.state / "state.db"

    @property
    def flow_database(self) -> Path:
        """The durable flow."""
        return self.state / "flow.db"

    @property
    def logs(self) -> Path:
        """One log an action."""
        return self.state / "logs"

    @property
    def snapshots(self) -> Path:
        """What `release --snapshot` leaves."""
        return self.state / "snapshot"
