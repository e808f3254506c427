"""Core metadata of wheels and sdists."""

import contextlib
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.errors import IntegrityError
from sealift.stations.publish.python_metadata import (
    has_requirements,
    read_sdist_metadata,
    read_wheel_metadata,
    requires_python,
)
from sealift.testing.packages import core_metadata, source_distribution, tar_archive, wheel

METADATA = core_metadata(name="rich", version="13.9.4")
WHEEL = wheel(name="rich", version="13.9.4", metadata=METADATA)
SDIST = source_distribution(name="rich", version="13.9.4", metadata=METADATA)


def test_wheel_metadata_is_read_byte_for_byte() -> None:
    assert read_wheel_metadata(io.BytesIO(WHEEL), where="w") == METADATA


def test_sdist_metadata_is_read_byte_for_byte() -> None:
    assert read_sdist_metadata(io.BytesIO(SDIST), where="s") == METADATA


@pytest.mark.parametrize("data", [b"", b"PK", WHEEL[:200], SDIST])
def test_what_is_no_wheel_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="`w`"):
        read_wheel_metadata(io.BytesIO(data), where="w")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x1f\x8b",
        WHEEL,
        SDIST[:40],
        gzip.compress(tar_archive(("PKG-INFO", b"x")), mtime=0),
        gzip.compress(tar_archive(("a/b/PKG-INFO", b"x")), mtime=0),
    ],
)
def test_what_is_no_sdist_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="`s`"):
        read_sdist_metadata(io.BytesIO(data), where="s")


def test_requirements_are_told() -> None:
    assert requires_python(METADATA) == ">=3.8"
    assert not has_requirements(METADATA)
    asking = core_metadata(name="a", version="1", extra="Requires-Dist: pygments\n")
    assert requires_python(asking) == ""
    assert has_requirements(asking)


@given(st.integers(0, len(WHEEL) - 1), st.integers(0, 255))
def test_a_changed_byte_of_a_wheel_gives_metadata_or_an_integrity_error(
    place: int, value: int
) -> None:
    data = bytearray(WHEEL)
    data[place] = value
    with contextlib.suppress(IntegrityError):
        read_wheel_metadata(io.BytesIO(bytes(data)), where="w")


@given(st.integers(0, len(SDIST) - 1), st.integers(0, 255))
def test_a_changed_byte_of_an_sdist_gives_metadata_or_an_integrity_error(
    place: int, value: int
) -> None:
    data = bytearray(SDIST)
    data[place] = value
    with contextlib.suppress(IntegrityError):
        read_sdist_metadata(io.BytesIO(bytes(data)), where="s")
