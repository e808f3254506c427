import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.tree import Tree, TreeEntry, check_path

BLOB = Digest.of(b"blob")


def file(path: str, **fields: object) -> TreeEntry:
    return TreeEntry(path=path, digest=BLOB, size_bytes=4, **fields)  # type: ignore[arg-type]


def link(path: str, target: str) -> TreeEntry:
    return TreeEntry(path=path, kind="symlink", target=target)


def test_tree_digest_does_not_depend_on_order() -> None:
    assert Tree.of([file("b"), file("a")]).digest == Tree.of([file("a"), file("b")]).digest


def test_tree_digest_depends_on_the_executable_bit_and_nothing_else_of_the_mode() -> None:
    assert Tree.of([file("a")]).digest != Tree.of([file("a", executable=True)]).digest


def test_tree_form_is_pinned() -> None:
    tree = Tree.of([file("bin/jq", executable=True), link("bin/jq5", "jq")])
    assert tree.canonical() == (
        b'{"entries":[{"executable":true,"path":"bin/jq","sha256":"'
        + BLOB.hex.encode()
        + b'","size":4},{"path":"bin/jq5","target":"jq"}],"format":"sealift-tree-v1"}'
    )


names = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=1, max_size=8)


@given(st.lists(names.filter(lambda n: "/" not in n and n not in {".", ".."}), unique=True))
def test_tree_survives_its_canonical_form(paths: list[str]) -> None:
    try:
        tree = Tree.of([file(path) for path in paths])
    except IntegrityError:
        return  # a name that a tree refuses; the next test states which
    assert Tree.parse(tree.canonical()) == tree


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/", "./a", "a\nb", "a\x00", "a" * 2000],
)
def test_tree_refuses_a_path_that_could_escape_or_deceive(path: str) -> None:
    with pytest.raises(IntegrityError):
        check_path(path)


def test_tree_accepts_ordinary_paths() -> None:
    for path in ("a", "a/b", "a..b", "...", "-", "ünïcode/ß"):
        assert check_path(path) == path


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "..", "", "a/../../x"])
def test_tree_refuses_a_symlink_that_leads_out(target: str) -> None:
    with pytest.raises(IntegrityError):
        Tree.of([link("link", target)])


@pytest.mark.parametrize("target", ["file", "folder/../file", "./file"])
def test_tree_accepts_a_symlink_that_stays_inside(target: str) -> None:
    assert Tree.of([link("link", target)]).entries[0].target == target


def test_tree_refuses_the_same_path_twice_and_a_file_below_a_file() -> None:
    with pytest.raises(IntegrityError, match="twice"):
        Tree.of([file("a"), file("a")])
    with pytest.raises(IntegrityError, match="below"):
        Tree.of([file("a"), file("a/b")])
    with pytest.raises(IntegrityError, match="below"):
        Tree.of([link("a", "b"), file("a/b")])


def test_tree_refuses_its_own_document_when_it_is_not_canonical() -> None:
    document = json.loads(Tree.of([file("a")]).canonical())
    spaced = json.dumps(document).encode()
    with pytest.raises(IntegrityError, match="canonical"):
        Tree.parse(spaced)
    with pytest.raises(IntegrityError):
        Tree.parse(b"[]")
