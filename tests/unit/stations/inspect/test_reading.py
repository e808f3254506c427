"""The small readers of the station: archives, metadata, ELF, vendored sources."""

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.errors import IntegrityError
from sealift.stations.inspect.archives import (
    control_fields,
    debian_control,
    sdist_metadata,
    wheel_metadata,
)
from sealift.stations.inspect.components import debian_dependencies
from sealift.stations.inspect.elf import needed_libraries
from sealift.stations.inspect.python_metadata import parse_metadata
from sealift.stations.inspect.vendored import describe, guess_licence, vendored_folders
from sealift.testing.releases import (
    SampleWheel,
    deb_bytes,
    elf_bytes,
    sdist_bytes,
    tar_bytes,
    wheel_bytes,
)

KITE = SampleWheel(name="kite", version="1.2.0", requires=("jinja2>=3",))


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:"])
def test_the_control_file_of_a_deb_is_read_however_it_is_packed(mode: str) -> None:
    packed = io.BytesIO(deb_bytes("lamp", "2.0", "libc6", mode=mode))
    fields = control_fields(debian_control(packed, where="lamp.deb"), where="lamp.deb")
    assert (fields["package"], fields["depends"]) == ("lamp", "libc6")


def test_a_cut_deb_is_refused_at_every_length_before_its_control_ends() -> None:
    whole = deb_bytes("lamp", "2.0", "libc6")
    for length in range(0, len(whole) - 11_000, 7):
        with pytest.raises(IntegrityError, match=r"lamp\.deb"):
            debian_control(io.BytesIO(whole[:length]), where="lamp.deb")


def test_a_control_file_that_names_a_field_twice_is_refused() -> None:
    with pytest.raises(IntegrityError):
        control_fields(b"Package: a\npackage: b\n", where="x")
    assert control_fields(b"Depends: a,\n b\n", where="x")["depends"] == "a,\nb"


def test_a_wheel_with_two_metadata_files_is_refused() -> None:
    data = wheel_bytes(KITE)
    assert b"kite" in wheel_metadata(io.BytesIO(data), where="w")
    with pytest.raises(IntegrityError, match="0 files"):
        wheel_metadata(io.BytesIO(b"PK\x05\x06" + bytes(18)), where="w")


def test_only_the_top_pkg_info_of_a_source_distribution_counts() -> None:
    inner = {"kite-1/kite.egg-info/PKG-INFO": b"Name: other"}
    assert b"kite" in sdist_metadata(io.BytesIO(sdist_bytes("kite", "1", ())), where="s")
    with pytest.raises(IntegrityError, match="0 files"):
        sdist_metadata(io.BytesIO(tar_bytes(inner)), where="s")
    double = {"a/PKG-INFO": b"", "b/PKG-INFO": b""}
    with pytest.raises(IntegrityError, match="2 files"):
        sdist_metadata(io.BytesIO(tar_bytes(double)), where="s")


@given(st.binary(max_size=300))
def test_no_archive_reader_fails_without_words(data: bytes) -> None:
    for prefix in (b"", b"!<arch>\n", b"PK\x03\x04", b"\x1f\x8b\x08"):
        for read in (wheel_metadata, sdist_metadata, debian_control):
            with pytest.raises(IntegrityError):
                read(io.BytesIO(prefix + data), where="x")


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_flipped_byte_in_a_program_is_read_or_refused_in_words(at: int, value: int) -> None:
    data = bytearray(elf_bytes(("libc.so.6",)))
    data[at % len(data)] = value
    with suppress(IntegrityError):
        assert len(needed_libraries(io.BytesIO(bytes(data)), where="x")) <= 2


def test_libraries_are_read_in_the_order_of_the_file_and_a_static_file_has_none() -> None:
    names = ("libz.so.1", "libc.so.6")
    assert needed_libraries(io.BytesIO(elf_bytes(names)), where="x") == names
    assert needed_libraries(io.BytesIO(elf_bytes(())), where="x") == ()
    with pytest.raises(IntegrityError):
        needed_libraries(io.BytesIO(b"#!/bin/sh\n" * 20), where="x")


def test_metadata_keeps_names_in_their_normal_form() -> None:
    data = b"Metadata-Version: 2.1\nName: Kite_Line\nVersion: 1\nRequires-Dist: Zope.Event (>=4)\n"
    metadata = parse_metadata(data, where="x")
    assert (metadata.name, metadata.requirements[0].name) == ("kite-line", "zope-event")
    with pytest.raises(IntegrityError):
        parse_metadata(b"Name: kite\n", where="x")


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        ("License-Expression: MIT\nLicense: other", "MIT"),
        ("License: BSD", "BSD"),
        ("License: " + "long " * 40, ""),
        ("Classifier: License :: OSI Approved :: MIT License", "MIT License"),
        ("", ""),
    ],
)
def test_the_licence_is_the_shortest_honest_statement(lines: str, licence: str) -> None:
    data = f"Metadata-Version: 2.4\nName: a\nVersion: 1\n{lines}\n"
    assert parse_metadata(data.encode(), where="x").licence == licence


def test_depends_is_read_clause_by_clause() -> None:
    first, second = debian_dependencies("libc6 (>= 2.34),\n libgcc-s1:any | libgcc1")
    assert (first.name, first.range, first.alternatives) == ("libc6", ">= 2.34", 1)
    assert (second.name, second.range, second.alternatives) == ("libgcc-s1", "", 2)
    assert debian_dependencies("") == ()


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("AC_INIT(onig, 6.9.10)\n", "onig", "6.9.10"),
        ("dnl x\nAC_INIT([GNU lib], [1.0], [bugs@example.org])\n", "GNU lib", "1.0"),
        ("AC_INIT([jq],[jq_version],[x])\n", "jq", ""),
        ("dnl AC_INIT(no, 1)\n", "folder", ""),
        ("nothing", "folder", ""),
    ],
)
def test_only_a_literal_version_is_taken_from_a_build_description(
    text: str, name: str, version: str
) -> None:
    path = "vendor/folder/configure.ac"
    project = describe("vendor/folder", path, {path: text})
    assert (project.name, project.version) == (name, version)


def test_the_projects_own_description_is_not_vendored() -> None:
    paths = ["configure.ac", "lib/x/configure.in", "lib/x/configure.ac", "lib/x/COPYING"]
    assert vendored_folders(paths) == (("lib/x", "lib/x/configure.ac", "lib/x/COPYING"),)
    assert vendored_folders(["tests/x/configure.ac", "a/Tests/y/configure.ac"]) == ()


def test_licence_texts_are_told_apart_or_not_guessed() -> None:
    bsd = "Redistribution and use in source and binary forms ... binary form must reproduce"
    assert guess_licence(bsd) == "BSD-2-Clause"
    assert guess_licence(bsd + " endorse or promote products") == "BSD-3-Clause"
    assert guess_licence("All rights reserved.") == ""
