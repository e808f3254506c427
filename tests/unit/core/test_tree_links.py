import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.tree import Tree, TreeEntry

_FILE = TreeEntry(path="folder/deep/file", digest=Digest.of(b""))


def _link(path: str, target: str) -> TreeEntry:
    return TreeEntry(path=path, kind="symlink", target=target)


@pytest.mark.parametrize(
    ("links"),
    [
        [_link("up", "folder/..")],
        [_link("folder/up", ".."), _link("again", "folder/up/folder/up")],
        [_link("here", "."), _link("there", "here/here/folder/deep/../..")],
        [_link("round", "about"), _link("about", "round")],
        [_link("dangling", "nothing/there")],
    ],
)
def test_symlinks_that_stay_inside_are_accepted(links: list[TreeEntry]) -> None:
    assert Tree.of([_FILE, *links]).entries


@pytest.mark.parametrize(
    ("links"),
    [
        [_link("up", "folder/../..")],
        [_link("folder/up", ".."), _link("out", "folder/up/..")],
        [_link("here", "."), _link("out", "here/here/../x")],
        [_link("a/b/c", "../.."), _link("out", "a/b/c/../etc/passwd")],
    ],
)
def test_symlinks_that_lead_out_by_way_of_others_are_refused(links: list[TreeEntry]) -> None:
    with pytest.raises(IntegrityError, match="out of the tree"):
        Tree.of([_FILE, *links])


_PART = st.sampled_from(["a", "b", "..", "."])
_TARGET = st.lists(_PART, min_size=1, max_size=4).map("/".join)


@given(targets=st.dictionaries(st.sampled_from(["a/x", "b", "a/y/a", "c"]), _TARGET, min_size=1))
def test_whatever_is_accepted_stays_inside_on_a_real_disk(
    tmp_path_factory: pytest.TempPathFactory, targets: dict[str, str]
) -> None:
    try:
        tree = Tree.of(_link(path, target) for path, target in targets.items())
    except IntegrityError:
        return
    root = Path(os.path.realpath(tmp_path_factory.mktemp("tree")))
    for entry in tree.entries:
        place = root / entry.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(entry.target)
    for entry in tree.entries:
        try:
            resolved = (root / entry.path).resolve(strict=True)
        except (OSError, RuntimeError):
            continue
        assert resolved == root or root in resolved.parents, entry
