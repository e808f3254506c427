import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.base.specs.bundle import encode_bundle, parse_bundle, signed_payload
from sealift.base.specs.canonical import canonical_json
from sealift.base.specs.dsse import pae
from sealift.base.specs.fields import decode_base64
from sealift.base.specs.slsa import (
    Provenance,
    ResourceDescriptor,
    provenance_from_plain,
    provenance_to_plain,
    tree_uri,
)
from sealift.base.specs.statement import Statement, Subject, encode_statement, parse_statement
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError

DIGEST = Digest.of(b"file")
STATEMENT = Statement(
    subjects=(Subject(name="file", digest=DIGEST),),
    predicate_type="urn:example:predicate",
    predicate={"outcome": "identical"},
)
PROVENANCE = Provenance(
    build_type="urn:sealift:action:v1",
    external_parameters={"stage": "compile", "command": ["make"]},
    internal_parameters={"action": "sha256:00"},
    resolved_dependencies=(
        ResourceDescriptor(name="source", uri=tree_uri("source"), sha256=DIGEST),
        ResourceDescriptor(name="commit", uri="git+commit", git_commit="a" * 40),
    ),
    builder_id="urn:sealift:builder:local-bubblewrap",
    invocation_id="one",
    started_on="2026-01-01T00:00:00Z",
    finished_on="2026-01-01T00:00:00Z",
)


def test_pae_is_what_the_dsse_protocol_shows() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_a_statement_is_canonical_and_read_back() -> None:
    data = encode_statement(STATEMENT)
    assert data.decode() == (
        '{"_type":"https://in-toto.io/Statement/v1","predicate":{"outcome":"identical"},'
        f'"predicateType":"urn:example:predicate","subject":[{{"digest":{{"sha256":"{DIGEST.hex}"}},'
        '"name":"file"}]}'
    )
    assert parse_statement(data) == STATEMENT


def test_a_field_that_a_later_version_adds_is_ignored_in_a_statement() -> None:
    plain = {**json.loads(encode_statement(STATEMENT)), "later": 1}
    assert parse_statement(canonical_json(plain)) == STATEMENT


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("_type", "https://in-toto.io/Statement/v0.1"),
        ("subject", []),
        ("subject", [{"name": "file", "digest": {}}]),
        ("subject", [{"name": "file", "digest": {"sha256": DIGEST.hex.upper()}}]),
        ("subject", [{"name": "file", "digest": {"sha256": DIGEST.hex}}] * 2),
        ("subject", {"name": "file"}),
        ("predicate", None),
        ("predicateType", 1),
    ],
)
def test_a_statement_in_doubt_is_refused(key: str, value: object) -> None:
    plain = {**json.loads(encode_statement(STATEMENT)), key: value}
    with pytest.raises(IntegrityError):
        parse_statement(canonical_json(plain))


def test_a_statement_without_subject_is_not_written() -> None:
    with pytest.raises(IntegrityError):
        encode_statement(Statement(subjects=(), predicate_type="x", predicate={}))


def test_provenance_is_read_back() -> None:
    assert provenance_from_plain(provenance_to_plain(PROVENANCE)) == PROVENANCE


@pytest.mark.parametrize("part", ["buildDefinition", "runDetails"])
def test_provenance_without_a_part_is_refused(part: str) -> None:
    plain = provenance_to_plain(PROVENANCE)
    del plain[part]
    with pytest.raises(IntegrityError, match=part):
        provenance_from_plain(plain)


def test_an_unpinned_dependency_is_neither_written_nor_read() -> None:
    unpinned = ResourceDescriptor(name="tarball", uri="https://example.org/x.tar.gz")
    with pytest.raises(IntegrityError, match="not pinned"):
        provenance_to_plain(
            Provenance(
                **{
                    **{name: getattr(PROVENANCE, name) for name in PROVENANCE.__slots__},
                    "resolved_dependencies": (unpinned,),
                }
            )
        )
    plain = json.loads(canonical_json(provenance_to_plain(PROVENANCE)))
    plain["buildDefinition"]["resolvedDependencies"][0]["digest"] = {"md5": "0" * 32}
    with pytest.raises(IntegrityError, match="not pinned"):
        provenance_from_plain(plain)


def test_a_branch_name_is_no_git_commit() -> None:
    plain = json.loads(canonical_json(provenance_to_plain(PROVENANCE)))
    plain["buildDefinition"]["resolvedDependencies"][1]["digest"] = {"gitCommit": "main"}
    with pytest.raises(IntegrityError, match="no git commit"):
        provenance_from_plain(plain)


def test_a_bundle_is_exactly_the_sigstore_form() -> None:
    assert encode_bundle(b"{}", b"sig", "ab12").decode() == (
        '{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json",'
        '"signatures":[{"keyid":"ab12","sig":"c2ln"}]},'
        '"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",'
        '"verificationMaterial":{"publicKey":{"hint":"ab12"},'
        '"timestampVerificationData":{"rfc3161Timestamps":[]},"tlogEntries":[]}}'
    )


def test_a_bundle_gives_back_what_was_signed() -> None:
    data = encode_statement(STATEMENT)
    bundle = parse_bundle(encode_bundle(data, b"sig", "ab12"))
    assert (bundle.key_id, bundle.signature) == ("ab12", b"sig")
    assert bundle.signed_bytes == signed_payload(data)
    assert bundle.statement() == STATEMENT


def edit(path: str, value: object) -> bytes:
    """Return a bundle in which the field at the dotted path is `value`."""
    plain = json.loads(encode_bundle(encode_statement(STATEMENT), b"sig", "ab12"))
    *parents, last = path.split(".")
    place = plain
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[last] = value
    return canonical_json(plain)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.2"),
        ("extra", 1),
        ("verificationMaterial.publicKey", {"hint": "other"}),
        ("verificationMaterial.certificate", {"rawBytes": ""}),
        ("verificationMaterial.tlogEntries", [{}]),
        ("verificationMaterial.timestampVerificationData", {"rfc3161Timestamps": [{}]}),
        ("verificationMaterial.timestampVerificationData", None),
        ("dsseEnvelope.payloadType", "application/json"),
        ("dsseEnvelope.payload", "e30"),
        ("dsseEnvelope.payload", "e31="),
        ("dsseEnvelope.payload", "e30=\n"),
        ("dsseEnvelope.payload", "é30="),
        ("dsseEnvelope.signatures", []),
        ("dsseEnvelope.signatures", [{"keyid": "ab12", "sig": "c2ln"}] * 2),
        ("dsseEnvelope.signatures.0.keyid", "other"),
        ("dsseEnvelope.signatures.0.cert", ""),
    ],
)
def test_a_bundle_that_carries_more_or_else_is_refused(path: str, value: object) -> None:
    with pytest.raises(IntegrityError):
        parse_bundle(edit(path, value))


def test_a_bundle_whose_empty_timestamps_are_left_out_is_read() -> None:
    data = edit("verificationMaterial.timestampVerificationData", {})
    assert parse_bundle(data).key_id == "ab12"


@settings(deadline=None)
@given(st.binary())
def test_every_payload_has_one_base64_spelling(data: bytes) -> None:
    text = json.loads(encode_bundle(data, b"", ""))["dsseEnvelope"]["payload"]
    assert decode_base64(text, "payload") == data
    with pytest.raises(IntegrityError):
        decode_base64(text + "\n", "payload")
