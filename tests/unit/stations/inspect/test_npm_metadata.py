"""What an npm package asks for."""

import json

import pytest

from sealift.core.errors import IntegrityError
from sealift.stations.inspect.npm_metadata import NpmNeed, npm_needs


def test_needs_are_told_once_each_and_node_among_them() -> None:
    document = {
        "engines": {"node": ">=18"},
        "dependencies": {"b": "^1.0.0", "a": "2", "c": "1"},
        "optionalDependencies": {"c": "1"},
        "peerDependencies": {"a": ">=1"},
        "devDependencies": {"d": "1"},
    }
    needs = npm_needs(json.dumps(document).encode(), where="x.tgz")
    assert needs.node == ">=18"
    assert needs.packages == (
        NpmNeed(name="a", range="2", optional=False),
        NpmNeed(name="b", range="^1.0.0", optional=False),
        NpmNeed(name="c", range="1", optional=True),
    )


@pytest.mark.parametrize(
    "odd", [{}, {"engines": [], "dependencies": "x"}, {"engines": {"node": 1}}]
)
def test_odd_fields_are_taken_as_silence(odd: dict[str, object]) -> None:
    needs = npm_needs(json.dumps(odd).encode(), where="x.tgz")
    assert (needs.node, needs.packages) == ("", ())


@pytest.mark.parametrize("data", [b"[]", b"{", b'{"a": 1, "a": 2}'])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        npm_needs(data, where="x.tgz")
