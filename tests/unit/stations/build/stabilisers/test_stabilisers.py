import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.stations.build.stabilisers import STABILISERS
from sealift.stations.build.stabilisers.nesting import ALL, needed, stabilise

NAMES = st.text("abc/", min_size=1, max_size=6).map(lambda text: f"x{text}".rstrip("/"))
FILES = st.dictionaries(NAMES, st.binary(max_size=40), max_size=5)
CODE = b"\xa7\r\r\n" + bytes(4) + b"%b" + struct.pack("<I", 40) + b"\xe3code"


def zip_of(
    files: Sequence[tuple[str, bytes]],
    *,
    year: int = 2001,
    mode: int = 0o644,
    method: int = zipfile.ZIP_DEFLATED,
    extra: bytes = b"",
    comment: bytes = b"",
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name, (year, 2, 3, 4, 5, 6))
            info.external_attr = (stat.S_IFREG | mode) << 16
            info.extra = extra
            info.compress_type = method
            archive.writestr(info, data)
        archive.comment = comment
    return out.getvalue()


def tar_of(
    files: Sequence[tuple[str, bytes]],
    *,
    mtime: int = 5,
    owner: int = 7,
    mode: int = 0o644,
    layout: int = tarfile.GNU_FORMAT,
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), mtime, mode
            info.uid = info.gid = owner
            info.uname = f"user{owner}"
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def ar_of(files: Sequence[tuple[str, bytes]], *, mtime: int = 5) -> bytes:
    parts = [b"!<arch>\n"]
    for name, data in files:
        parts.append(f"{name:<16}{mtime:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def gzip_of(data: bytes, *, mtime: int = 0, name: str = "") -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=out, mtime=mtime) as stream:
        stream.write(data)
    return out.getvalue()


def deb_of(files: Sequence[tuple[str, bytes]], *, mtime: int) -> bytes:
    return ar_of(
        [
            ("debian-binary", b"2.0\n"),
            ("control.tar.gz", gzip_of(tar_of([("./control", b"Package: a\n")], mtime=mtime))),
            ("data.tar.xz", lzma.compress(tar_of(files, mtime=mtime))),
        ],
        mtime=mtime,
    )


AB = (("a", b"one" * 50), ("b", b"two"))
BA = tuple(reversed(AB))
CHANGED = (("a", b"one" * 50), ("b", b"2wo"))


@pytest.mark.parametrize(
    ("name", "first", "second", "by"),
    [
        ("a.zip", zip_of(AB), zip_of(BA), ["zip-metadata@1"]),
        ("a.whl", zip_of(AB), zip_of(AB, year=2020), ["zip-metadata@1"]),
        ("a.jar", zip_of(AB), zip_of(AB, mode=0o600), ["zip-metadata@1"]),
        ("a.zip", zip_of(AB), zip_of(AB, extra=b"UT\x05\x00\x01abcd"), ["zip-metadata@1"]),
        ("a.zip", zip_of(AB), zip_of(AB, method=zipfile.ZIP_STORED), ["compression@1"]),
        ("a.tar", tar_of(AB), tar_of(BA), ["tar-metadata@1"]),
        ("a.tar", tar_of(AB), tar_of(AB, mtime=9), ["tar-metadata@1"]),
        ("a.tar", tar_of(AB), tar_of(AB, owner=9), ["tar-metadata@1"]),
        ("a.tar", tar_of(AB), tar_of(AB, layout=tarfile.PAX_FORMAT), ["tar-metadata@1"]),
        ("a.gz", gzip_of(b"x"), gzip_of(b"x", mtime=9), ["gzip-header@1"]),
        ("a.gz", gzip_of(b"x"), gzip_of(b"x", name="y"), ["gzip-header@1"]),
        ("a.gz", gzip.compress(b"x" * 999, 9, mtime=0), gzip.compress(b"x" * 999, 1, mtime=0),
         ["compression@1"]),
        ("a.a", ar_of(AB), ar_of(AB, mtime=9), ["ar-metadata@1"]),
        ("a.pyc", CODE % b"1234", CODE % b"5678", ["pyc-header@1"]),
        ("a-1.dist-info/RECORD", b"a,,\nb,,\n", b"b,,\na,,\n", ["wheel-record@1"]),
        ("a.tar.gz", gzip_of(tar_of(AB)), gzip_of(tar_of(BA)), ["tar-metadata@1"]),
        ("a.tar.xz", lzma.compress(tar_of(AB)), lzma.compress(tar_of(BA)), ["tar-metadata@1"]),
        ("a.tar.bz2", bz2.compress(tar_of(AB)), bz2.compress(tar_of(BA)), ["tar-metadata@1"]),
        ("a.whl", zip_of([("a.pyc", CODE % b"1234")]), zip_of([("a.pyc", CODE % b"5678")]),
         ["pyc-header@1"]),
        ("a.deb", deb_of(AB, mtime=1), deb_of(AB, mtime=2), ["ar-metadata@1", "tar-metadata@1"]),
        ("a.zip", zip_of([("in.zip", zip_of(AB))]), zip_of([("in.zip", zip_of(BA))]),
         ["zip-metadata@1"]),
    ],
)  # fmt: skip
def test_files_that_differ_in_metadata_alone_need_just_the_named_stabilisers(
    name: str, first: bytes, second: bytes, by: list[str]
) -> None:
    assert first != second
    assert needed(name, first, second) == tuple(by)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("a.zip", zip_of(AB), zip_of(CHANGED)),
        ("a.zip", zip_of(AB), zip_of((*AB, ("c", b"")))),
        ("a.zip", zip_of(AB), zip_of(AB, mode=0o755)),
        ("a.zip", zip_of(AB), zip_of(AB, comment=b"signed")),
        ("a.zip", zip_of(AB), zip_of(AB, extra=b"up\x01\x00x")),
        ("a.zip", zip_of(AB), b"#!/bin/sh\n" + zip_of(AB)),
        ("a.zip", zip_of(AB), zip_of(AB) + b"behind"),
        ("a.tar", tar_of(AB), tar_of(CHANGED)),
        ("a.tar", tar_of(AB), tar_of(AB, mode=0o755)),
        ("a.tar", tar_of(AB), tar_of(AB) + b"behind".ljust(512, b"\0")),
        ("a.tar", tar_of(AB), tar_of([*AB, ("a", b"last counts")])),
        ("a.tar", tar_of([("a", b"1"), ("a", b"2")]), tar_of([("a", b"2"), ("a", b"1")])),
        ("a.gz", gzip_of(b"x"), gzip_of(b"y")),
        ("a.gz", gzip_of(b"x"), gzip_of(b"x") + b"behind"),
        ("a.a", ar_of(AB), ar_of(BA)),
        ("a.a", ar_of(AB), ar_of(CHANGED)),
        ("a.pyc", CODE % b"1234", (CODE % b"5678") + b"!"),
        ("a.pyc", b"\xa7\r\r\n\1\0\0\0hash5678\xe3", b"\xa7\r\r\n\1\0\0\0hash1234\xe3"),
        ("RECORD", b"a,,\nb,,\n", b"b,,\na,,\n"),
        ("a-1.dist-info/RECORD", b"a,,\nb,,\n", b"b,,\nc,,\n"),
        ("a.tar.gz", gzip_of(tar_of(AB)), gzip_of(tar_of(CHANGED))),
        ("a.deb", deb_of(AB, mtime=1), deb_of(CHANGED, mtime=2)),
        ("a.tar.gz", gzip_of(tar_of(AB)), tar_of(AB)),
        ("a.txt", b"x", b"y"),
    ],
)  # fmt: skip
def test_change_of_contents_survives_every_stabiliser(
    name: str, first: bytes, second: bytes
) -> None:
    assert needed(name, first, second) is None


def test_equal_files_need_no_stabiliser() -> None:
    assert needed("a.zip", zip_of(AB), zip_of(AB)) == ()


def test_stabilised_archives_can_still_be_read_and_hold_the_same_contents() -> None:
    with zipfile.ZipFile(io.BytesIO(stabilise("a.zip", zip_of(BA)))) as archive:
        assert [(name, archive.read(name)) for name in archive.namelist()] == list(AB)
    with tarfile.open(fileobj=io.BytesIO(stabilise("a.tar.gz", gzip_of(tar_of(BA))))) as tar:
        assert tar.getnames() == ["a", "b"]


def test_names_carry_a_version_and_are_unique() -> None:
    assert len(ALL) == len(STABILISERS)
    assert all(name.partition("@")[2].isdigit() for name in ALL)


@given(FILES, st.integers(1980, 2100), st.integers(0, 1), st.integers(0, 2**31))
def test_stabilising_twice_is_stabilising_once(
    files: dict[str, bytes],
    year: int,
    turned: int,
    mtime: int,
) -> None:
    listed = sorted(files.items(), reverse=bool(turned))
    for name, data in (
        ("a.zip", zip_of(listed, year=year)),
        ("a.tar", tar_of(listed, mtime=mtime)),
        ("a.tar.gz", gzip_of(tar_of(listed), mtime=mtime % 2**31)),
        ("a.a", ar_of(listed, mtime=mtime)),
        ("a.deb", deb_of(listed, mtime=mtime)),
    ):
        once = stabilise(name, data)
        assert stabilise(name, once) == once


@given(FILES, FILES)
def test_archives_are_equivalent_exactly_when_they_hold_the_same_files(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    first, second = list(one.items()), sorted(other.items())
    same = one == other
    assert (needed("a.zip", zip_of(first), zip_of(second, year=1999)) is not None) == same
    assert (needed("a.tar", tar_of(first), tar_of(second, mtime=1)) is not None) == same


@given(st.binary(max_size=200), st.sampled_from(["a.zip", "a.tar", "a.gz", "a.a", "a.pyc"]))
def test_damaged_files_are_left_as_they_are(noise: bytes, name: str) -> None:
    for start in (b"PK\x03\x04", b"!<arch>\n", b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"BZh9"):
        damaged = start + noise
        assert stabilise(name, stabilise(name, damaged)) == stabilise(name, damaged)


SOUND = (
    ("a.zip", zip_of(AB)),
    ("a.tar", tar_of([("x" * 150, b"1"), ("é", b"2")], layout=tarfile.PAX_FORMAT)),
    ("a.tar", tar_of([("x" * 150, b"1")], layout=tarfile.GNU_FORMAT)),
    ("a.tar.gz", gzip_of(tar_of(AB))),
    ("a.deb", deb_of(AB, mtime=3)),
)


@given(st.sampled_from(SOUND), st.integers(0, 3000), st.integers(0, 255))
def test_any_flipped_byte_leaves_a_fixed_point_and_raises_nothing(
    sound: tuple[str, bytes], position: int, value: int
) -> None:
    name, whole = sound
    at = position % len(whole)
    damaged = whole[:at] + bytes([value]) + whole[at + 1 :]
    once = stabilise(name, damaged)
    assert stabilise(name, once) == once


def test_tar_with_a_keyword_that_is_no_text_is_left_as_it_is() -> None:
    whole = tar_of([("é" * 60, b"1")], layout=tarfile.PAX_FORMAT)
    assert b" path=" in whole
    damaged = whole.replace(b" path=", b" pat\xca=", 1)
    assert stabilise("a.tar", damaged) == damaged


@pytest.mark.parametrize("cut", [1, 10, 30])
@pytest.mark.parametrize("whole", [zip_of(AB), tar_of(AB)[:2048], gzip_of(b"x" * 99), ar_of(AB)])
def test_cut_files_are_left_as_they_are(whole: bytes, cut: int) -> None:
    assert stabilise("a", whole[:-cut]) == whole[:-cut]
