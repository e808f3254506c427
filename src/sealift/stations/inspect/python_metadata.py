"""The core metadata of Python distributions: name, version, requirements, licence.

Reads METADATA and PKG-INFO (core metadata 1.1 to 2.4). A requirement that cannot be read is kept
as text, so that it is counted rather than lost. Refuses documents without a name and a version.
"""

import re
from dataclasses import dataclass
from typing import Final

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sealift.core.errors import IntegrityError

_LICENCE_LENGTH_MAX: Final = 64
_CLASSIFIER: Final = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonRequirement:
    """One Requires-Dist: the name in PEP 503 form, the specifier and the marker as text."""

    name: str
    specifier: str
    marker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonMetadata:
    """What a distribution says of itself. `unreadable` are requirements that nobody can parse."""

    name: str
    version: str
    licence: str
    requirements: tuple[PythonRequirement, ...]
    unreadable: tuple[str, ...]


def parse_metadata(data: bytes, *, where: str) -> PythonMetadata:
    """Read METADATA or PKG-INFO; raise IntegrityError naming `where` when it is neither."""
    raw, _ = parse_email(data)
    name, version = raw.get("name"), raw.get("version")
    if not name or not version:
        raise IntegrityError(
            fact="no name or no version in the metadata",
            expected="Python core metadata",
            where=where,
        )
    requirements: list[PythonRequirement] = []
    unreadable: list[str] = []
    for text in raw.get("requires_dist", []):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            unreadable.append(re.sub(r"\s+", " ", text)[:_LICENCE_LENGTH_MAX])
            continue
        requirements.append(
            PythonRequirement(
                name=canonicalize_name(requirement.name),
                specifier=str(requirement.specifier),
                marker=str(requirement.marker) if requirement.marker is not None else "",
            )
        )
    return PythonMetadata(
        name=canonicalize_name(name),
        version=version,
        licence=_licence(
            expression=raw.get("license_expression", ""),
            text=raw.get("license", ""),
            classifiers=tuple(raw.get("classifiers", [])),
        ),
        requirements=tuple(requirements),
        unreadable=tuple(unreadable),
    )


def _licence(*, expression: str, text: str, classifiers: tuple[str, ...]) -> str:
    """Prefer the expression, then a short `License`, then a classifier's own words."""
    if expression:
        return expression
    text = text.strip()
    if text and "\n" not in text and len(text) <= _LICENCE_LENGTH_MAX:
        return text
    names = [one.removeprefix(_CLASSIFIER) for one in classifiers if one.startswith(_CLASSIFIER)]
    return names[0] if names else ""
