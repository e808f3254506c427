import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.base.specs.canonical import canonical_json, format_number
from sealift.base.specs.strictjson import parse_json
from sealift.core.errors import IntegrityError

CORPUS = Path(__file__).parents[5] / "shared" / "corpora" / "rfc8785"


def test_the_public_pairs_match_byte_for_byte() -> None:
    if not CORPUS.is_dir():
        pytest.skip("../shared/corpora/rfc8785 is not there")
    inputs = sorted((CORPUS / "input").glob("*.json"))
    assert len(inputs) == 6
    for file in inputs:
        value = parse_json(file.read_bytes(), size_bytes_max=1_000_000)
        assert canonical_json(value) == (CORPUS / "output" / file.name).read_bytes(), file.name


# RFC 8785, appendix B: the double's bits and its ECMAScript text.
@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_ecmascript_does(bits: str, text: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert format_number(value) == text


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_is_read_back_as_itself(value: float) -> None:
    assert float(format_number(value)) == value


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", {"\udfff": 1}, {1: 2}, {"a": ()}],
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(IntegrityError):
        canonical_json(value)


def test_nesting_without_end_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(IntegrityError, match="nests deeper"):
        canonical_json(value)


def test_keys_sort_by_utf16_units_and_not_by_code_points() -> None:
    # U+1F600 is a surrogate pair (d83d…) and so comes before U+FB33.
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(-(2**53) + 1, 2**53 - 1),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_canonical_text_means_the_same_and_is_stable(value: object) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text
