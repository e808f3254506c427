import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.base.specs.purl import Purl
from sealift.core.errors import IntegrityError

CORPUS = Path(__file__).parents[5] / "shared" / "corpora" / "purl"

# The suite refuses upper-case qualifier keys when it parses, and lowers them when it validates.
CONTRADICTED = {
    "pkg:gem/jruby-launcher@1.1.2?Platform=java",
    "pkg:Rpm/fedora/curl@7.50.3-1.fc25?Arch=i386&Distro=fedora-25",
}


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}-{number}")
        for path in sorted(CORPUS.glob("*/*.json"))
        for number, case in enumerate(json.loads(path.read_text())["tests"])
        if case["test_type"] != "parse" or case["input"] not in CONTRADICTED
    ]


def answer(case: dict[str, Any]) -> object:
    given_input = case["input"]
    if case["test_type"] == "build":
        parts = {key: value for key, value in given_input.items() if value}
        return str(
            Purl.of(parts.pop("type", ""), parts.pop("name", ""), parts.pop("version", ""), **parts)
        )
    purl = Purl.parse(given_input)
    if case["test_type"] == "validate":
        return str(purl)
    return {
        "type": purl.kind,
        "namespace": purl.namespace or None,
        "name": purl.name,
        "version": purl.version or None,
        "qualifiers": dict(purl.qualifiers) or None,
        "subpath": purl.subpath or None,
    }


def wanted(case: dict[str, Any]) -> object:
    expected = case["expected_output"]
    if not isinstance(expected, dict):
        return expected
    keys = ("type", "namespace", "name", "version", "qualifiers", "subpath")
    return {key: expected.get(key) or None for key in keys}


@pytest.mark.skipif(not CORPUS.exists(), reason="the shared package URL corpus is not here")
def test_the_suite_of_the_specification_is_passed() -> None:
    checked = 0
    for parameter in cases():
        case = parameter.values[0]
        if case["expected_failure"]:
            with pytest.raises(IntegrityError):
                answer(case)
        else:
            assert answer(case) == wanted(case), case["input"]
        checked += 1
    assert checked == 584


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pypi/kite",
        "pkg:pypi/",
        "pkg:pypi/kite\n",
        "pkg:pypi/someone/kite@1",
        "pkg:swift/kite@1",
        "pkg:pypi/" + "k" * 3000,
    ],
)
def test_what_is_no_package_url_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        Purl.parse(text)


def test_names_of_python_packages_are_normal() -> None:
    assert str(Purl.parse("pkg:PYPI/Django_package@1.11.1.dev1")) == (
        "pkg:pypi/django-package@1.11.1.dev1"
    )


@pytest.mark.parametrize("name", ["/", "//"])
def test_name_of_slashes_alone_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="no package URL"):
        Purl.of("pypi", name)


@given(
    st.sampled_from(["pypi", "npm", "generic", "deb"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20),
    st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), max_size=10),
)
def test_what_is_written_reads_back_as_the_same(kind: str, name: str, version: str) -> None:
    try:
        purl = Purl.of(kind, name, version)
    except IntegrityError:
        return
    assert Purl.parse(str(purl)) == purl
    assert str(Purl.parse(str(purl))) == str(purl)
