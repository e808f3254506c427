"""One keyring for all stories: making and opening one costs a fifth of a second each."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealift.base.edge.port import World
from sealift.base.edge.real import real_world
from sealift.stations.attest.keyring import create_keyring

PASSPHRASE = b"planted passphrase of a story"
MADE_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A keyring that was made for a test, and what opens it."""

    folder: Path
    passphrase: bytes
    made_at: datetime


@pytest.fixture(scope="session")
def world() -> World:
    return real_world()


@pytest.fixture(scope="session")
def shared_ring(world: World, tmp_path_factory: pytest.TempPathFactory) -> Ring:
    """Make a ring that no story changes."""
    folder = tmp_path_factory.mktemp("home") / "keys" / "jq"
    create_keyring(world, folder, project="jq", passphrase=PASSPHRASE, at=MADE_AT)
    return Ring(folder=folder, passphrase=PASSPHRASE, made_at=MADE_AT)


@pytest.fixture
def ring(shared_ring: Ring, tmp_path: Path) -> Ring:
    """Make a ring of one's own."""
    folder = tmp_path / "home" / "keys" / "jq"
    shutil.copytree(shared_ring.folder, folder)
    return Ring(folder=folder, passphrase=PASSPHRASE, made_at=MADE_AT)
