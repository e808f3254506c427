"""What `pip install .` installs: the same wheel everywhere, with everything it needs inside."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("src", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")


def build_wheel(folder: Path, *, time_zone: str, umask: int) -> Path:
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "TZ": time_zone, "HOME": str(folder)},
        umask=umask,
        check=True,
        capture_output=True,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    here = tmp_path_factory.mktemp("here")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "another" / "depth"
    elsewhere.mkdir(parents=True)
    return (
        build_wheel(here, time_zone="UTC", umask=0o022),
        build_wheel(elsewhere, time_zone="Pacific/Chatham", umask=0o027),
    )


def test_the_wheel_is_the_same_in_another_folder_time_zone_and_umask(
    wheels: tuple[Path, Path],
) -> None:
    here, elsewhere = wheels
    assert here.name == elsewhere.name
    assert here.read_bytes() == elsewhere.read_bytes()


def test_the_wheel_holds_templates_and_entry_point_and_neither_tests_nor_demo(
    wheels: tuple[Path, Path],
) -> None:
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = set(wheel.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert b"sealift = sealift.cli.main:main" in wheel.read(entry_points)
    assert "sealift/stations/publish/templates/release.html" in names
    assert "sealift/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "demo/"))]
