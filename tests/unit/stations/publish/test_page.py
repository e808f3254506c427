"""The pages: complete, escaped, self-contained, and with commands that work."""

import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sealift.core.release import PublishReport
from sealift.core.signing import SigningDesk
from sealift.core.verdict import Finding, NotAssessed
from sealift.stations.publish.model import ReleaseEvidence
from sealift.stations.publish.site import Site
from sealift.stations.publish.words import count_words, list_words, seconds_words, size_words
from sealift.testing.sample_project import SampleProject

Publish = Callable[[ReleaseEvidence], PublishReport]
_VOID = {"meta", "link", "br", "path", "rect"}


class Page(HTMLParser):
    """Text, links and balance of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.identifiers: list[str] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            if name in {"href", "src"} and value:
                self.links.append(value)
            if name == "id" and value:
                self.identifiers.append(value)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


def page_of(site: Site, version: str = "1.8.2") -> Page:
    return Page((site.folder / f"current/releases/{version}/index.html").read_text())


def test_the_page_names_every_file_with_size_and_digest(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    evidence = project.release()
    publish(evidence)
    said = page_of(site).said
    for artifact in evidence.package.artifacts:
        assert artifact.name in said
        assert artifact.file.digest.hex in said
        assert size_words(artifact.file.size_bytes) in said


def test_the_page_says_what_was_proven_and_what_was_not(
    publish: Publish, project: SampleProject, site: Site, root: bytes, desk: SigningDesk
) -> None:
    evidence = project.release()
    publish(evidence)
    said = page_of(site).said
    for verdict in evidence.gate.verdicts:
        assert verdict.title in said
        assert verdict.reason in said
    for item in evidence.gate.not_assessed:
        assert item.title in said
        assert item.reason in said
    for key in desk.public_keys():
        assert key.key_id in said
    assert "SLSA Build level 1" in said
    assert "not hermetic" in said
    assert "41 days old" in said
    assert "400 days 5 hours ahead" in said
    assert "22 November 2026, 18:55 UTC" in said
    del root


def test_every_link_of_the_pages_leads_somewhere(
    publish: Publish, project: SampleProject, python_project: SampleProject, site: Site
) -> None:
    publish(project.release("1.8.1"))
    publish(project.release("1.8.2"))
    del python_project
    current = site.folder / "current"
    for path in ("index.html", "releases/1.8.1/index.html", "releases/1.8.2/index.html"):
        page = Page((current / path).read_text())
        for link in page.links:
            if link.startswith("#"):
                assert link[1:] in page.identifiers
            elif not link.startswith(("data:", "https://jqlang.org/")):
                assert ((current / path).parent / link).exists(), link
        assert len(page.identifiers) == len(set(page.identifiers))


def test_the_pages_load_nothing_and_run_nothing(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    publish(project.release())
    for path in ("index.html", "releases/1.8.2/index.html"):
        html = (site.folder / "current" / path).read_text()
        page = Page(html)
        assert not {"script", "img", "iframe", "object", "form"} & set(page.tags)
        assert "default-src 'none'" in html
        assert "url(" not in html
        assert "@import" not in html


def test_hostile_texts_stay_texts(publish: Publish, project: SampleProject, site: Site) -> None:
    bad = "<script>alert(1)</script>\"'><b onclick=x>"
    hostile = replace(project, description=bad, homepage="javascript:alert(1)")
    evidence = hostile.release()
    finding = Finding(inspector="x", rule=bad, subject=bad, severity="low", message=bad)
    inspections = (replace(evidence.inspect.inspections[0], findings=(finding,), reason=bad),)
    gate = replace(evidence.gate, not_assessed=(NotAssessed(criterion=bad, title=bad, reason=bad),))
    publish(
        replace(evidence, inspect=replace(evidence.inspect, inspections=inspections), gate=gate)
    )
    for path in ("index.html", "releases/1.8.2/index.html"):
        html = (site.folder / "current" / path).read_text()
        assert "<script" not in html
        assert "<b onclick" not in html
        assert "javascript:" not in html


def test_a_release_without_a_site_address_uses_a_variable(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    publish(replace(project, url="").release())
    assert "sealift get jq --from $SITE --root-sha256" in page_of(site).said


def test_the_project_page_lists_releases_newest_first(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    publish(project.release("1.8.1"))
    publish(project.release("1.8.2"))
    said = Page((site.folder / "current/index.html").read_text()).said
    assert said.index("jq 1.8.2") < said.index("jq 1.8.1")


def test_the_project_page_offers_the_files_and_proofs_of_the_newest_release(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    evidence = project.release("1.8.2")
    publish(evidence)
    page = Page((site.folder / "current/index.html").read_text())
    for artifact in evidence.package.artifacts:
        assert artifact.file.digest.hex in page.said
        assert f"releases/1.8.2/{artifact.name}" in page.links
    for verdict in evidence.gate.verdicts:
        assert verdict.reason in page.said
    for item in evidence.gate.not_assessed:
        assert item.reason in page.said


def test_the_page_of_an_older_release_is_kept_as_it_was(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    publish(project.release("1.8.1"))
    path = site.folder / "current/releases/1.8.1/index.html"
    before = path.read_bytes()
    publish(project.release("1.8.2"))
    assert path.read_bytes() == before


@pytest.fixture
def by_hand(publish: Publish, project: SampleProject, site: Site, tmp_path: Path) -> Path:
    """Download what the page's recipe downloads."""
    publish(project.release())
    folder = tmp_path / "user"
    folder.mkdir()
    current = site.folder / "current"
    for path in (
        "releases/1.8.2/jq_1.8.2_amd64.deb",
        "releases/1.8.2/SHA256SUMS",
        "releases/1.8.2/SHA256SUMS.sig",
        "keys/checksums.pem",
    ):
        shutil.copy(current / path, folder)
    return folder


def commands(site: Site, program: str) -> list[str]:
    """Return the page's commands that start with `program`."""
    page = page_of(site)
    return [text for text in page.text if text.startswith(program)]


def test_the_pages_openssl_and_sha256sum_commands_succeed(by_hand: Path, site: Site) -> None:
    for line in (*commands(site, "openssl"), *commands(site, "sha256sum")):
        done = subprocess.run(shlex.split(line), cwd=by_hand, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr
    assert len(commands(site, "openssl")) == 1


def test_the_pages_commands_refuse_a_flipped_byte(by_hand: Path, site: Site) -> None:
    for name, program in (("jq_1.8.2_amd64.deb", "sha256sum"), ("SHA256SUMS", "openssl")):
        data = bytearray((by_hand / name).read_bytes())
        data[0] ^= 1
        (by_hand / name).write_bytes(bytes(data))
        [line] = commands(site, program)
        done = subprocess.run(shlex.split(line), cwd=by_hand, check=False, capture_output=True)
        assert done.returncode != 0
        data[0] ^= 1
        (by_hand / name).write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (size_words(0), "0 bytes"),
        (size_words(1_023), "1023 bytes"),
        (size_words(1_024), "1.0 KiB"),
        (size_words(1_887_436), "1.8 MiB"),
        (size_words(5 * 1_024**3), "5.0 GiB"),
        (size_words(5 * 1_024**4), "5120.0 GiB"),
        (seconds_words(0), "0 seconds"),
        (seconds_words(61), "1 minute 1 second"),
        (seconds_words(34_580_597), "400 days 5 hours"),
        (count_words(1, "file"), "1 file"),
        (count_words(2, "file"), "2 files"),
        (list_words(()), ""),
        (list_words(("a",)), "a"),
        (list_words(("a", "b", "c")), "a, b and c"),
    ],
)
def test_sizes_and_spans_are_said_in_words(said: str, words: str) -> None:
    assert said == words


def test_a_release_of_any_python_project_has_the_pip_recipe(
    publish: Publish, python_project: SampleProject, site: Site
) -> None:
    publish(python_project.release("13.9.4"))
    said = page_of(site, "13.9.4").said
    url = "https://downloads.example.org/rich"
    assert f"pip install --no-deps --index-url {url}/simple/ rich==13.9.4" in said
    assert "apt-get" not in said
