"""One project for all stories about whole releases, and what it gives when nothing happens."""

from datetime import UTC, datetime

import pytest

from sealift.app.pipeline import PIPELINE
from sealift.testing.release_ground import Ground, Undisturbed, make_ground


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Make a project that is ready to be released, with its keys; take a copy of it."""
    return make_ground(tmp_path_factory.mktemp("template") / "ground", at=datetime.now(tz=UTC))


@pytest.fixture(scope="session")
def undisturbed(template: Ground, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Release without an interruption."""
    ground = template.copy(tmp_path_factory.mktemp("whole") / "ground")
    finished = ground.finish()
    assert finished.ran == tuple(step.name for step in PIPELINE)
    return Undisturbed(published=ground.published(), finished=finished)
