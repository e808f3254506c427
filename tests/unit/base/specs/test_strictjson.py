import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.base.specs.strictjson import parse_json
from sealift.core.errors import IntegrityError
from sealift.core.limits import JSON_DEPTH_MAX, JSON_INTEGER_MAX

CORPUS = Path(__file__).parents[5] / "shared" / "corpora" / "json-parsing"
# The suite takes them for valid since RFC 8259 only says SHOULD; two parsers read them differently.
DUPLICATE_KEYS = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}


def read(data: bytes, **limits: int) -> object:
    return parse_json(data, **{"size_bytes_max": 10_000_000, **limits})


def test_the_public_suite_is_judged_as_it_says_save_for_duplicate_keys() -> None:
    if not CORPUS.is_dir():
        pytest.skip("../shared/corpora/json-parsing is not there")
    files = sorted(CORPUS.glob("*.json"))
    assert len(files) >= 300
    wrong = []
    for file in files:
        try:
            read(file.read_bytes())
            accepted = True
        except IntegrityError:
            accepted = False
        expected = file.name.startswith("y_") and file.name not in DUPLICATE_KEYS
        if not file.name.startswith("i_") and accepted != expected:
            wrong.append(file.name)
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "\\u0061": 2}}]',
        b"[NaN]",
        b"[-Infinity]",
        b"[1e400]",
        b"[1] x",
        b"[1][2]",
        b"\xef\xbb\xbf[1]",
        b'["\xff"]',
        b'["\\ud800"]',
        b'{"\\udc00": 1}',
        b"",
        b" ",
        b'"unterminated',
    ],
)
def test_ambiguous_documents_are_refused(text: bytes) -> None:
    with pytest.raises(IntegrityError):
        read(text)


def test_a_surrogate_pair_is_text() -> None:
    assert read(b'["\\ud83d\\ude00"]') == ["\U0001f600"]


def test_the_duplicate_key_is_named() -> None:
    with pytest.raises(IntegrityError, match="'version' twice"):
        read(b'{"version": 1, "name": 2, "version": 3}')


def test_integers_up_to_the_limit_are_exact_and_the_next_is_refused() -> None:
    assert read(str(JSON_INTEGER_MAX).encode()) == JSON_INTEGER_MAX
    assert read(str(-JSON_INTEGER_MAX).encode()) == -JSON_INTEGER_MAX
    for value in (JSON_INTEGER_MAX + 1, -JSON_INTEGER_MAX - 1, 10**399, 10**5000 - 1):
        digits = "9" * 5000 if value > 10**4000 else str(value)
        with pytest.raises(IntegrityError):
            read(digits.encode())


def test_large_integers_pass_where_the_caller_allows_them_but_not_without_end() -> None:
    assert parse_json(str(2**64).encode(), size_bytes_max=99, integer_max=None) == 2**64
    with pytest.raises(IntegrityError):
        parse_json(b"9" * 401, size_bytes_max=999, integer_max=None)


def test_depth_at_the_limit_passes_and_one_more_is_refused() -> None:
    read(b"[" * JSON_DEPTH_MAX + b"]" * JSON_DEPTH_MAX)
    with pytest.raises(IntegrityError, match="nests deeper"):
        read(b"[" * (JSON_DEPTH_MAX + 1) + b"]" * (JSON_DEPTH_MAX + 1))


def test_brackets_inside_strings_are_no_depth() -> None:
    text = '["' + "[{" * 500 + '\\"[", ' + "[]," * 100 + "1]"
    assert isinstance(read(text.encode()), list)


def test_a_million_brackets_or_quotes_end_quickly_in_a_typed_error() -> None:
    for hostile in (b"[" * 1_000_000, b'{"a":' * 300_000, b'\\"' * 500_000 + b"[" * 100):
        with pytest.raises(IntegrityError):
            read(hostile)


def test_a_document_over_the_size_limit_is_refused_unread() -> None:
    assert parse_json(b"[1]", size_bytes_max=3) == [1]
    with pytest.raises(IntegrityError, match="4 bytes"):
        parse_json(b"[12]", size_bytes_max=3)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(-(2**53) + 1, 2**53 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON_VALUES)
def test_what_json_writes_is_read_back(value: object) -> None:
    assert read(json.dumps(value).encode()) == value


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_end_in_a_value_or_a_typed_error(data: bytes) -> None:
    with contextlib.suppress(IntegrityError):
        read(data)
