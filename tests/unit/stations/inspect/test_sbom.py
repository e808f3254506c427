import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sealift.base.edge.files import DurableFiles
from sealift.base.specs.cyclonedx import Component, encode_bill
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.base.store.port import BlobStore
from sealift.core.errors import IntegrityError
from sealift.core.release import BuildReport, PackageReport
from sealift.core.tree import Tree
from sealift.stations.inspect.drivers.dpkg import DpkgPackages
from sealift.stations.inspect.drivers.sbom import RecordedSbom
from sealift.stations.inspect.port import Release, SystemPackage
from sealift.testing.packages import tar_archive
from sealift.testing.releases import (
    SampleRelease,
    SampleWheel,
    elf_bytes,
    program_release,
    put_tree,
    python_release,
)


class FewPackages:
    """A distribution with three packages."""

    distribution = "debian"
    _owners: Mapping[str, str] = {"libc.so.6": "libc6", "libm.so.6": "libc6"}
    _versions: Mapping[str, str] = {"libc6": "2.36-9"}

    def package(self, name: str) -> SystemPackage:
        return SystemPackage(name=name, version=self._versions.get(name, ""))

    def library_owner(self, soname: str) -> SystemPackage | None:
        return self.package(self._owners[soname]) if soname in self._owners else None


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return LocalBlobStore(tmp_path / "store", DurableFiles())


def composed(store: BlobStore, sample: SampleRelease, kind: str) -> dict[str, Component]:
    """Compose the bill of the artifact of that kind, validate it, and key it by name."""
    artifact = next(one for one in sample.package.artifacts if one.kind == kind)
    bill = RecordedSbom(store=store, system=FewPackages()).compose(as_release(sample), artifact)
    document = encode_bill(bill)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document.decode()) is None
    assert encode_bill(bill) == document
    parsed = json.loads(document)
    assert parsed["metadata"]["component"]["hashes"][0]["content"] == artifact.file.digest.hex
    return {one.name: one for one in bill.components}


def as_release(sample: SampleRelease) -> Release:
    return Release(
        plan=sample.plan,
        opening=sample.opening,
        source=sample.source,
        build=sample.build,
        package=sample.package,
    )


def test_a_program_that_links_nothing_is_still_made_of_its_source(store: BlobStore) -> None:
    sample = python_release(store)
    found = composed(store, sample, "wheel")["kite source"]
    assert dict(found.properties)["sealift:commit"] == sample.plan.source.commit
    assert dict(found.properties)["sealift:tree"] == str(sample.source.tree)


def test_a_wheel_lists_its_build_tools_as_excluded_and_its_requirements_as_required(
    store: BlobStore,
) -> None:
    found = composed(store, python_release(store), "wheel")
    assert {name: one.scope for name, one in found.items()} == {
        "kite source": "required",
        "flit-core": "excluded",
        "build": "excluded",
        "packaging": "excluded",
        "pyproject-hooks": "excluded",
        "jinja2": "required",
        "markupsafe": "required",
        "tabulate": "required",
        "colorama": "optional",
    }


def test_a_requirement_takes_the_version_that_the_release_was_tested_with(store: BlobStore) -> None:
    found = composed(store, python_release(store), "wheel")
    assert found["jinja2"].version == "3.1.4"
    assert found["jinja2"].sha256 is not None
    assert ("sealift:requirement", ">=3.0") in found["jinja2"].properties
    assert found["jinja2"].depends_on == (found["markupsafe"].reference,)


def test_a_requirement_that_nothing_pinned_has_no_invented_version(store: BlobStore) -> None:
    found = composed(store, python_release(store), "wheel")
    assert found["tabulate"].version == ""
    assert str(found["tabulate"].purl) == "pkg:pypi/tabulate"


def test_the_source_distribution_says_the_same_as_the_wheel(store: BlobStore) -> None:
    sample = python_release(store)
    assert composed(store, sample, "sdist") == composed(store, sample, "wheel")


def test_build_tools_are_linked_by_their_own_requirements(store: BlobStore) -> None:
    found = composed(store, python_release(store), "wheel")
    assert found["build"].depends_on == (
        found["packaging"].reference,
        found["pyproject-hooks"].reference,
    )


def test_a_circle_of_requirements_comes_to_an_end(store: BlobStore) -> None:
    circle = (
        SampleWheel(name="jinja2", version="3.1.4", requires=("markupsafe",)),
        SampleWheel(name="markupsafe", version="2.1.5", requires=("jinja2",)),
    )
    found = composed(store, python_release(store, tools=circle), "wheel")
    assert found["jinja2"].depends_on == (found["markupsafe"].reference,)
    assert found["markupsafe"].depends_on == (found["jinja2"].reference,)


def test_what_an_optional_requirement_needs_is_optional_too(store: BlobStore) -> None:
    sample = python_release(store, requirements=('jinja2; extra == "templates"',))
    found = composed(store, sample, "wheel")
    assert {found["jinja2"].scope, found["markupsafe"].scope} == {"optional"}


def test_a_build_tool_that_is_needed_at_run_time_becomes_required(store: BlobStore) -> None:
    found = composed(store, python_release(store, requirements=("packaging",)), "wheel")
    assert found["packaging"].scope == "required"


def test_a_requirement_nobody_can_read_is_shown_rather_than_lost(store: BlobStore) -> None:
    tools = (SampleWheel(name="jinja2", version="3.1.4", requires=("what is this?",)),)
    found = composed(store, python_release(store, tools=tools), "wheel")
    assert ("sealift:unreadable-requirement", "what is this?") in found["jinja2"].properties


def test_a_deb_lists_its_depends_with_the_versions_of_the_toolchain(store: BlobStore) -> None:
    sample = program_release(store, depends="libc6 (>= 2.34), mawk | awk, zlib1g:any")
    found = composed(store, sample, "deb")
    assert str(found["libc6"].purl) == "pkg:deb/debian/libc6@2.36-9?arch=amd64"
    assert ("sealift:requirement", ">= 2.34") in found["libc6"].properties
    assert ("sealift:alternatives", "2") in found["mawk"].properties
    assert found["zlib1g"].version == ""


def test_a_deb_with_a_depends_of_another_form_is_refused(store: BlobStore) -> None:
    with pytest.raises(IntegrityError, match="Depends"):
        composed(store, program_release(store, depends="lib c6"), "deb")


def test_a_tar_lists_the_packages_whose_libraries_its_programs_load(store: BlobStore) -> None:
    found = composed(store, program_release(store), "tar")
    libraries = {value for name, value in found["libc6"].properties if name == "sealift:library"}
    assert libraries == {"libc.so.6", "libm.so.6"}
    assert "liblamp.so.1" not in found


def test_a_library_that_nobody_owns_is_listed_without_a_version(store: BlobStore) -> None:
    sample = program_release(store)
    tree = put_tree(store, {"usr/bin/lamp": elf_bytes(("libstray.so.9",))})
    compiled, *others = sample.build.records
    record = replace(compiled, result=replace(compiled.result, tree=tree.digest))
    sample = replace(sample, build=BuildReport(records=(record, *others)))
    assert composed(store, sample, "tar")["libstray.so.9"].version == ""


@pytest.mark.parametrize("kind", ["tar", "deb"])
def test_a_go_program_lists_its_modules_and_the_standard_library(
    store: BlobStore, kind: str
) -> None:
    strings = (b"go1.19.8", b"s" * 16 + b"dep\texample.org/one\tv1.2.3\th1:x=\n" + b"e" * 16)
    linked = b"\xff Go buildinf:\x08\x02".ljust(32, b"\0")
    linked += b"".join(bytes([len(text)]) + text for text in strings)
    program = elf_bytes(()).ljust(4096, b"\0") + linked
    sample = program_release(store)
    plain = put_tree(store, {"usr/bin/ebb": program})
    tree = Tree.of(replace(entry, executable=True) for entry in plain.entries)
    store.put(tree.canonical())
    compiled, *others = sample.build.records
    record = replace(compiled, result=replace(compiled.result, tree=tree.digest))
    found = composed(store, replace(sample, build=BuildReport(records=(record, *others))), kind)
    assert str(found["stdlib"].purl) == "pkg:golang/stdlib@1.19.8"
    assert str(found["example.org/one"].purl) == "pkg:golang/example.org/one@v1.2.3"


def npm_release(store: BlobStore, document: bytes) -> SampleRelease:
    """Turn the sample's wheel into an npm package."""
    sample = python_release(store)
    wheel, sdist = sample.package.artifacts
    tarball = tar_archive(("package/package.json", document))
    npm = replace(wheel, name="kite-1.2.0.tgz", kind="npm", file=store.put(tarball))
    return replace(sample, package=PackageReport(artifacts=(npm, sdist), records=()))


def test_an_npm_package_lists_node_and_the_ranges_that_it_asks_for(store: BlobStore) -> None:
    described = b'{"engines": {"node": ">=18"}, "dependencies": {"@tide/one": "^1.0.0"}}'
    found = composed(store, npm_release(store, described), "npm")
    assert ("sealift:requirement", ">=18") in found["node"].properties
    assert str(found["@tide/one"].purl) == "pkg:npm/%40tide/one"
    assert found["@tide/one"].version == ""
    with pytest.raises(IntegrityError, match="JSON object"):
        composed(store, npm_release(store, b"[]"), "npm")


def test_a_file_that_only_starts_like_a_program_is_refused(store: BlobStore) -> None:
    sample = program_release(store)
    tree = put_tree(store, {"usr/bin/lamp": elf_bytes(("libc.so.6",))[:100]})
    compiled, *others = sample.build.records
    record = replace(compiled, result=replace(compiled.result, tree=tree.digest))
    sample = replace(sample, build=BuildReport(records=(record, *others)))
    with pytest.raises(IntegrityError, match="usr/bin/lamp"):
        composed(store, sample, "tar")


def test_vendored_sources_are_components_and_those_of_tests_are_not(store: BlobStore) -> None:
    found = composed(store, program_release(store), "tar")
    assert (found["oil"].version, found["oil"].licence) == ("6.9.10", "MIT")
    assert found["oil"].scope == "required"
    assert "fixture" not in found
    assert "lamp" not in found


def test_the_upstream_archive_is_a_component_with_its_digest(store: BlobStore) -> None:
    sample = program_release(store)
    found = composed(store, sample, "deb")
    assert sample.plan.upstream is not None
    assert found["lamp-2.0.tar.gz"].sha256 == sample.plan.upstream.digest


def test_a_wheel_that_is_no_zip_is_refused(store: BlobStore) -> None:
    sample = python_release(store)
    wheel, sdist = sample.package.artifacts
    broken = replace(wheel, file=store.put(b"PK\x03\x04 nothing"))
    sample = replace(sample, package=PackageReport(artifacts=(broken, sdist), records=()))
    with pytest.raises(IntegrityError, match=r"kite-1\.2\.0-py3-none-any\.whl"):
        composed(store, sample, "wheel")


def test_two_stores_give_the_same_bytes(tmp_path: Path) -> None:
    documents = []
    for name in ("one", "two"):
        store = LocalBlobStore(tmp_path / name, DurableFiles())
        sample = python_release(store)
        maker = RecordedSbom(store=store, system=FewPackages())
        bill = maker.compose(as_release(sample), sample.package.artifacts[0])
        documents.append(encode_bill(bill))
    assert documents[0] == documents[1]


def test_dpkg_tells_versions_and_owners_of_libraries(tmp_path: Path) -> None:
    info = tmp_path / "info"
    info.mkdir()
    (info / "libc6:amd64.shlibs").write_text("libc 6 libc6 (>= 2.36)\nudeb: libc 6 libc6-udeb\n")
    (info / "libdb5.3.shlibs").write_text("libdb 5.3 libdb5.3\n")
    (tmp_path / "status").write_text(
        "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nDescription: x\n more\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
    )
    (tmp_path / "os-release").write_text('NAME="X"\nID=debian\n')
    packages = DpkgPackages(admin_folder=tmp_path, os_release=tmp_path / "os-release")
    assert packages.distribution == "debian"
    assert packages.library_owner("libc.so.6") == SystemPackage(name="libc6", version="2.36-9")
    assert packages.library_owner("libdb-5.3.so") == SystemPackage(name="libdb5.3", version="")
    assert packages.package("gone").version == ""
    assert packages.library_owner("libnone.so.1") is None


def test_a_machine_without_dpkg_knows_nothing_and_says_so(tmp_path: Path) -> None:
    packages = DpkgPackages(admin_folder=tmp_path, os_release=tmp_path / "none")
    assert packages.distribution == ""
    assert packages.package("libc6") == SystemPackage(name="libc6", version="")
