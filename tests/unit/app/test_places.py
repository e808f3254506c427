"""Where things lie, and that looking at it creates nothing."""

from pathlib import Path

import pytest

from sealift.app.places import Checkout, Home
from sealift.core.errors import ConfigError


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"SEALIFT_HOME": "/srv/sealift", "XDG_DATA_HOME": "/x", "HOME": "/h"}, "/srv/sealift"),
        ({"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/sealift"),
        ({"HOME": "/h"}, "/h/.local/share/sealift"),
        ({"SEALIFT_HOME": "", "XDG_DATA_HOME": "", "HOME": "/h"}, "/h/.local/share/sealift"),
    ],
)
def test_the_home_is_the_first_of_three_that_is_set(
    environment: dict[str, str], folder: str
) -> None:
    assert Home.of(environment).folder == Path(folder)


def test_a_relative_home_is_taken_from_where_the_person_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.of({"SEALIFT_HOME": "state"}).folder == tmp_path / "state"


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"SEALIFT_HOME": "", "PATH": "/bin"}])
def test_without_any_of_them_nobody_knows_where_keys_would_lie(
    environment: dict[str, str],
) -> None:
    with pytest.raises(ConfigError, match="neither SEALIFT_HOME nor HOME is set") as refusal:
        Home.of(environment)
    assert refusal.value.hint == "export SEALIFT_HOME=/path/to/folder"


def test_state_lies_where_the_design_says(tmp_path: Path) -> None:
    home, checkout = Home(folder=tmp_path / "home"), Checkout(folder=tmp_path / "tide")
    below_home = {
        "store": home.store,
        "cache/actions": home.cache,
        "keys/tide": home.keys("tide"),
        "site/tide": home.site("tide"),
    }
    below_checkout = {
        "sealift.toml": checkout.manifest,
        "sealift.lock": checkout.lock,
        ".sealift/state.db": checkout.state_database,
        ".sealift/flow.db": checkout.flow_database,
        ".sealift/logs": checkout.logs,
        ".sealift/snapshot": checkout.snapshots,
    }
    for path, found in below_home.items():
        assert found == home.folder / path
    for path, found in below_checkout.items():
        assert found == checkout.folder / path
    assert list(tmp_path.iterdir()) == []


def test_keys_lie_in_no_checkout(tmp_path: Path) -> None:
    home, checkout = Home(folder=tmp_path / "home"), Checkout(folder=tmp_path / "tide")
    assert not home.keys("tide").is_relative_to(checkout.folder)
