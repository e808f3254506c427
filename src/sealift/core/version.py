"""A release's version, as its tag states it.

Numbering schemes differ by ecosystem; here a version is only a safe name with one fact: whether it
is a pre-release (which never reaches `stable`).
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from sealift.core.errors import ConfigError

_NAME: Final = re.compile(r"[0-9][0-9A-Za-z.+~-]{0,63}\Z")
_TAG: Final = re.compile(r"(?:[A-Za-z][0-9A-Za-z_.]*-)?v?(?P<version>[0-9].*)\Z")
_PRERELEASE: Final = re.compile(
    r"(?i)(?:\d|[.~-])(a|b|c|rc|alpha|beta|pre|preview|dev)[.-]?\d*(?:\b|_|\Z)"
)
_SNAPSHOT: Final = re.compile(r"\+snapshot\b")


@dataclass(frozen=True, slots=True)
class Version:
    """A version that is safe in file names and addresses."""

    text: str

    def __post_init__(self) -> None:
        """Refuse text that is no plain version."""
        if not _NAME.match(self.text):
            raise ConfigError(
                fact=f"`{self.text[:80]}` is no version",
                expected="digits first, then [0-9A-Za-z.+~-]",
            )

    @classmethod
    def from_tag(cls, tag: str) -> Self:
        """Read `1.8.2`, `v1.8.2` or `jq-1.8.2`; raise ConfigError for another tag."""
        match = _TAG.match(tag)
        if not match:
            raise ConfigError(fact=f"tag `{tag}` names no version", expected="a tag like `v1.2.3`")
        return cls(match["version"])

    @property
    def is_prerelease(self) -> bool:
        """Whether the text marks an alpha, beta, candidate, development or snapshot version."""
        return bool(_PRERELEASE.search(self.text) or _SNAPSHOT.search(self.text))

    def __str__(self) -> str:
        return self.text
