"""Debian control data is read strictly, whatever the bytes."""

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.errors import IntegrityError
from sealift.core.limits import PACKAGE_METADATA_BYTES_MAX
from sealift.stations.publish.deb import parse_control, read_control
from sealift.testing.packages import ar_archive, control_paragraph, debian_package, tar_archive

CONTROL = control_paragraph(package="jq", version="1.8.2")


def read(data: bytes) -> bytes:
    return read_control(io.BytesIO(data), where="jq.deb")


@pytest.mark.parametrize("compression", ["gz", "xz", ""])
def test_control_data_is_read_byte_for_byte(compression: str) -> None:
    assert read(debian_package(CONTROL, compression=compression)) == CONTROL


def test_fields_keep_their_order_and_continuation_lines() -> None:
    fields = dict(parse_control(CONTROL, where="jq.deb"))
    assert list(fields)[:3] == ["Package", "Version", "Architecture"]
    assert fields["Description"].endswith("\n It does nothing, and it does it well.")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (CONTROL + b"Filename: pool/evil.deb\n", "only an index may"),
        (CONTROL + b"sha256: 00\n", "only an index may"),
        (CONTROL + b"Version: 9\n", "twice"),
        (CONTROL + b"\nPackage: second\n", "line"),
        (CONTROL.replace(b"Maintainer", b"Keeper"), "no `Maintainer`"),
        (CONTROL.replace(b"Package: jq", b"Package: ../jq"), "no package name"),
        (CONTROL.replace(b"jq", b"j\xffq"), "not UTF-8"),
        (b" leading\n" + CONTROL, "continuation"),
        (CONTROL + b"no colon here\n", "line"),
        (CONTROL + b"X-Bad: a\x00b\n", "line"),
        (b"", "line"),
    ],
)
def test_control_data_that_could_mislead_an_index_is_refused(change: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError, match=reason):
        read(debian_package(change))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no ar archive"),
        (b"PK\x03\x04", "no ar archive"),
        (ar_archive(("debian-binary", b"3.0\n")), "debian-binary"),
        (ar_archive(("control.tar", b"")), "debian-binary"),
        (ar_archive(("debian-binary", b"2.0\n")), "control.tar"),
        (ar_archive(("debian-binary", b"2.0\n"), ("control.tar.zst", b"")), "control.tar.zst"),
        (ar_archive(("debian-binary", b"2.0\n"), ("control.tar.gz", b"junk")), "header"),
        (ar_archive(("debian-binary", b"2.0\n"), ("control.tar", tar_archive())), "no single"),
        (debian_package(CONTROL)[:100], "truncated|damaged"),
        (debian_package(CONTROL)[:-1].replace(b"`\n", b"``", 1), "damaged"),
    ],
)
def test_what_is_no_debian_package_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError, match=reason) as raised:
        read(data)
    assert "jq.deb" in raised.value.fact


def test_two_control_files_are_refused() -> None:
    double = tar_archive(("./control", CONTROL), ("control", CONTROL))
    with pytest.raises(IntegrityError, match="no single"):
        read(ar_archive(("debian-binary", b"2.0\n"), ("control.tar", double)))


def test_a_bomb_of_control_data_is_refused() -> None:
    bomb = b"X: " + b"a" * (PACKAGE_METADATA_BYTES_MAX + 1)
    with pytest.raises(IntegrityError, match="too large"):
        read(debian_package(CONTROL + bomb))


@given(st.binary(max_size=400))
def test_no_bytes_after_the_magic_raise_anything_else(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read(b"!<arch>\n" + data)


@given(st.integers(0, len(debian_package(CONTROL)) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_control_data_or_an_integrity_error(place: int, value: int) -> None:
    data = bytearray(debian_package(CONTROL))
    data[place] = value
    with contextlib.suppress(IntegrityError):
        assert parse_control(read(bytes(data)), where="jq.deb")


@given(st.binary(max_size=300))
def test_control_parser_raises_nothing_else(data: bytes) -> None:
    try:
        fields = parse_control(data, where="x")
    except IntegrityError:
        return
    assert fields
