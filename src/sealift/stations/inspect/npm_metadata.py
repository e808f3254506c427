"""What an npm package asks for when it is installed, from its package.json."""

from dataclasses import dataclass

from sealift.base.specs.strictjson import parse_json
from sealift.core.codec import Json
from sealift.core.errors import IntegrityError
from sealift.core.limits import PACKAGE_METADATA_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmNeed:
    """One package by name and range of versions."""

    name: str
    range: str
    optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmNeeds:
    """The range of Node's versions (empty: any) and the packages, sorted by name."""

    node: str
    packages: tuple[NpmNeed, ...]


def npm_needs(data: bytes, *, where: str) -> NpmNeeds:
    """Read a package.json; raise IntegrityError when it is no JSON object."""
    document = parse_json(data, size_bytes_max=PACKAGE_METADATA_BYTES_MAX)
    if not isinstance(document, dict):
        raise IntegrityError(fact="found no package.json", expected="a JSON object", where=where)
    needs = {
        name: NpmNeed(name=name, range=text, optional=key == "optionalDependencies")
        # npm lets an optional dependency win over one of the same name.
        for key in ("peerDependencies", "dependencies", "optionalDependencies")
        for name, text in _texts(document.get(key)).items()
    }
    return NpmNeeds(
        node=_texts(document.get("engines")).get("node", ""),
        packages=tuple(needs[name] for name in sorted(needs)),
    )


def _texts(value: Json) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {name: text for name, text in value.items() if isinstance(text, str)}
