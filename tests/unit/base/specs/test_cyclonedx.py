import json
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st

from sealift.base.specs.cyclonedx import (
    Bill,
    Component,
    encode_bill,
    licence_expression,
    serial_number,
)
from sealift.base.specs.purl import Purl
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError

LIBRARY = Component(
    reference="pkg:pypi/oil@1",
    kind="library",
    name="oil",
    version="1",
    purl=Purl.parse("pkg:pypi/oil@1"),
    sha256=Digest.of(b"oil"),
    licence="BSD-2-Clause",
)
BILL = Bill(
    timestamp="2024-01-02T03:04:05Z",
    subject=Component(
        reference="artifact:lamp",
        kind="application",
        name="lamp",
        version="2.0",
        sha256=Digest.of(b"lamp"),
        licence="MIT",
        depends_on=("pkg:pypi/oil@1",),
    ),
    commit="a" * 40,
    components=(LIBRARY,),
    tool_version="0.1.0",
)


def complaint(document: bytes) -> object:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(document.decode())


def test_a_bill_is_valid_cyclonedx_1_6() -> None:
    assert complaint(encode_bill(BILL)) is None


def test_the_validator_would_tell_a_wrong_bill() -> None:
    document = json.loads(encode_bill(BILL))
    document["components"][0]["hashes"][0]["content"] = "beef"
    assert complaint(json.dumps(document).encode()) is not None


def test_bytes_do_not_depend_on_the_order_of_the_scan() -> None:
    other = replace(LIBRARY, reference="pkg:pypi/wick@2", name="wick", properties=(("b", "2"),))
    one = encode_bill(replace(BILL, components=(LIBRARY, other)))
    assert one == encode_bill(replace(BILL, components=(other, LIBRARY)))


def test_the_serial_number_is_the_artifacts_own() -> None:
    assert serial_number(Digest.of(b"lamp")) == serial_number(Digest.of(b"lamp"))
    assert serial_number(Digest.of(b"lamp")) != serial_number(Digest.of(b"lump"))
    assert json.loads(encode_bill(BILL))["serialNumber"] == serial_number(Digest.of(b"lamp"))


def test_a_relationship_to_nothing_is_refused() -> None:
    with pytest.raises(IntegrityError, match="depends on"):
        encode_bill(replace(BILL, components=()))


def test_a_component_named_twice_is_refused() -> None:
    with pytest.raises(IntegrityError, match="twice"):
        encode_bill(replace(BILL, components=(LIBRARY, LIBRARY)))


def test_an_artifact_without_a_digest_is_refused() -> None:
    with pytest.raises(IntegrityError, match="digest"):
        encode_bill(replace(BILL, subject=replace(BILL.subject, sha256=None)))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("MIT", "MIT"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0",) * 2,
        ("BSD", None),
        ("MIT AND", None),
        ("(MIT", None),
        ("", None),
    ],
)
def test_only_spdx_expressions_are_expressions(text: str, expression: str | None) -> None:
    assert licence_expression(text) == expression


def test_other_words_about_a_licence_stay_a_name_and_none_stays_away() -> None:
    named = json.loads(encode_bill(replace(BILL, components=(replace(LIBRARY, licence="BSD"),))))
    assert named["components"][0]["licenses"] == [{"license": {"name": "BSD"}}]
    absent = replace(LIBRARY, licence="NOASSERTION")
    assert (
        "licenses"
        not in json.loads(encode_bill(replace(BILL, components=(absent,))))["components"][0]
    )


@given(st.text(max_size=30))
def test_any_words_about_a_licence_give_a_valid_bill(text: str) -> None:
    if "\0" in text or not text.isprintable():
        return
    licence_expression(text)
    assert json.loads(encode_bill(replace(BILL, components=(replace(LIBRARY, licence=text),))))
