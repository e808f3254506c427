"""Two people, two machines' worth of differences, one tree (DESIGN.md, law 1)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sealift.testing.release_ground import Entry, Ground, make_ground

ELSEWHERE = {
    "TZ": "Pacific/Kiritimati",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "LANGUAGE": "tr",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "TMPDIR": "/nowhere",
    "SOURCE_DATE_EPOCH": "1",
    "PYTHONHASHSEED": "3",
    "CFLAGS": "-O0",
    "GIT_DIR": "/nowhere",
    "GIT_AUTHOR_NAME": "somebody",
}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return make_ground(tmp_path_factory.mktemp("first") / "ground", at=datetime.now(tz=UTC))


@pytest.fixture(scope="module")
def here(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    return released(ground.copy(tmp_path_factory.mktemp("here") / "ground"))


def released(ground: Ground, *arguments: str, umask: int = 0o022, **more: str) -> dict[str, Entry]:
    completed = ground.run(*arguments, environment=more, umask=umask)
    assert completed.exit_code == 0, completed.stderr.decode()
    return ground.published()


def test_release_is_the_same_tree_in_other_folders_and_another_environment(
    ground: Ground, here: dict[str, Entry], tmp_path: Path
) -> None:
    there = ground.copy(tmp_path / "a folder" / "with a rather longer näme" / "ground")
    published = released(there, umask=0o077, **ELSEWHERE)
    assert sorted(published) == sorted(here)
    assert published == here


@pytest.mark.slow
def test_other_invocation_id_reaches_the_statements_and_nothing_that_is_installed(
    ground: Ground, here: dict[str, Entry], tmp_path: Path
) -> None:
    other = released(ground.copy(tmp_path / "ground"), "--seed", "8")
    assert other != here
    assert installed(other) == installed(here)


@pytest.mark.slow
def test_other_day_gives_the_same_files_to_install(
    ground: Ground, here: dict[str, Entry], tmp_path: Path
) -> None:
    later = ground.copy(tmp_path / "ground")
    other = released(replace(later, at=later.at + timedelta(days=2)))
    assert other != here
    assert installed(other) == installed(here)


def installed(published: dict[str, Entry]) -> dict[str, Entry]:
    files = {path: entry for path, entry in published.items() if path.endswith((".deb", ".tar.gz"))}
    assert len(files) >= 4
    return files
