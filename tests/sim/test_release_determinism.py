"""Two people, two machines' worth of differences, one tree (DESIGN.md, law 1)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sealift.testing.release_ground import Entry, Ground, Undisturbed

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


def released(ground: Ground, *arguments: str, umask: int = 0o022, **more: str) -> dict[str, Entry]:
    completed = ground.run(*arguments, environment=more, umask=umask)
    assert completed.exit_code == 0, completed.stderr.decode()
    return ground.published()


def test_release_is_the_same_tree_in_other_folders_and_another_environment(
    template: Ground, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    there = template.copy(tmp_path / "a folder" / "with a rather longer näme" / "ground")
    published = released(there, umask=0o077, **ELSEWHERE)
    assert sorted(published) == sorted(undisturbed.published)
    assert published == undisturbed.published


@pytest.mark.slow
def test_other_invocation_id_reaches_the_statements_and_nothing_that_is_installed(
    template: Ground, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    other = released(template.copy(tmp_path / "ground"), "--seed", "8")
    assert other != undisturbed.published
    assert installed(other) == installed(undisturbed.published)


@pytest.mark.slow
def test_other_day_gives_the_same_files_to_install(
    template: Ground, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    later = template.copy(tmp_path / "ground")
    other = released(replace(later, at=later.at + timedelta(days=2)))
    assert other != undisturbed.published
    assert installed(other) == installed(undisturbed.published)


def installed(published: Mapping[str, Entry]) -> dict[str, Entry]:
    files = {path: entry for path, entry in published.items() if path.endswith((".deb", ".tar.gz"))}
    assert len(files) >= 4
    return files
