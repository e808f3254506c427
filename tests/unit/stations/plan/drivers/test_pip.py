"""pip says where to look and resolves; scripted here, so that no network decides a test."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sealift.base.edge.port import Command, Completed
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, DriverError, SealiftError, UnavailableError
from sealift.stations.plan.drivers.pip_resolver import PipResolver
from sealift.stations.plan.drivers.pip_settings import PipSettings, read_pip_settings
from sealift.stations.plan.port import ResolvedFile
from sealift.testing.simulation import SimProcesses, SimWorld, completed, sim_world

PIP = "/usr/bin/pip"
HELP = (
    b"  -i, --index-url <url>       Base URL of the Python Package Index (default"
    b" https://index.example/simple). This should\n"
)


def processes(listing: bytes, *, help_text: bytes = HELP) -> SimProcesses:
    return SimProcesses(
        [
            ((), completed(exit_code=1)),
            ((PIP, "--version"), completed(b"pip 23.2")),
            ((PIP, "config", "list"), completed(listing)),
            ((PIP, "install", "--help"), completed(help_text)),
        ]
    )


def test_settings_of_all_scopes_are_read_and_the_environment_wins() -> None:
    listing = (
        b":env:.cert='/env.pem'\n"
        b"global.cert='/global.pem'\n"
        b"global.extra-index-url='\\nfile:///a/simple\\nfile:///b/simple'\n"
        b"global.index-url='https://global.example/simple'\n"
        b"install.index-url='https://install.example/simple'\n"
        b"global.find-links='/wheels'\n"
        b"freeze.timeout='10'\nbroken line\nglobal.odd=(\n"
    )
    environment = {"PATH": "/usr/bin", "PIP_REQUIRE_VIRTUALENV": "1", "SECRET": "x"}
    settings = read_pip_settings(processes(listing), environment)
    assert settings.command == (PIP,)
    assert settings.indexes == (
        "https://install.example/simple",
        "file:///a/simple",
        "file:///b/simple",
    )
    assert settings.find_links == ("/wheels",)
    assert settings.environment["PIP_CERT"] == "/env.pem"
    assert settings.environment["PIP_CONFIG_FILE"] == "/dev/null"
    assert settings.environment["PIP_EXTRA_INDEX_URL"] == "file:///a/simple file:///b/simple"
    assert "PIP_REQUIRE_VIRTUALENV" not in settings.environment
    assert "SECRET" not in settings.environment


def test_default_index_is_what_pip_itself_names() -> None:
    assert read_pip_settings(processes(b""), {}).indexes == ("https://index.example/simple",)


def test_pip_that_names_no_default_is_told_to_be_configured() -> None:
    with pytest.raises(ConfigError, match="which index") as caught:
        read_pip_settings(processes(b"", help_text=b"usage: pip"), {})
    assert caught.value.hint.startswith("pip config set")


def test_no_index_means_none() -> None:
    settings = read_pip_settings(processes(b"global.no-index='true'\n"), {})
    assert settings.indexes == ()
    assert settings.environment["PIP_NO_INDEX"] == "true"


def test_machine_without_pip_is_told_how_to_get_it() -> None:
    with pytest.raises(ConfigError) as caught:
        read_pip_settings(SimProcesses([((), completed(exit_code=1))]), {})
    assert caught.value.hint == "apt-get install python3-pip"
    assert int(caught.value.exit_code) == 2


# --- the resolver -------------------------------------------------------------------------------

SETTINGS = PipSettings(
    command=(PIP,), environment={"PIP_CONFIG_FILE": "/dev/null"}, indexes=(), find_links=()
)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    place = tmp_path / "python3"
    place.touch()
    return place


@pytest.fixture
def scripted(tmp_path: Path) -> SimWorld:
    return sim_world(1, tmp_path / "disk")


def resolver(world: SimWorld, python: Path, answer: Completed) -> PipResolver:
    world.processes.answers += [
        ((str(python), "-I", "-c"), completed(b"3.11\n")),
        ((PIP, "--python", str(python), "install"), answer),
    ]
    return PipResolver(world, python=python, settings=lambda: SETTINGS)


def report(*items: tuple[str, dict[str, str], bool]) -> bytes:
    rows = [
        {
            "download_info": {"url": url, "archive_info": {"hashes": hashes}},
            "requested": requested,
            "metadata": {"name": "ignored", "version": "0"},
        }
        for url, hashes, requested in items
    ]
    return json.dumps({"version": "1", "install": rows}).encode()


def test_report_of_pip_becomes_files_sorted_by_name(scripted: SimWorld, python: Path) -> None:
    answer = report(
        ("https://x.example/poetry_core-1.9.0-py3-none-any.whl", {"sha256": "a" * 64}, True),
        ("file:///w/build-1.2.0%2Bx-py3-none-any.whl", {}, False),
    )
    found = resolver(scripted, python, completed(answer)).resolve(
        ("poetry-core>=1",), constraints=("poetry-core==1.9.0",)
    )
    assert found.python == "3.11"
    assert found.files == (
        ResolvedFile(
            name="build",
            version="1.2.0+x",
            filename="build-1.2.0+x-py3-none-any.whl",
            digest=None,
            requested=False,
        ),
        ResolvedFile(
            name="poetry-core",
            version="1.9.0",
            filename="poetry_core-1.9.0-py3-none-any.whl",
            digest=Digest("a" * 64),
            requested=True,
        ),
    )


def test_no_build_code_can_run_and_no_requirement_can_be_an_option(
    scripted: SimWorld, python: Path
) -> None:
    seen: list[str] = []

    def answer(command: Command) -> Completed:
        place = command.argv.index("--constraint")
        seen.append(Path(command.argv[place + 1]).read_text())
        assert ":all:" in command.argv
        assert command.argv[command.argv.index("--only-binary") + 1] == ":all:"
        assert command.argv[-2:] == ("--", "x")
        assert command.environment == SETTINGS.environment
        return completed(report())

    scripted.processes.answers += [
        ((str(python), "-I", "-c"), completed(b"3.11\n")),
        ((PIP,), answer),
    ]
    PipResolver(scripted, python=python, settings=lambda: SETTINGS).resolve(
        ("x",), constraints=("y==1",)
    )
    assert seen == ["y==1\n"]


@pytest.mark.parametrize(
    ("answer", "kind", "fact"),
    [
        (
            completed(stderr=b"ERROR: No matching distribution found for x>9", exit_code=1),
            ConfigError,
            "no wheels satisfy `x>9` (No matching distribution found for x>9)",
        ),
        (
            completed(stderr=b"WARNING: Retrying NewConnectionError\nERROR: No", exit_code=1),
            UnavailableError,
            "pip cannot reach",
        ),
        (
            replace(completed(exit_code=-9), timed_out=True),
            UnavailableError,
            "pip cannot reach",
        ),
        (
            completed(stderr=b"no such option: --python", exit_code=2),
            ConfigError,
            "pip is too old",
        ),
        (completed(b"not json"), DriverError, "pip's report cannot be read"),
        (completed(report(("https://x.example/x-1.tgz", {}, True))), DriverError, "pip chose"),
    ],
)
def test_failure_of_pip_says_whose_fault_it_is(
    scripted: SimWorld, python: Path, answer: Completed, kind: type[SealiftError], fact: str
) -> None:
    with pytest.raises(kind) as caught:
        resolver(scripted, python, answer).resolve(("x>9",), constraints=())
    assert fact in caught.value.fact
    assert caught.value.hint


def test_missing_python_of_the_distribution_is_told_how_to_install(
    scripted: SimWorld, tmp_path: Path
) -> None:
    absent = PipResolver(scripted, python=tmp_path / "absent", settings=lambda: SETTINGS)
    with pytest.raises(ConfigError) as caught:
        absent.resolve(("x",), constraints=())
    assert caught.value.hint == "apt-get install python3"
