"""A file that users download."""

from dataclasses import dataclass
from typing import Literal

from sealift.core.digest import Descriptor, Digest
from sealift.core.platform import Platform

ArtifactKind = Literal["wheel", "sdist", "npm", "tar", "deb"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file of a release.

    `name` is the file's name, `package` the table of the manifest that asked for it. `stage` and
    `tree` say where it came from: the file lies in that tree at `path`; if a package action made
    it, `action` is that action's digest.
    """

    name: str
    kind: ArtifactKind
    package: str
    platform: Platform
    file: Descriptor
    stage: str
    tree: Digest
    path: str
    action: Digest
