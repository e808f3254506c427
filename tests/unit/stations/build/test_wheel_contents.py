import io
import stat
import warnings
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealift.core.errors import IntegrityError
from sealift.core.limits import MIB
from sealift.core.tree import TreeEntry
from sealift.stations.build.wheel_contents import unpack_wheel
from sealift.testing.workbench import Workbench

PLAIN = {
    "lamp/__init__.py": b"light = 1\n",
    "lamp-1.0.dist-info/METADATA": b"Name: lamp\n",
}


def wheel_of(files: dict[str, bytes], *, modes: dict[str, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            member = zipfile.ZipInfo(path)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (modes or {}).get(path, stat.S_IFREG | 0o644) << 16
            archive.writestr(member, data)
    return buffer.getvalue()


def unpack(bench: Workbench, data: bytes) -> dict[str, TreeEntry]:
    entries = unpack_wheel(bench.store, io.BytesIO(data), name="lamp-1.0-py3-none-any.whl")
    return {entry.path: entry for entry in entries}


def test_wheel_becomes_its_files_each_in_the_store(bench: Workbench) -> None:
    entries = unpack(bench, wheel_of(PLAIN))
    assert list(entries) == sorted(PLAIN)
    digest = entries["lamp/__init__.py"].digest
    assert digest is not None
    assert bench.store.read(digest, size_bytes_max=MIB) == b"light = 1\n"


def test_importable_data_moves_in_and_scripts_stay_out(bench: Workbench) -> None:
    extra = {
        "lamp-1.0.data/purelib/pure.py": b"1",
        "lamp-1.0.data/platlib/plat.so": b"2",
        "lamp-1.0.data/scripts/lamp": b"#!python",
        "lamp-1.0.data/data/etc/lamp.conf": b"",
        "lamp-1.0.data/headers/lamp.h": b"",
    }
    assert set(unpack(bench, wheel_of(PLAIN | extra))) == {*PLAIN, "pure.py", "plat.so"}


def test_executable_bit_is_kept_and_folders_are_not(bench: Workbench) -> None:
    files = {"lamp/": b"", "lamp/run": b"x"}
    entries = unpack(bench, wheel_of(files, modes={"lamp/run": stat.S_IFREG | 0o755}))
    assert {path: entry.executable for path, entry in entries.items()} == {"lamp/run": True}


@pytest.mark.parametrize(
    "path", ["../escape.py", "/etc/passwd", "a/../../b", "a//b", "./a", "a\nb", "a\x7fb"]
)
def test_path_that_climbs_or_hides_is_refused(bench: Workbench, path: str) -> None:
    with pytest.raises(IntegrityError, match="not allowed"):
        unpack(bench, wheel_of(PLAIN | {path: b""}))


def test_path_that_climbs_through_the_data_folder_is_refused(bench: Workbench) -> None:
    with pytest.raises(IntegrityError, match="not allowed"):
        unpack(bench, wheel_of({"lamp-1.0.data/purelib/../../../x.py": b""}))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_member_that_is_no_regular_file_is_refused(bench: Workbench, kind: int) -> None:
    with pytest.raises(IntegrityError, match="no regular file"):
        unpack(bench, wheel_of({"link": b"/etc/passwd"}, modes={"link": kind | 0o777}))


def test_path_that_comes_twice_is_refused(bench: Workbench) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("lamp.py", b"1")
        archive.writestr("lamp.py", b"2")
    with pytest.raises(IntegrityError, match="twice"):
        unpack(bench, buffer.getvalue())


def test_data_that_lands_on_a_file_of_the_wheel_is_refused(bench: Workbench) -> None:
    with pytest.raises(IntegrityError, match="twice"):
        unpack(bench, wheel_of({"lamp.py": b"1", "lamp-1.0.data/purelib/lamp.py": b"2"}))


def test_archive_that_says_less_than_it_holds_is_refused(bench: Workbench) -> None:
    data = bytearray(wheel_of({"bomb": b"\0" * MIB}))
    # The uncompressed size in the central header says 1 KiB.
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = (1024).to_bytes(4, "little")
    with pytest.raises(IntegrityError):
        unpack(bench, bytes(data))


def test_archive_that_says_too_much_is_refused_before_it_is_read(bench: Workbench) -> None:
    data = bytearray(wheel_of({"bomb": b"\0" * 16}))
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    with pytest.raises(IntegrityError, match="4294967280 bytes"):
        unpack(bench, bytes(data))


def test_encrypted_member_is_refused(bench: Workbench) -> None:
    data = bytearray(wheel_of({"lamp.py": b"1"}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(IntegrityError, match="encrypted"):
        unpack(bench, bytes(data))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_wheel_never_gives_other_bytes_nor_a_bare_error(
    bench: Workbench, data: st.DataObject
) -> None:
    good = wheel_of(PLAIN)
    expected = unpack(bench, good)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    try:
        found = unpack(bench, bad)
    except IntegrityError:
        return
    contents = {entry.digest for entry in expected.values()}
    assert {entry.digest for entry in found.values()} <= contents


@given(st.binary(max_size=200))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_no_zip_is_refused(bench: Workbench, data: bytes) -> None:
    with pytest.raises(IntegrityError):
        unpack(bench, data)
