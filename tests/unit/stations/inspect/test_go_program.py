"""What a Go program says of itself, and what only looks like one."""

import io

import pytest

from sealift.core.limits import COPY_CHUNK_BYTES
from sealift.stations.inspect.go_program import GoModule, go_modules

MODULES = (
    "path\texample.org/ebb\nmod\texample.org/ebb\t(devel)\t\n"
    "dep\texample.org/one\tv1.2.3\th1:abc=\n"
    "dep\texample.org/old\tv1.0.0\th1:abc=\n=>\texample.org/new\tv1.1.0\th1:def=\n"
    "build\tCGO_ENABLED=0\n"
)


def information(release: str = "go1.19.8", modules: str = MODULES, *, flags: int = 2) -> bytes:
    """Write what the linker writes: header, then two strings behind their lengths."""
    data = b"\xff Go buildinf:" + bytes([8, flags]) + bytes(16)
    for text in (release.encode(), b"s" * 16 + modules.encode() + b"e" * 16):
        length = len(text)
        while length >= 0x80:
            data += bytes([length & 0x7F | 0x80])
            length >>= 7
        data += bytes([length]) + text
    return data


def told(data: bytes) -> tuple[GoModule, ...]:
    return go_modules(io.BytesIO(data))


FOUND = (
    GoModule(path="stdlib", version="1.19.8"),
    GoModule(path="example.org/one", version="v1.2.3"),
    GoModule(path="example.org/new", version="v1.1.0"),
)


@pytest.mark.parametrize(
    "before", [0, 16, COPY_CHUNK_BYTES - 16, COPY_CHUNK_BYTES, COPY_CHUNK_BYTES + 16]
)
def test_release_and_modules_are_found_wherever_they_lie(before: int) -> None:
    assert (
        told(b"\x7fELF".ljust(16, b"\0")[: min(before, 16)].ljust(before, b"x") + information())
        == FOUND
    )


def test_release_with_experiments_is_told_by_its_number() -> None:
    assert told(information("go1.22.1 X:boringcrypto", ""))[0].version == "1.22.1"


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF and no more",
        b"x" * 8 + information(),
        information()[:40],
        information()[:20],
        information(flags=0),
        information("devel"),
        information()[:32] + b"\xff" * 8,
    ],
)
def test_what_only_looks_like_a_go_program_says_nothing(data: bytes) -> None:
    assert told(data) == ()


def test_the_words_in_another_place_do_not_hide_the_real_ones() -> None:
    decoy = information(flags=0).ljust(1024, b"\0")
    assert told(decoy + information()) == FOUND
