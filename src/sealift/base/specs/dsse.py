"""Dead Simple Signing Envelope: what is signed is the type and the payload, never their JSON.

Refuses loose base64, unknown fields and an envelope that nobody signed (DSSE protocol v1.0.0).
"""

from dataclasses import dataclass

from sealift.base.specs.fields import (
    as_object,
    decode_base64,
    encode_base64,
    only,
    take_list,
    take_text,
)
from sealift.core.codec import Json
from sealift.core.errors import IntegrityError


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeSignature:
    """One signature with the hint of who made it. `key_id` is unauthenticated."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload with its type and at least one signature."""

    payload_type: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding, which is what gets signed."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def envelope_to_plain(envelope: Envelope) -> dict[str, Json]:
    """Return the envelope as plain JSON."""
    return {
        "payload": encode_base64(envelope.payload),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"keyid": signature.key_id, "sig": encode_base64(signature.value)}
            for signature in envelope.signatures
        ],
    }


def envelope_from_plain(value: Json) -> Envelope:
    """Read plain JSON strictly; raise IntegrityError for anything but a signed envelope."""
    what = "DSSE envelope"
    fields = as_object(value, what)
    only(fields, ("payload", "payloadType", "signatures"), what)
    signatures = tuple(
        _signature_from_plain(item) for item in take_list(fields, "signatures", what)
    )
    if not signatures:
        raise IntegrityError(fact="DSSE envelope has no signature", expected="at least one")
    return Envelope(
        payload_type=take_text(fields, "payloadType", what),
        payload=decode_base64(take_text(fields, "payload", what), "payload of the DSSE envelope"),
        signatures=signatures,
    )


def _signature_from_plain(value: Json) -> EnvelopeSignature:
    what = "signature of the DSSE envelope"
    fields = as_object(value, what)
    only(fields, ("keyid", "sig"), what)
    return EnvelopeSignature(
        key_id=take_text(fields, "keyid", what),
        value=decode_base64(take_text(fields, "sig", what), what),
    )
