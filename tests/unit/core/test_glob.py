import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.errors import ConfigError
from sealift.core.glob import Glob

SEGMENT = st.text(alphabet="ab*?.-[]!", min_size=1, max_size=6).filter(
    lambda text: "**" not in text and text not in {".", ".."}
)
NAME = st.text(alphabet="ab.-[]!", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*.whl", "rich-13.9.4-py3-none-any.whl"),
        ("usr/**", "usr/bin/jq"),
        ("usr/**", "usr/x"),
        ("**", "a"),
        ("**", "a/b/c"),
        ("**/*.so", "libjq.so"),
        ("**/*.so", "usr/lib/libjq.so"),
        ("a/**/b", "a/b"),
        ("a/**/b", "a/x/y/b"),
        ("**/a/**/b", "x/a/a/b"),
        ("file-[0-9].txt", "file-7.txt"),
        ("file-[!0-9].txt", "file-x.txt"),
        ("[]]", "]"),
        ("a?c", "abc"),
    ],
)
def test_a_glob_takes_what_it_names(glob: str, path: str) -> None:
    assert Glob.parse(glob).matches(path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*.whl", "dist/rich.whl"),
        ("usr/**", "usr"),
        ("usr/**", "usrx/bin"),
        ("**/*.so", "usr/lib/libjq.so.1"),
        ("a/**/b", "a/xb"),
        ("a/**/b", "a/b/c"),
        ("file-[0-9].txt", "file-x.txt"),
        ("file-[!0-9].txt", "file-7.txt"),
        ("[z-a]", "m"),
        ("[]", "]"),
        ("a?c", "a/c"),
        ("a*c", "a/c"),
        ("[!x]", "/"),
    ],
)
def test_a_glob_leaves_what_it_does_not_name(glob: str, path: str) -> None:
    assert not Glob.parse(glob).matches(path)


@pytest.mark.parametrize("glob", ["", "/etc/passwd", "../x", "a/../b", "./a", "a//b", "a/", "x**"])
def test_a_glob_that_could_leave_the_output_folder_is_refused(glob: str) -> None:
    with pytest.raises(ConfigError):
        Glob.parse(glob)


def test_a_hostile_glob_takes_no_exponential_time() -> None:
    assert not Glob.parse("*a" * 200 + "b").matches("a" * 1000)
    assert not Glob.parse("**/a/" * 100 + "b").matches("/".join("a" * 500))


@given(SEGMENT, NAME)
def test_one_segment_agrees_with_the_standard_library(glob: str, name: str) -> None:
    assert Glob.parse(glob).matches(name) == fnmatch.fnmatchcase(name, glob)


@given(st.lists(st.one_of(SEGMENT, st.just("**")), min_size=1, max_size=5), st.data())
def test_segments_agree_with_a_plain_recursive_definition(
    parts: list[str], data: st.DataObject
) -> None:
    path = data.draw(st.lists(NAME, min_size=1, max_size=5))
    assert Glob.parse("/".join(parts)).matches("/".join(path)) == _defined(parts, path)


def _defined(parts: list[str], path: list[str]) -> bool:
    if not parts:
        return not path
    if parts[0] == "**":
        if len(parts) == 1:
            return bool(path)
        return _defined(parts[1:], path) or (bool(path) and _defined(parts, path[1:]))
    return bool(path) and fnmatch.fnmatchcase(path[0], parts[0]) and _defined(parts[1:], path[1:])
