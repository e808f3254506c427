"""What the client trusts: one folder a project below `SEALIFT_HOME/trust/`.

`pin.json` holds the root's fingerprint and the address, `root.json` the pinned root, `metadata/`
what ngclient keeps, `targets/` the verified documents by which a file is checked offline, and
`channels.json` the highest sequence seen of each channel. docs/formats.md, "Trust", shows them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from sealift.base.edge.port import World
from sealift.base.specs.strictjson import parse_json
from sealift.core.codec import format_time, from_plain, to_json
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import NAME_LENGTH_MAX, TRUST_FILE_BYTES_MAX, TUF_METADATA_BYTES_MAX
from sealift.core.tree import check_path

PIN_FORMAT: Final = "sealift-trust-v1"
SEEN_FORMAT: Final = "sealift-channels-seen-v1"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The one thing that was decided at first contact. `demanded`: the user gave `root`."""

    format: str = PIN_FORMAT
    project: str
    address: str
    root: Digest
    pinned_at: str
    demanded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPointer:
    """The newest pointer of a channel that this client has accepted."""

    sequence: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPointers:
    """The newest pointers by channel."""

    format: str = SEEN_FORMAT
    channels: Mapping[str, SeenPointer] = field(default_factory=dict)


class ProjectTrust:
    """The folder of one pinned project. `root` are the pinned root's bytes, checked on reading."""

    def __init__(self, *, world: World, folder: Path, pin: Pin, root: bytes) -> None:
        self._world = world
        self.folder = folder
        self.pin = pin
        self.root = root

    @property
    def metadata(self) -> Path:
        """Where ngclient keeps TUF metadata."""
        return self.folder / "metadata"

    @property
    def releases(self) -> tuple[str, ...]:
        """The versions whose documents are kept here, sorted by name."""
        folder = self.folder / "targets" / "releases"
        return tuple(sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else ()

    def read_target(self, target: str, *, size_bytes_max: int) -> bytes | None:
        """Return a kept document, unverified, or None."""
        return _read(self._target(target), size_bytes_max)

    def keep_target(self, target: str, data: bytes) -> None:
        """Keep a verified document for later."""
        path = self._target(target)
        self._world.files.make_folder(path.parent)
        self._world.files.write_durably(path, data)

    def seen(self, channel: str) -> SeenPointer | None:
        """Return the newest accepted pointer of a channel, or None."""
        return self._seen().channels.get(channel)

    def remember(self, channel: str, pointer: SeenPointer) -> None:
        """Keep the newest pointer of a channel, so that it can never go back."""
        channels = {**self._seen().channels, channel: pointer}
        self._world.files.write_durably(
            self.folder / "channels.json", to_json(SeenPointers(channels=channels)) + b"\n"
        )

    def move_to(self, address: str) -> None:
        """Remember another address: keys are trusted, not origins."""
        if address != self.pin.address:
            self.pin = replace(self.pin, address=address)
            self.save()

    def save(self) -> None:
        """Write the pin and the root; the pin comes last and makes the project known."""
        files = self._world.files
        files.make_folder(self.metadata)
        files.write_durably(self.folder / "root.json", self.root)
        files.write_durably(self.folder / "pin.json", to_json(self.pin) + b"\n")

    def forget(self) -> None:
        """Remove everything, as if there had been no contact."""
        self._world.files.remove(self.folder)

    def _target(self, target: str) -> Path:
        return self.folder / "targets" / check_path(target)

    def _seen(self) -> SeenPointers:
        data = _read(self.folder / "channels.json", TRUST_FILE_BYTES_MAX)
        if data is None:
            return SeenPointers()
        seen = from_plain(SeenPointers, parse_json(data, size_bytes_max=TRUST_FILE_BYTES_MAX))
        _expect_format(seen.format, SEEN_FORMAT)
        return seen


class TrustStore:
    """All pinned projects of a `SEALIFT_HOME`."""

    def __init__(self, world: World, home: Path) -> None:
        self._world = world
        self._folder = home / "trust"

    def names(self) -> tuple[str, ...]:
        """Return every pinned project, sorted."""
        if not self._folder.is_dir():
            return ()
        return tuple(
            sorted(entry.name for entry in self._folder.iterdir() if (entry / "pin.json").is_file())
        )

    def find(self, name: str) -> ProjectTrust | None:
        """Return a pinned project or None; raise IntegrityError if its files were changed."""
        folder = self._folder / check_name(name)
        data = _read(folder / "pin.json", TRUST_FILE_BYTES_MAX)
        if data is None:
            return None
        pin = from_plain(Pin, parse_json(data, size_bytes_max=TRUST_FILE_BYTES_MAX))
        _expect_format(pin.format, PIN_FORMAT)
        root = _read(folder / "root.json", TUF_METADATA_BYTES_MAX) or b""
        if Digest.of(root) != pin.root or pin.project != name:
            raise IntegrityError(
                fact=f"pinned root of `{name}` has digest {Digest.of(root)}",
                expected=f"{pin.root} of `{pin.project}`, as pinned at {pin.pinned_at}",
                where=str(folder),
                hint=f"remove {folder} and run `sealift get {name} --from URL --root-sha256 HEX`",
            )
        return ProjectTrust(world=self._world, folder=folder, pin=pin, root=root)

    def get(self, name: str) -> ProjectTrust:
        """Return a pinned project; raise ConfigError if it is not pinned."""
        trust = self.find(name)
        if trust is None:
            raise ConfigError(
                fact=f"project `{name}` is not pinned",
                expected="a pinned root",
                hint=f"run `sealift get {name} --from https://… --root-sha256 HEX`",
            )
        return trust

    def prepare(self, name: str, *, address: str, root: bytes, demanded: bool) -> ProjectTrust:
        """Return a new project's trust, not yet saved; a half first contact is swept away."""
        folder = self._folder / check_name(name)
        self._world.files.remove(folder)
        pin = Pin(
            project=name,
            address=address,
            root=Digest.of(root),
            pinned_at=format_time(self._world.clock.now()),
            demanded=demanded,
        )
        return ProjectTrust(world=self._world, folder=folder, pin=pin, root=root)


def check_name(name: str) -> str:
    """Return a project's or channel's name if it is a safe folder name; ConfigError otherwise."""
    if not _NAME.match(name) or len(name) > NAME_LENGTH_MAX:
        raise ConfigError(
            fact=f"`{name[:80]}` is no name of a project or channel",
            expected=f"up to {NAME_LENGTH_MAX} letters, digits, `.`, `_`, `-`",
        )
    return name


def _expect_format(found: str, expected: str) -> None:
    if found != expected:
        raise IntegrityError(fact=f"trust file has the format `{found[:80]}`", expected=expected)


def _read(path: Path, size_bytes_max: int) -> bytes | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(size_bytes_max + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            fact=f"`{path}` cannot be read: {error.strerror}",
            expected="a readable trust folder",
            hint=f"ls -l {path}",
        ) from error
    if len(data) > size_bytes_max:
        raise IntegrityError(
            fact=f"`{path}` is longer than {size_bytes_max} bytes", expected="a file of ours"
        )
    return data
