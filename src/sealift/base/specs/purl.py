"""Package URLs: the name of a component that does not depend on where it is served.

`packageurl-python` parses and normalises; this module adds what it leaves out, checked against the
suite of the specification: the rules of single types (a namespace that is demanded or forbidden,
names in lower case) and the percent-encoding of `/` in qualifiers. It refuses control characters
and text beyond PURL_LENGTH_MAX.

    >>> str(Purl.parse("pkg:PYPI/Django_package@1.11.1.dev1"))
    'pkg:pypi/django-package@1.11.1.dev1'

Specification: ECMA-427 and the type definitions of package-url/purl-spec.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote

from packageurl import PackageURL

from sealift.core.errors import IntegrityError
from sealift.core.limits import PURL_LENGTH_MAX

# Types whose packages always, or never, have a namespace (their definitions in purl-spec).
_NAMESPACE_DEMANDED: Final = frozenset({"swift", "vscode-extension"})
_NAMESPACE_FORBIDDEN: Final = frozenset({"chrome-extension", "julia", "otp", "pypi", "vcpkg"})
_LOWER_CASE: Final = frozenset({"brew", "git"})
_NAMES: Final[Mapping[str, re.Pattern[str]]] = {
    "chrome-extension": re.compile(r"[a-p]{32}\Z"),
    "cpan": re.compile(r"(?!.*::)"),
}
_VERSIONS: Final[Mapping[str, re.Pattern[str]]] = {
    "chrome-extension": re.compile(r"\d+(\.\d+){0,3}\Z"),
}
_QUALIFIERS_DEMANDED: Final[Mapping[str, str]] = {"julia": "uuid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Purl:
    """A normalised package URL. Build one with `Purl.parse` or `Purl.of`; empty means absent."""

    kind: str
    namespace: str
    name: str
    version: str
    qualifiers: tuple[tuple[str, str], ...]
    subpath: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read and normalise `text`; raise IntegrityError when it is no package URL."""
        if len(text) > PURL_LENGTH_MAX or not text.isprintable():
            raise IntegrityError(
                fact=f"package URL {text[:80]!r} is too long or not printable",
                expected=f"at most {PURL_LENGTH_MAX} printable characters",
            )
        path = text.partition("#")[0].partition("?")[0]
        if path.rpartition("/")[2].startswith("@"):
            raise IntegrityError(fact=f"package URL `{text[:120]}` has an empty name")
        try:
            parsed = PackageURL.from_string(text)
        except ValueError as error:
            raise IntegrityError(
                fact=f"`{text[:120]}` is no package URL: {error}",
                expected="pkg:TYPE/NAMESPACE/NAME@VERSION",
            ) from error
        return cls._checked(parsed)

    @classmethod
    def of(
        cls,
        kind: str,
        name: str,
        version: str = "",
        *,
        namespace: str = "",
        qualifiers: Mapping[str, str] | None = None,
        subpath: str = "",
    ) -> Self:
        """Build one from its parts; raise IntegrityError where a part breaks the type's rules."""
        try:
            parsed = PackageURL(
                type=kind,
                namespace=namespace or None,
                name=name,
                version=version or None,
                qualifiers=dict(qualifiers or {}),
                subpath=subpath or None,
            )
        except ValueError as error:
            raise IntegrityError(fact=f"no package URL for `{name[:80]}`: {error}") from error
        purl = cls._checked(parsed)
        if not purl.name.strip("/"):
            # The library drops slashes at the ends, and with them all of such a name.
            raise IntegrityError(fact=f"no package URL for `{name[:80]}`", expected="a name")
        if len(str(purl)) > PURL_LENGTH_MAX or not (name + version + namespace).isprintable():
            raise IntegrityError(
                fact=f"package URL of {name[:80]!r} is too long or not printable",
                expected=f"at most {PURL_LENGTH_MAX} printable characters",
            )
        return purl

    @classmethod
    def _checked(cls, parsed: PackageURL) -> Self:
        fields = parsed.to_dict(empty="")
        namespace, name = fields["namespace"], fields["name"]
        if fields["type"] in _LOWER_CASE:
            namespace, name = namespace.lower(), name.lower()
        if fields["type"] == "git" and namespace:
            # The definition of `git`: the namespace is the host, all that follows is the name.
            namespace, _, name = f"{namespace}/{name}".partition("/")
        purl = cls(
            kind=fields["type"],
            namespace=namespace,
            name=name,
            version=fields["version"],
            qualifiers=tuple(sorted(parsed.qualifiers.items())),
            subpath=fields["subpath"],
        )
        _check_type(purl)
        return purl

    def __str__(self) -> str:
        """Write the canonical form: encoded, qualifiers sorted."""
        namespace = "".join(_encode(part) + "/" for part in self.namespace.split("/") if part)
        version = f"@{_encode(self.version)}" if self.version else ""
        name = "/".join(map(_encode, self.name.split("/"))) if self.kind == "git" else None
        pairs = "&".join(f"{key}={_encode(value)}" for key, value in self.qualifiers)
        subpath = "/".join(_encode(part) for part in self.subpath.split("/") if part)
        return (
            f"pkg:{self.kind}/{namespace}{name or _encode(self.name)}{version}"
            f"{'?' + pairs if pairs else ''}{'#' + subpath if subpath else ''}"
        )


def _encode(part: str) -> str:
    # Purl 5.4: `:` stays as it is, `/` inside of a part does not.
    return quote(part, safe=":")


def _check_type(purl: Purl) -> None:
    expected = ""
    if purl.kind in _NAMESPACE_DEMANDED and not purl.namespace:
        expected = "a namespace"
    if purl.kind in _NAMESPACE_FORBIDDEN and purl.namespace:
        expected = "no namespace"
    if purl.kind in _NAMES and not _NAMES[purl.kind].match(purl.name):
        expected = "a name as its registry gives them"
    if purl.version and purl.kind in _VERSIONS and not _VERSIONS[purl.kind].match(purl.version):
        expected = "a version as its registry gives them"
    demanded = _QUALIFIERS_DEMANDED.get(purl.kind)
    if demanded and demanded not in dict(purl.qualifiers):
        expected = f"the qualifier `{demanded}`"
    if expected:
        raise IntegrityError(
            fact=f"package URL of type {purl.kind} for `{purl.name[:80]}` breaks its type's rules",
            expected=expected,
        )
