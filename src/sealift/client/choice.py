"""Choose one file of a release for this machine, or say which ones there are."""

from fnmatch import fnmatchcase
from typing import Final

from sealift.core.errors import ConfigError
from sealift.core.platform import ANY, Platform
from sealift.core.published import PublishedArtifact, ReleaseDocument

# An archive needs no package manager and no root; a .deb is better taken by apt.
PREFERENCE: Final = ("tar", "wheel", "npm", "deb", "sdist")


def choose_artifact(
    release: ReleaseDocument, *, platform: Platform, wanted: str | None
) -> PublishedArtifact:
    """Return the file for `platform`; `wanted` narrows by kind, by name, or by a glob of names.

    Raises ConfigError that lists the files where none or several fit.
    """
    if wanted is not None:
        return _one(
            [item for item in release.artifacts if _is_wanted(item, wanted)],
            release,
            f"match `{wanted[:80]}`",
        )
    fitting = [item for item in release.artifacts if item.platform in {str(platform), str(ANY)}]
    for kind in PREFERENCE:
        of_kind = [item for item in fitting if item.kind == kind]
        if of_kind:
            return _one(of_kind, release, f"are of kind {kind} for {platform}")
    return _one(fitting, release, f"are for {platform}")


def _is_wanted(artifact: PublishedArtifact, wanted: str) -> bool:
    return wanted == artifact.kind or fnmatchcase(artifact.name, wanted)


def _one(
    candidates: list[PublishedArtifact], release: ReleaseDocument, words: str
) -> PublishedArtifact:
    if len(candidates) == 1:
        return candidates[0]
    shown = candidates or release.artifacts
    listing = ", ".join(f"{item.name} ({item.kind}, {item.platform})" for item in shown)
    raise ConfigError(
        fact=f"{len(candidates)} files of {release.project} {release.version} {words}",
        expected=f"one of: {listing}",
        hint=f"run `sealift get {release.project} --file NAME`",
    )
