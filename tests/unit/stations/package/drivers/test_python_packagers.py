import pytest

from sealift.core.artifact import ArtifactKind
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.platform import ANY
from sealift.core.release import PackagePlan, ToolchainFacts
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.package.drivers.python import SdistPackager, WheelPackager
from sealift.stations.package.model import Adopt, PackageRequest
from sealift.testing.workbench import project_facts

WHEEL = "lamp_shade-1.2.0-py3-none-any.whl"
SDIST = "lamp_shade-1.2.0.tar.gz"


def request(
    *paths: str,
    kind: ArtifactKind = "wheel",
    globs: tuple[str, ...] = (),
    name: str = "Lamp.Shade",
    version: str = "1.2.0",
    snapshot: bool = False,
) -> PackageRequest:
    return PackageRequest(
        project=project_facts(name=name, version=version),
        package=PackagePlan(name=kind, kind=kind, stage="dist", output="", platform=ANY),
        tree=Tree.of(TreeEntry(path=path, digest=Digest.of(b"")) for path in paths),
        globs=globs,
        tools=(),
        toolchain=ToolchainFacts(
            name="host", kind="host", fingerprint=Digest("7" * 64), description=""
        ),
        epoch_s=1,
        snapshot=snapshot,
    )


def test_the_one_wheel_and_the_one_sdist_are_adopted() -> None:
    assert WheelPackager().draft(request(WHEEL, SDIST)) == Adopt(path=WHEEL)
    sdist = request(f"dist/{SDIST}", WHEEL, kind="sdist")
    assert SdistPackager().draft(sdist) == Adopt(path=f"dist/{SDIST}")


def test_output_glob_chooses_among_several() -> None:
    both = (WHEEL, f"old/{WHEEL}")
    assert WheelPackager().draft(request(*both, globs=("*.whl",))) == Adopt(path=WHEEL)
    with pytest.raises(ConfigError, match="exactly one"):
        WheelPackager().draft(request(*both))


def test_missing_wheel_says_what_was_expected() -> None:
    with pytest.raises(ConfigError, match="package `wheel`: stage `dist` made no file"):
        WheelPackager().draft(request(SDIST))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("other-1.2.0-py3-none-any.whl", "is of project `other`"),
        ("lamp_shade-1.2.1-py3-none-any.whl", "has version 1.2.1, the release is 1.2.0"),
        ("lamp_shade-1.2.0.whl", "is no wheel's name"),
    ],
)
def test_wheel_of_another_project_or_version_is_refused(path: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        WheelPackager().draft(request(path))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("other-1.2.0.tar.gz", "is of project `other`"),
        ("lamp-shade-2.0.tar.gz", "has version 2.0"),
        ("lampshade.tar.gz", "is no source distribution's name"),
    ],
)
def test_sdist_of_another_project_or_version_is_refused(path: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SdistPackager().draft(request(path, kind="sdist"))


def test_equal_versions_may_be_spelled_differently() -> None:
    release = request("lamp_shade-1.0rc1-py3-none-any.whl", version="1.0-rc.1")
    assert WheelPackager().draft(release)
    with pytest.raises(ConfigError, match="no Python version"):
        WheelPackager().draft(request(WHEEL, version="1.2.0~odd"))


def test_snapshot_keeps_the_version_that_the_backend_knows() -> None:
    version = "1.3.0+snapshot.5ea11f75"
    assert WheelPackager().draft(request(WHEEL, version=version, snapshot=True))
    with pytest.raises(ConfigError, match="is of project"):
        WheelPackager().draft(request(WHEEL, name="other", snapshot=True))


def test_a_wheel_with_machine_code_is_of_one_platform() -> None:
    compiled = "lamp_shade-1.2.0-cp311-cp311-linux_x86_64.whl"
    assert WheelPackager().draft(request(compiled)) == Adopt(path=compiled, native=True)
    assert WheelPackager().draft(request(WHEEL)) == Adopt(path=WHEEL, native=False)
