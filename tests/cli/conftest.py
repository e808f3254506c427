"""The command line run in this process, with a home, a passphrase and an environment of its own."""

import io
import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from sealift.cli.group import run
from sealift.testing.projects import Maintainer, Ran, RunSealift, Workshop, tide_manifest

_KEPT = frozenset({"PATH"})


def run_here(arguments: Sequence[str], variables: Mapping[str, str]) -> Ran:
    """Run one command line in this process; of the caller's environment only PATH is seen."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO())  # Nobody is at the terminal.
        for name in os.environ.keys() - _KEPT:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        with redirect_stdout(stdout), redirect_stderr(stderr):
            exit_code = run(list(arguments))
    return Ran(exit_code=exit_code, stdout=stdout.getvalue(), stderr=stderr.getvalue())


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Return keys that every story copies: making them takes half a second."""
    return Workshop.create(tmp_path_factory.mktemp("workshop"), sealift=run_here)


@pytest.fixture
def newcomer(tmp_path: Path, workshop: Workshop) -> Maintainer:
    """Return somebody who has neither keys nor a manifest, nor a commit."""
    return Maintainer.create(
        tmp_path / "newcomer", workshop=workshop, sealift=run_here, with_keys=False
    )


@pytest.fixture
def maintainer(tmp_path: Path, workshop: Workshop) -> Maintainer:
    """Return somebody with keys and files, whose story begins with what they commit."""
    return Maintainer.create(tmp_path / "maintainer", workshop=workshop, sealift=run_here)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> Maintainer:
    """Return somebody whose v1.0.0 is published. Only for stories that change nothing."""
    folder = tmp_path_factory.mktemp("released") / "maintainer"
    made = Maintainer.create(folder, workshop=workshop, sealift=run_here)
    condition = '\n[gate]\nconditions.small = "artifact.size_bytes < 5000000"\n'
    made.keep(tide_manifest(more=condition))
    made.tag("v1.0.0")
    ran = made.run("release")
    assert ran.exit_code == 0, ran.stderr
    return made


@pytest.fixture(scope="session")
def run_sealift() -> RunSealift:
    """Return the command line itself, for people with a project of their own."""
    return run_here
