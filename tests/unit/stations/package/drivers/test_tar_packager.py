import dataclasses
import io
import tarfile

import pytest

from sealift.base.store.trees import load_tree
from sealift.core.errors import ConfigError
from sealift.core.limits import MIB
from sealift.core.platform import ANY, Platform
from sealift.core.release import PackagePlan
from sealift.stations.package.drivers.tar import TarPackager
from sealift.stations.package.model import Make, PackageRequest
from sealift.testing.workbench import EPOCH_S, Workbench, project_facts

FILES = {
    "usr/bin/lamp": b"#!/bin/sh\necho light\n",
    "usr/share/lamp/it's odd, really": b"x",
    "usr/share/lamp/second": b"y",
}


def request(
    bench: Workbench, *, platform: Platform = ANY, globs: tuple[str, ...] = ()
) -> PackageRequest:
    return PackageRequest(
        project=project_facts(),
        package=PackagePlan(name="tar", kind="tar", stage="compile", output="", platform=platform),
        tree=bench.tree(FILES),
        globs=globs,
        tools=(),
        toolchain=bench.toolchain.facts(),
        epoch_s=EPOCH_S,
        snapshot=False,
    )


def members(bench: Workbench, draft: Make) -> dict[str, tarfile.TarInfo]:
    record = bench.perform(draft.action, reproduce=True)
    assert record.reproduction is not None
    assert record.reproduction.outcome == "identical", record.reproduction.first_difference
    (entry,) = load_tree(bench.store, record.result.tree).entries
    assert entry.path == draft.path
    assert entry.digest is not None
    data = bench.store.read(entry.digest, size_bytes_max=MIB)
    assert data[3:8] == bytes(5), "gzip must write neither name nor time"
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: member for member in archive}


def test_archive_has_one_top_folder_and_fixed_owners_times_and_modes(bench: Workbench) -> None:
    draft = TarPackager().draft(request(bench, platform=Platform("linux/amd64")))
    assert draft.path == "lamp-1.2.0-linux-amd64.tar.gz"
    here = dataclasses.replace(draft.action, platform=bench.platform)
    found = members(bench, dataclasses.replace(draft, action=here))
    assert list(found) == [
        "lamp-1.2.0",
        "lamp-1.2.0/usr",
        "lamp-1.2.0/usr/bin",
        "lamp-1.2.0/usr/bin/lamp",
        "lamp-1.2.0/usr/share",
        "lamp-1.2.0/usr/share/lamp",
        "lamp-1.2.0/usr/share/lamp/it's odd, really",
        "lamp-1.2.0/usr/share/lamp/second",
    ]
    for member in found.values():
        assert (member.uid, member.gid, member.mtime) == (0, 0, EPOCH_S)
        executable = member.isdir() or member.name.endswith("bin/lamp")
        assert member.mode == (0o755 if executable else 0o644)


def test_archive_for_every_platform_has_no_platform_in_its_name(bench: Workbench) -> None:
    assert TarPackager().draft(request(bench)).path == "lamp-1.2.0.tar.gz"


def test_narrowed_archive_holds_only_that_output_yet_takes_the_whole_tree_in(
    bench: Workbench,
) -> None:
    narrowed = request(bench, globs=("usr/share/lamp/*",))
    draft = TarPackager().draft(narrowed)
    assert draft.action.inputs[0].tree == narrowed.tree.digest
    assert list(members(bench, draft)) == [
        "lamp-1.2.0/usr/share/lamp/it's odd, really",
        "lamp-1.2.0/usr/share/lamp/second",
    ]


def test_name_that_could_reach_the_shell_is_refused(bench: Workbench) -> None:
    hostile = dataclasses.replace(
        request(bench), project=project_facts(name="lamp;rm -rf /", version="1.2.0")
    )
    with pytest.raises(ConfigError, match="cannot be part of a file name"):
        TarPackager().draft(hostile)


def test_narrowed_list_that_is_too_long_for_a_command_is_refused(bench: Workbench) -> None:
    many = bench.tree({f"share/{number:05}-{'x' * 60}": b"" for number in range(1500)} | FILES)
    long = dataclasses.replace(request(bench, globs=("share/*",)), tree=many)
    with pytest.raises(ConfigError, match="a list of paths below"):
        TarPackager().draft(long)
    assert TarPackager().draft(dataclasses.replace(long, globs=("share/000*",)))
