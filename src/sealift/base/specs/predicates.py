"""The predicate types and payload types that Sealift writes and reads."""

from typing import Final

INTOTO_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"

SLSA_PROVENANCE: Final = "https://slsa.dev/provenance/v1"
CYCLONEDX_BOM: Final = "https://cyclonedx.org/bom"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
REPRODUCTION: Final = "urn:sealift:reproduction:v1"
REBUILD_VERDICT: Final = "urn:sealift:rebuild:v1"
GATE_VERDICT: Final = "urn:sealift:gate-verdict:v1"

BUILD_TYPE: Final = "urn:sealift:action:v1"
BUILDER_LOCAL: Final = "urn:sealift:builder:local-bubblewrap"
