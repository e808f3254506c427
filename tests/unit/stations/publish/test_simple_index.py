"""The simple index, read as installers read it."""

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from sealift.core.digest import Digest
from sealift.core.release import PublishReport
from sealift.stations.publish.catalogue import read_catalogue
from sealift.stations.publish.model import Catalogue, CatalogueFile, ReleaseEvidence, WrittenFile
from sealift.stations.publish.simple_index import SimpleIndex
from sealift.stations.publish.site import Site
from sealift.stations.publish.trusted_tree import TrustedTree
from sealift.stations.publish.words import parse_time
from sealift.testing.packages import core_metadata
from sealift.testing.sample_project import RELEASED_AT_S, SampleProject

Publish = Callable[[ReleaseEvidence], PublishReport]
AT = parse_time("2026-11-22T18:55:00Z")


class Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attributes))


@pytest.fixture
def tree(publish: Publish, python_project: SampleProject, site: Site) -> Path:
    publish(python_project.release("13.9.3"))
    publish(python_project.release("13.9.4", released_at_s=RELEASED_AT_S + 60))
    return site.folder / "current"


@pytest.fixture
def catalogue(tree: Path, root: bytes) -> Catalogue:
    return read_catalogue(TrustedTree(tree, root), Digest.of(root))


def follow(tree: Path, url: str) -> Path:
    """Resolve a link of the project's page as an installer does."""
    address = urljoin("http://host/simple/rich/", urldefrag(url).url)
    return tree / address.removeprefix("http://host/")


def test_every_link_leads_to_a_file_with_the_digest_it_states(tree: Path) -> None:
    links = Links((tree / "simple/rich/index.html").read_text()).found
    assert len(links) == 4
    for link in links:
        url, fragment = urldefrag(link["href"] or "")
        assert fragment == f"sha256={Digest.of(follow(tree, url).read_bytes()).hex}"


def test_requires_python_survives_the_escaping(tree: Path) -> None:
    text = (tree / "simple/rich/index.html").read_text()
    assert 'data-requires-python="&gt;=3.8"' in text
    for link in Links(text).found:
        assert SpecifierSet(link["data-requires-python"] or "") == SpecifierSet(">=3.8")


def test_wheels_offer_their_metadata_and_sdists_do_not(tree: Path) -> None:
    for link in Links((tree / "simple/rich/index.html").read_text()).found:
        file = follow(tree, link["href"] or "")
        if file.suffix == ".whl":
            parse_wheel_filename(file.name)
            metadata = file.with_name(f"{file.name}.metadata").read_bytes()
            assert link["data-core-metadata"] == f"sha256={Digest.of(metadata).hex}"
            assert link["data-dist-info-metadata"] == link["data-core-metadata"]
        else:
            parse_sdist_filename(file.name)
            assert "data-core-metadata" not in link


def test_json_says_what_html_says(tree: Path) -> None:
    page = json.loads((tree / "simple/rich/index.json").read_text())
    assert page["meta"] == {"api-version": "1.1"}
    assert page["name"] == "rich"
    assert page["versions"] == ["13.9.3", "13.9.4"]
    links = Links((tree / "simple/rich/index.html").read_text()).found
    assert [f"{file['url']}#sha256={file['hashes']['sha256']}" for file in page["files"]] == [
        link["href"] for link in links
    ]
    for file in page["files"]:
        assert file["size"] == follow(tree, file["url"]).stat().st_size
        assert file["requires-python"] == ">=3.8"
        assert parse_time(file["upload-time"]) >= AT


def named(catalogue: Catalogue, *, old: str, new: str, kinds: tuple[str, ...]) -> Catalogue:
    """Return the catalogue with files of some kinds under another project's name."""

    def renamed(file: CatalogueFile) -> CatalogueFile:
        artifact = file.artifact
        name = artifact.name.replace(f"{old}-", f"{new}-", 1)
        return replace(file, artifact=replace(artifact, name=name))

    releases = tuple(
        replace(
            release,
            files=tuple(
                renamed(file) if file.artifact.kind in kinds else file for file in release.files
            ),
        )
        for release in catalogue.releases
    )
    return replace(catalogue, releases=releases)


def test_two_python_projects_of_one_repository_have_a_page_each(catalogue: Catalogue) -> None:
    both = named(catalogue, old="rich", new="rich_cli", kinds=("sdist",))
    files = {file.path: file for file in SimpleIndex().publish(both, AT)}
    pages = {
        name: json.loads(page.data)
        for name in ("rich", "rich-cli")
        if isinstance(page := files[f"simple/{name}/index.json"], WrittenFile)
    }
    assert all(file["filename"].endswith(".whl") for file in pages["rich"]["files"])
    assert all(file["filename"].startswith("rich_cli-") for file in pages["rich-cli"]["files"])
    listed = files["simple/index.json"]
    assert isinstance(listed, WrittenFile)
    assert json.loads(listed.data)["projects"] == [{"name": "rich"}, {"name": "rich-cli"}]


def test_the_list_names_the_normalised_project(catalogue: Catalogue) -> None:
    odd = named(catalogue, old="rich", new="Rich.Text_tool", kinds=("wheel", "sdist"))
    files = {file.path: file for file in SimpleIndex().publish(odd, AT)}
    assert set(files) == {
        "simple/rich-text-tool/index.html",
        "simple/rich-text-tool/index.json",
        "simple/index.html",
        "simple/index.json",
    }
    listed = files["simple/index.json"]
    assert isinstance(listed, WrittenFile)
    assert json.loads(listed.data)["projects"] == [{"name": "rich-text-tool"}]


def test_hostile_metadata_cannot_leave_its_attribute(catalogue: Catalogue) -> None:
    hostile = core_metadata(
        name="rich", version="1", extra='Requires-Python: >=3"><script>alert(1)</script>\n'
    )
    release = catalogue.releases[0]
    files = tuple(replace(file, metadata=hostile) for file in release.files)
    changed = replace(catalogue, releases=(replace(release, files=files),))
    page = SimpleIndex().publish(changed, AT)[0]
    assert isinstance(page, WrittenFile)
    assert b"<script" not in page.data
    assert all("onclick" not in link for link in Links(page.data.decode()).found)


def test_a_local_version_is_quoted_in_its_address(catalogue: Catalogue) -> None:
    release = catalogue.releases[0]
    local = replace(release, document=replace(release.document, version="1.0+local"))
    page = SimpleIndex().publish(replace(catalogue, releases=(local,)), AT)[0]
    assert isinstance(page, WrittenFile)
    assert b"../../releases/1.0%2Blocal/" in page.data


def test_without_a_distribution_there_is_no_index(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    publish(project.release())
    assert not (site.folder / "current/simple").exists()
