"""Sigstore bundle v0.3 around a DSSE envelope, signed by a self-managed key.

The key is named by a hint; there is no certificate and no log entry yet, and a bundle that carries
either is refused rather than half read. Written canonically on one line with proto defaults spelt
out, since readers in other languages differ on absent fields (DESIGN.md, section 5).
"""

from dataclasses import dataclass
from typing import Final

from sealift.base.specs.canonical import canonical_json
from sealift.base.specs.dsse import (
    Envelope,
    EnvelopeSignature,
    envelope_from_plain,
    envelope_to_plain,
    pae,
)
from sealift.base.specs.fields import as_object, only, take, take_list, take_object, take_text
from sealift.base.specs.predicates import INTOTO_PAYLOAD_TYPE
from sealift.base.specs.statement import Statement, parse_statement
from sealift.base.specs.strictjson import parse_json
from sealift.core.codec import Json
from sealift.core.errors import IntegrityError
from sealift.core.limits import JSON_DOCUMENT_BYTES_MAX

BUNDLE_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One signed statement. `key_id` is only a hint until the signature has been verified."""

    key_id: str
    envelope: Envelope

    @property
    def signature(self) -> bytes:
        """The one signature."""
        return self.envelope.signatures[0].value

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        return pae(self.envelope.payload_type, self.envelope.payload)

    def statement(self) -> Statement:
        """Parse the payload; raise IntegrityError if it is no in-toto statement."""
        return parse_statement(self.envelope.payload)


def signed_payload(statement_bytes: bytes) -> bytes:
    """Return what must be signed for a statement: its pre-authentication encoding."""
    return pae(INTOTO_PAYLOAD_TYPE, statement_bytes)


def encode_bundle(statement_bytes: bytes, signature: bytes, key_id: str) -> bytes:
    """Return the bundle as canonical JSON on one line, without a newline at the end."""
    envelope = Envelope(
        payload_type=INTOTO_PAYLOAD_TYPE,
        payload=statement_bytes,
        signatures=(EnvelopeSignature(key_id=key_id, value=signature),),
    )
    return canonical_json(
        {
            "mediaType": BUNDLE_MEDIA_TYPE,
            "verificationMaterial": {
                "publicKey": {"hint": key_id},
                "tlogEntries": [],
                "timestampVerificationData": {"rfc3161Timestamps": []},
            },
            "dsseEnvelope": envelope_to_plain(envelope),
        }
    )


def parse_bundle(data: bytes) -> Bundle:
    """Read a bundle strictly; raise IntegrityError for evidence that we would have to ignore."""
    what = "Sigstore bundle"
    fields = as_object(parse_json(data, size_bytes_max=JSON_DOCUMENT_BYTES_MAX), what)
    only(fields, ("mediaType", "verificationMaterial", "dsseEnvelope"), what)
    media_type = take_text(fields, "mediaType", what)
    if media_type != BUNDLE_MEDIA_TYPE:
        raise IntegrityError(
            fact=f"Sigstore bundle has the media type `{media_type[:120]}`",
            expected=BUNDLE_MEDIA_TYPE,
        )
    envelope = envelope_from_plain(take(fields, "dsseEnvelope", what))
    if envelope.payload_type != INTOTO_PAYLOAD_TYPE or len(envelope.signatures) != 1:
        raise IntegrityError(
            fact="Sigstore bundle holds no statement with one signature",
            expected=f"payload type {INTOTO_PAYLOAD_TYPE} and exactly one signature",
        )
    key_id = _read_material(take_object(fields, "verificationMaterial", what))
    if envelope.signatures[0].key_id != key_id:
        raise IntegrityError(
            fact=f"Sigstore bundle hints at key `{key_id[:80]}`",
            expected=f"the envelope's key `{envelope.signatures[0].key_id[:80]}`",
        )
    return Bundle(key_id=key_id, envelope=envelope)


def _read_material(material: dict[str, Json]) -> str:
    what = "verification material of the bundle"
    only(material, ("publicKey", "tlogEntries", "timestampVerificationData"), what)
    public_key = take_object(material, "publicKey", what)
    only(public_key, ("hint",), what)
    timestamps = take_object(material, "timestampVerificationData", what)
    only(timestamps, ("rfc3161Timestamps",), what)
    entries = take_list(material, "tlogEntries", what)
    if entries or timestamps.get("rfc3161Timestamps", []) != []:
        raise IntegrityError(
            fact="bundle carries log entries or timestamps, which are not verified yet",
            expected="none",
        )
    return take_text(public_key, "hint", what)
