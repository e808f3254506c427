"""Pinned roots: unpacked once, healed when they were touched, never taken from anywhere else."""

import io
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sealift.core.errors import IntegrityError, UnavailableError
from sealift.core.release import ToolchainFacts
from sealift.stations.build.drivers.pinned_root import PinnedRoot
from sealift.testing.workbench import Workbench

Add = Callable[..., None]


def root_tar(fill: Callable[[Add], None]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:

        def add(
            name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE, link: str = ""
        ) -> None:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size, info.mode = kind, link, len(data), 0o755
            archive.addfile(info, io.BytesIO(data))

        fill(add)
    return target.getvalue()


def small(add: Add) -> None:
    add("bin", kind=tarfile.SYMTYPE, link="usr/bin")
    add("etc", kind=tarfile.DIRTYPE)
    add("etc/alternatives", kind=tarfile.DIRTYPE)
    add("etc/alternatives/cc", kind=tarfile.SYMTYPE, link="/usr/bin/gcc")
    add("etc/os-release", kind=tarfile.SYMTYPE, link="../usr/lib/os-release")
    add("etc/passwd", b"root")
    add("usr", kind=tarfile.DIRTYPE)
    add("usr/bin", kind=tarfile.DIRTYPE)
    add("usr/bin/cc", kind=tarfile.SYMTYPE, link="/etc/alternatives/cc")
    add("usr/bin/gcc", b"compiler")
    add("usr/bin/gcc-12", kind=tarfile.LNKTYPE, link="usr/bin/gcc")
    add("var", kind=tarfile.DIRTYPE)
    add("var/cache", kind=tarfile.DIRTYPE)
    add("var/lib", kind=tarfile.DIRTYPE)


@pytest.fixture
def pinned(bench: Workbench) -> Callable[..., PinnedRoot]:
    def make(data: bytes | None = None) -> PinnedRoot:
        blob = bench.store.put(root_tar(small) if data is None else data)
        return PinnedRoot(
            ToolchainFacts(
                name="debian", kind="debian", fingerprint=blob.digest, description="a Debian"
            ),
            store=bench.store,
            world=bench.world,
            folder=bench.folder / "roots",
        )

    return make


def test_root_is_unpacked_when_it_is_first_shown(
    pinned: Callable[..., PinnedRoot], bench: Workbench
) -> None:
    root = pinned()
    assert root.facts().name == "debian"
    assert not (bench.folder / "roots").exists()
    folder = root.unpacked()
    assert (folder / "usr/bin/gcc-12").samefile(folder / "usr/bin/gcc")
    assert folder.parent.name == root.facts().fingerprint.hex
    assert [path.name for path in (bench.folder / "roots").iterdir()] == [folder.parent.name]


def test_shown_are_folders_links_and_etc_without_what_a_run_generates(
    pinned: Callable[..., PinnedRoot],
) -> None:
    shown = pinned().root()
    assert [mount.inside for mount in shown.mounts] == ["/usr", "/etc/alternatives", "/var/lib"]
    assert not any(mount.writable for mount in shown.mounts)
    assert {link: target for target, link in shown.links} == {
        "/bin": "usr/bin",
        "/etc/os-release": "../usr/lib/os-release",
        "/var/tmp": "../tmp",  # noqa: S108 - a path inside the sandbox
    }


def test_program_behind_an_absolute_link_is_found_in_the_root_and_not_on_this_machine(
    pinned: Callable[..., PinnedRoot],
) -> None:
    root = pinned()
    assert root.provides("cc")
    assert root.provides("gcc-12")
    assert not root.provides("sh")


@pytest.mark.parametrize("harm", ["cut", "removed", "mode", "link"])
def test_unpacked_root_that_was_touched_is_made_anew(
    pinned: Callable[..., PinnedRoot], harm: str
) -> None:
    folder = pinned().unpacked()
    program, link = folder / "usr/bin/gcc", folder / "usr/bin/cc"
    if harm == "cut":
        program.write_bytes(b"")
    elif harm == "removed":
        program.unlink()
    elif harm == "mode":
        program.chmod(0o644)
    else:
        link.unlink()
        link.symlink_to("/bin/true")
    pinned().root()
    assert program.read_bytes() == b"compiler"
    assert str(link.readlink()) == "/etc/alternatives/cc"


def test_change_that_keeps_the_size_is_found_by_the_full_check(
    pinned: Callable[..., PinnedRoot],
) -> None:
    program = pinned().unpacked() / "usr/bin/gcc"
    pinned().verify()
    program.write_bytes(b"Compiler")
    with pytest.raises(IntegrityError, match="`usr/bin/gcc` of toolchain `debian` was changed"):
        pinned().verify()


def test_root_that_the_store_lost_is_unavailable_until_it_is_locked_again(
    pinned: Callable[..., PinnedRoot], bench: Workbench
) -> None:
    root = pinned()
    bench.store.path(root.facts().fingerprint).unlink()
    with pytest.raises(UnavailableError, match="is not in the store") as caught:
        root.root()
    assert caught.value.hint == "sealift lock"


def test_unpacked_root_serves_without_its_tar(
    pinned: Callable[..., PinnedRoot], bench: Workbench
) -> None:
    first = pinned()
    first.root()
    facts = first.facts()
    bench.store.path(facts.fingerprint).unlink()
    again = PinnedRoot(facts, store=bench.store, world=bench.world, folder=bench.folder / "roots")
    assert again.provides("gcc")


def test_tar_whose_bytes_are_others_is_never_unpacked(
    pinned: Callable[..., PinnedRoot], bench: Workbench
) -> None:
    root = pinned()
    blob = bench.store.path(root.facts().fingerprint)
    blob.chmod(0o644)
    blob.write_bytes(root_tar(lambda add: add("evil", b"x")))
    with pytest.raises(IntegrityError):
        root.root()
    assert list((bench.folder / "roots").iterdir()) == []


@pytest.mark.parametrize(
    "fill",
    [
        lambda add: add("../evil", b"x"),
        lambda add: add("/evil", b"x"),
        lambda add: add("gone/evil", b"x"),
        lambda add: (add("a", kind=tarfile.SYMTYPE, link="/tmp"), add("a/evil", b"x")),  # noqa: S108 - never followed
        lambda add: (add("a", b"x"), add("a", b"y")),
        lambda add: add("a", kind=tarfile.LNKTYPE, link="/etc/passwd"),
        lambda add: add("a", kind=tarfile.CHRTYPE),
    ],
    ids=["climbs", "absolute", "no-parent", "through-a-link", "twice", "hard-link-out", "device"],
)
def test_tar_that_is_no_normalised_root_is_refused_and_leaves_nothing(
    pinned: Callable[..., PinnedRoot], bench: Workbench, fill: Callable[[Add], None]
) -> None:
    with pytest.raises(IntegrityError, match="does not fit into a root"):
        pinned(root_tar(fill)).root()
    assert list((bench.folder / "roots").iterdir()) == []
    assert not Path("/tmp/evil").exists()  # noqa: S108 - where a followed link would lead


def test_several_that_unpack_at_once_end_with_one_root(
    pinned: Callable[..., PinnedRoot], bench: Workbench
) -> None:
    roots = [pinned() for _ in range(4)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = {path.result() for path in [pool.submit(root.unpacked) for root in roots]}
    (folder,) = found
    assert (folder / "usr/bin/gcc").read_bytes() == b"compiler"
    assert list((bench.folder / "roots").iterdir()) == [folder.parent]
