import pytest

from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.platform import ANY
from sealift.core.release import PackagePlan, ToolchainFacts
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.package.drivers.npm import NpmPackager
from sealift.stations.package.model import Adopt, PackageRequest
from sealift.testing.workbench import project_facts

TARBALL = "lamp-shade-1.2.0.tgz"


def request(*paths: str, snapshot: bool = False) -> PackageRequest:
    return PackageRequest(
        project=project_facts(name="lamp-shade", version="1.2.0"),
        package=PackagePlan(name="npm", kind="npm", stage="pack", output="", platform=ANY),
        tree=Tree.of(TreeEntry(path=path, digest=Digest.of(b"")) for path in paths),
        globs=(),
        tools=(),
        toolchain=ToolchainFacts(
            name="host", kind="host", fingerprint=Digest("7" * 64), description=""
        ),
        epoch_s=1,
        snapshot=snapshot,
    )


def test_the_tarball_of_npm_pack_is_adopted() -> None:
    assert NpmPackager().draft(request(TARBALL, "notes.txt")) == Adopt(path=TARBALL)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ((), "made no file to be the npm package"),
        ((TARBALL, "old/" + TARBALL), "exactly one file"),
        (("lamp-1.2.0.tgz",), "is not of package `lamp-shade`"),
        (("lamp-shade-1.2.1.tgz",), "has version 1.2.1, the release is 1.2.0"),
    ],
)
def test_a_tarball_that_is_not_the_releases_is_refused(paths: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        NpmPackager().draft(request(*paths))
    assert caught.value.hint


def test_a_rehearsal_takes_any_version_but_no_other_package() -> None:
    rehearsed = request("lamp-shade-1.2.1.tgz", snapshot=True)
    assert NpmPackager().draft(rehearsed) == Adopt(path="lamp-shade-1.2.1.tgz")
    with pytest.raises(ConfigError, match="is not of package"):
        NpmPackager().draft(request("lamp-1.2.1.tgz", snapshot=True))
