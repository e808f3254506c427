"""CycloneDX 1.6 in JSON: what an artifact is made of, as bytes that depend on nothing else.

Components and relationships are sorted, the only time is the release's, and the serial number is
derived from the artifact's digest: two encodings of equal values are equal byte for byte.
Refused: two components with one reference, a relationship to a component that is not there, and
more than SBOM_COMPONENTS_MAX components.

Specification: ECMA-424 (CycloneDX 1.6), JSON schema bom-1.6.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

from boolean import ParseError
from license_expression import (
    ExpressionError,
    Licensing,
    get_spdx_licensing,
)

from sealift.base.specs.purl import Purl
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import SBOM_COMPONENTS_MAX

SPECIFICATION_VERSION: Final = "1.6"
_NO_LICENCE: Final = frozenset({"", "NOASSERTION", "NONE", "UNKNOWN"})

ComponentKind = Literal["application", "library", "file", "platform"]
Scope = Literal["required", "optional", "excluded"]
"""CycloneDX scopes: `excluded` is what the build used and the artifact does not hold or need."""

Aggregate = Literal["complete", "incomplete", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component. `reference` is unique in its bill; empty texts are left out.

    `depends_on` are references of the same bill. `properties` are facts of ours with a `sealift:`
    name.
    """

    reference: str
    kind: ComponentKind
    name: str
    version: str = ""
    purl: Purl | None = None
    sha256: Digest | None = None
    licence: str = ""
    scope: Scope = "required"
    depends_on: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The bill of materials of one artifact (`subject`), as of `timestamp` (RFC 3339, UTC).

    `aggregate` says whether the list is known to be complete.
    """

    timestamp: str
    subject: Component
    commit: str
    components: tuple[Component, ...]
    tool_version: str
    aggregate: Aggregate = "incomplete"


def serial_number(artifact: Digest) -> str:
    """Derive the serial number from the artifact: a name-based UUID (RFC 9562 section 5.5)."""
    return uuid5(NAMESPACE_URL, f"urn:sealift:sbom:{artifact}").urn


def encode_bill(bill: Bill) -> bytes:
    """Write `bill` as CycloneDX 1.6 JSON, sorted and indented, with a closing newline.

    Raises IntegrityError when references clash or dangle, or the subject has no digest.
    """
    _check_references(bill)
    components = sorted(bill.components, key=lambda component: component.reference)
    if bill.subject.sha256 is None:
        raise IntegrityError(fact=f"`{bill.subject.name}` has no digest", expected="a sha256")
    subject = _component(bill.subject)
    subject.pop("scope")
    subject["pedigree"] = {"commits": [{"uid": bill.commit}]}
    document: dict[str, Json] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION_VERSION,
        "serialNumber": serial_number(bill.subject.sha256),
        "version": 1,
        "metadata": {
            "timestamp": bill.timestamp,
            "component": subject,
            "tools": {
                "components": [
                    {"type": "application", "name": "sealift", "version": bill.tool_version}
                ]
            },
        },
        "components": [_component(component) for component in components],
        "dependencies": [
            {"ref": component.reference, "dependsOn": _strings(component.depends_on)}
            for component in sorted(
                (bill.subject, *components), key=lambda component: component.reference
            )
        ],
        "compositions": [{"aggregate": bill.aggregate, "assemblies": [bill.subject.reference]}],
    }
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, indent=2)
    return text.encode() + b"\n"


def licence_expression(text: str) -> str | None:
    """Return `text` as a normal SPDX expression of known identifiers, or None if it is none."""
    try:
        parsed = _licensing().parse(text, validate=True, strict=True)
    except (ExpressionError, ParseError):
        return None
    return str(parsed) if parsed is not None else None


def _strings(values: Iterable[str]) -> list[Json]:
    return [*sorted(set(values))]


@lru_cache(maxsize=1)
def _licensing() -> Licensing:
    return get_spdx_licensing()


def _component(component: Component) -> dict[str, Json]:
    row: dict[str, Json] = {
        "bom-ref": component.reference,
        "type": component.kind,
        "name": component.name,
        "scope": component.scope,
    }
    if component.version:
        row["version"] = component.version
    if component.purl is not None:
        row["purl"] = str(component.purl)
    if component.sha256 is not None:
        row["hashes"] = [{"alg": "SHA-256", "content": component.sha256.hex}]
    if component.licence not in _NO_LICENCE:
        row["licenses"] = _licences(component.licence)
    if component.properties:
        row["properties"] = [
            {"name": name, "value": value} for name, value in sorted(component.properties)
        ]
    return row


def _licences(text: str) -> list[Json]:
    # CycloneDX: an expression must be SPDX; what a package says in its own words is a name.
    expression = licence_expression(text)
    if expression is not None:
        return [{"expression": expression}]
    return [{"license": {"name": text}}]


def _check_references(bill: Bill) -> None:
    if len(bill.components) > SBOM_COMPONENTS_MAX:
        raise IntegrityError(
            fact=f"SBOM of `{bill.subject.name}` has {len(bill.components)} components",
            expected=f"at most {SBOM_COMPONENTS_MAX}",
        )
    references = {bill.subject.reference}
    for component in bill.components:
        if component.reference in references:
            raise IntegrityError(
                fact=f"SBOM names `{component.reference}` twice", expected="each component once"
            )
        references.add(component.reference)
    for component in (bill.subject, *bill.components):
        for reference in component.depends_on:
            if reference not in references:
                raise IntegrityError(
                    fact=f"`{component.reference}` depends on `{reference}`",
                    expected="a component of the same SBOM",
                )
