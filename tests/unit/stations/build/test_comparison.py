from collections.abc import Iterable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from sealift.core.digest import Digest
from sealift.core.tree import Tree, TreeEntry
from sealift.stations.build.comparison import first_difference, first_differing_byte

CONTENTS = st.dictionaries(st.sampled_from(["a", "b/c", "b/d", "e"]), st.binary(max_size=6))


def tree_of(files: dict[str, bytes]) -> Tree:
    return Tree.of(
        TreeEntry(path=path, digest=Digest.of(data), size_bytes=len(data))
        for path, data in files.items()
    )


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@given(CONTENTS, CONTENTS)
def test_trees_differ_exactly_where_their_first_unequal_path_lies(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    blobs = {Digest.of(data): data for data in (*one.values(), *other.values())}

    def read(digest: Digest) -> Iterable[bytes]:
        return chunks(blobs[digest], 2)

    said = first_difference(tree_of(one), tree_of(other), read=read)
    unequal = sorted(path for path in one | other if one.get(path) != other.get(path))
    if not unequal:
        assert said == ""
    else:
        assert said.startswith(f"`{unequal[0]}`: ")


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 7), st.integers(1, 7))
def test_first_differing_byte_does_not_depend_on_chunks(
    one: bytes, other: bytes, left: int, right: int
) -> None:
    offsets = [
        at for at in range(max(len(one), len(other))) if one[at : at + 1] != other[at : at + 1]
    ]
    expected = offsets[0] if offsets else None
    assert first_differing_byte(chunks(one, left), chunks(other, right)) == expected


def test_difference_names_both_digests_sizes_and_the_offset() -> None:
    one, other = {"bin/jq": b"same-1"}, {"bin/jq": b"same-22"}
    blobs = {Digest.of(data): data for data in (b"same-1", b"same-22")}
    said = first_difference(tree_of(one), tree_of(other), read=lambda each: [blobs[each]])
    assert said == (
        f"`bin/jq`: {Digest.of(b'same-1')} (6 bytes) in the first run, "
        f"{Digest.of(b'same-22')} (7 bytes) in the second, first differing byte at offset 5"
    )


def test_file_that_became_a_symlink_is_said_in_words() -> None:
    link = Tree.of([TreeEntry(path="a", kind="symlink", target="b")])
    said = first_difference(tree_of({"a": b""}), link, read=lambda _: [])
    assert said == "`a`: a file in the first run, a symlink in the second"
