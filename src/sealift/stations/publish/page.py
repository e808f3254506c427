"""The pages that people read: the project's, and one a release.

Jinja templates beside this file draw values that `release_view.py` and this module decide; every
text is escaped. A page loads nothing from elsewhere and runs no script, which its own content
security policy says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from sealift.core.published import ReleaseDocument, release_target
from sealift.core.signing import PublicKey
from sealift.stations.publish.model import Catalogue, ReleaseEvidence, TreeFile, WrittenFile
from sealift.stations.publish.release_view import (
    PlatformView,
    VerdictView,
    platform_views,
    proven_words,
    release_view,
    safe_link,
    verdict_views,
)
from sealift.stations.publish.verification import Recipe, address, recipes
from sealift.stations.publish.words import (
    count_words,
    date_words,
    fingerprint_groups,
    parse_time,
    size_words,
)

PAGE_NAME: Final = "index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """One release in the project's list, newest first."""

    version: str
    date: str
    tag: str
    commit: str
    files: str
    size: str
    verdict: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestView:
    """The release that the project's page offers: what `stable` names, else the newest."""

    version: str
    folder: str
    date: str
    proven: str
    platforms: tuple[PlatformView, ...]
    recipes: tuple[Recipe, ...]
    verdicts: tuple[VerdictView, ...]
    gate_policy: str
    not_assessed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """Everything that the project's page shows."""

    name: str
    description: str
    homepage: str
    licence: str
    address: str
    releases: tuple[ReleaseRow, ...]
    latest: LatestView | None
    stable: str
    root_digest: str
    root_groups: str
    has_apt: bool
    has_simple: bool


class Pages:
    """The `Publisher` of the project's page, and the maker of release pages."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._keys = tuple(keys)
        self._templates = Environment(
            loader=PackageLoader("sealift.stations.publish"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def publish(self, catalogue: Catalogue, at: datetime) -> tuple[TreeFile, ...]:
        """Return the project's page: its releases, channels and fingerprint."""
        del at
        page = self._templates.get_template("project.html").render(
            view=_project_view(catalogue, self._keys)
        )
        return (WrittenFile(path=PAGE_NAME, data=page.encode()),)

    def release(self, evidence: ReleaseEvidence, catalogue: Catalogue) -> tuple[TreeFile, ...]:
        """Return the page of one release; it is written once and never changed."""
        view = release_view(evidence, catalogue, self._keys)
        page = self._templates.get_template("release.html").render(view=view)
        return (WrittenFile(path=release_target(evidence.version, PAGE_NAME), data=page.encode()),)


def _project_view(catalogue: Catalogue, keys: tuple[PublicKey, ...]) -> ProjectView:
    project = catalogue.project
    pointed = {document.channel: document.version for document in catalogue.channels}
    kinds = {file.artifact.kind for release in catalogue.releases for file in release.files}
    rows = tuple(
        _row(
            release.document,
            tuple(name for name, version in pointed.items() if version == release.document.version),
        )
        for release in reversed(catalogue.releases)
    )
    return ProjectView(
        name=project.name,
        description=project.description,
        homepage=safe_link(project.homepage),
        licence=project.licence,
        address=address(catalogue),
        releases=rows,
        latest=_latest(catalogue, keys, pointed.get("stable", "")),
        stable=pointed.get("stable", ""),
        root_digest=catalogue.root_digest.hex,
        root_groups=fingerprint_groups(catalogue.root_digest.hex),
        has_apt="deb" in kinds,
        has_simple=bool(kinds & {"wheel", "sdist"}),
    )


def _latest(catalogue: Catalogue, keys: tuple[PublicKey, ...], stable: str) -> LatestView | None:
    if not catalogue.releases:
        return None
    offered = [one for one in catalogue.releases if one.document.version == stable]
    release = (offered or catalogue.releases)[-1]
    document = release.document
    return LatestView(
        version=document.version,
        folder=release_target(document.version, ""),
        date=date_words(parse_time(document.released_at)),
        proven=proven_words(document.verdicts),
        platforms=platform_views(document.artifacts),
        recipes=recipes(release, catalogue, keys),
        verdicts=verdict_views(document.verdicts),
        gate_policy=document.gate_policy,
        not_assessed=tuple((item.title, item.reason) for item in document.not_assessed),
    )


def _row(document: ReleaseDocument, channels: tuple[str, ...]) -> ReleaseRow:
    return ReleaseRow(
        version=document.version,
        date=date_words(parse_time(document.released_at)),
        tag=document.tag,
        commit=document.commit[:12],
        files=count_words(len(document.artifacts), "file"),
        size=size_words(sum(artifact.size_bytes for artifact in document.artifacts)),
        verdict=proven_words(document.verdicts),
        channels=channels,
    )
