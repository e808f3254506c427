"""The apt repository, judged by gpgv, and by what apt demands of its files."""

import gzip
import lzma
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError
from sealift.core.limits import TIMESTAMP_EXPIRY_DAYS
from sealift.core.release import PublishReport
from sealift.core.signing import KeyRole, Signature, SignatureForm, SigningDesk
from sealift.stations.publish.apt_repository import AptRepository, sources_example
from sealift.stations.publish.catalogue import read_catalogue
from sealift.stations.publish.model import Catalogue, CatalogueFile, ReleaseEvidence, WrittenFile
from sealift.stations.publish.openpgp import dearmour
from sealift.stations.publish.site import Site
from sealift.stations.publish.trusted_tree import TrustedTree
from sealift.testing.packages import control_paragraph
from sealift.testing.sample_project import RELEASED_AT_S, SampleProject
from sealift.testing.signing_desk import InMemoryDesk

Publish = Callable[[ReleaseEvidence], PublishReport]
AT = datetime.fromtimestamp(RELEASED_AT_S, tz=UTC)


@pytest.fixture
def apt(publish: Publish, project: SampleProject, site: Site) -> Path:
    publish(project.release("1.8.1"))
    publish(project.release("1.8.2", released_at_s=RELEASED_AT_S + 60))
    return site.folder / "current" / "apt"


@pytest.fixture
def catalogue(apt: Path, root: bytes) -> Catalogue:
    return read_catalogue(TrustedTree(apt.parent, root), Digest.of(root))


def paragraph(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith(" "):
            fields[name] += f"\n{line}"
        else:
            name, _, value = line.partition(":")
            assert name not in fields
            fields[name] = value.strip()
    return fields


def gpgv(apt: Path, *arguments: str) -> int:
    keyring = apt / "jq-archive-keyring.gpg"
    return subprocess.run(
        ["gpgv", "--homedir", str(apt), "--keyring", str(keyring), *arguments],  # noqa: S607 - the stock tool
        check=False,
        capture_output=True,
        cwd=apt / "dists/stable",
    ).returncode


def test_gpgv_accepts_both_signatures(apt: Path) -> None:
    assert gpgv(apt, "InRelease") == 0
    assert gpgv(apt, "Release.gpg", "Release") == 0


def test_gpgv_refuses_a_changed_byte(apt: Path) -> None:
    inline = apt / "dists/stable/InRelease"
    inline.write_bytes(inline.read_bytes().replace(b"Suite: stable", b"Suite: stabbe"))
    assert gpgv(apt, "InRelease") != 0
    release = apt / "dists/stable/Release"
    release.write_bytes(release.read_bytes() + b" ")
    assert gpgv(apt, "Release.gpg", "Release") != 0


def test_gpgv_refuses_a_signature_by_another_key(apt: Path) -> None:
    other = InMemoryDesk(seed=b"other", project="jq")
    release = (apt / "dists/stable/Release").read_bytes()
    signed = other.sign(KeyRole.APT, release, at_s=RELEASED_AT_S, form="openpgp-clear").value
    (apt / "dists/stable/InRelease").write_bytes(signed)
    assert gpgv(apt, "InRelease") != 0


def test_release_names_itself_and_its_time(apt: Path) -> None:
    fields = paragraph((apt / "dists/stable/Release").read_text())
    assert fields["Origin"] == "jq (Sealift)"
    assert fields["Label"] == "jq (Sealift)"
    assert fields["Suite"] == fields["Codename"] == "stable"
    assert fields["Acquire-By-Hash"] == "yes"
    assert fields["Architectures"] == "amd64"
    assert fields["Components"] == "main"
    assert fields["Date"] == "Sun, 22 Nov 2026 18:56:00 UTC"
    lifetime = parsedate_to_datetime(fields["Valid-Until"]) - parsedate_to_datetime(fields["Date"])
    assert lifetime.days == TIMESTAMP_EXPIRY_DAYS


def test_release_lists_every_index_and_each_lies_by_its_hash(apt: Path) -> None:
    dists = apt / "dists/stable"
    rows = [
        line.split()
        for line in paragraph((dists / "Release").read_text())["SHA256"].splitlines()
        if line
    ]
    assert [path for _, _, path in rows] == [
        f"main/binary-amd64/Packages{suffix}" for suffix in ("", ".gz", ".xz")
    ]
    for digest, size, path in rows:
        data = (dists / path).read_bytes()
        assert (Digest.of(data).hex, len(data)) == (digest, int(size))
        by_hash = dists / "main/binary-amd64/by-hash/SHA256" / digest
        assert by_hash.samefile(dists / path)


def test_indices_of_the_release_before_stay_by_hash(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    publish(project.release("1.8.1"))
    folder = site.folder / "current/apt/dists/stable/main/binary-amd64"
    before = {path.name for path in (folder / "by-hash/SHA256").iterdir()}
    publish(project.release("1.8.2"))
    after = {path.name for path in (folder / "by-hash/SHA256").iterdir()}
    assert before < after


def test_the_three_forms_of_the_index_hold_the_same(apt: Path) -> None:
    folder = apt / "dists/stable/main/binary-amd64"
    plain = (folder / "Packages").read_bytes()
    assert gzip.decompress((folder / "Packages.gz").read_bytes()) == plain
    assert lzma.decompress((folder / "Packages.xz").read_bytes()) == plain


def test_every_package_of_the_index_lies_in_the_pool_with_its_digest(apt: Path) -> None:
    text = (apt / "dists/stable/main/binary-amd64/Packages").read_text()
    stanzas = [paragraph(stanza) for stanza in text.split("\n\n")]
    assert [stanza["Version"] for stanza in stanzas] == ["1.8.1", "1.8.2"]
    for stanza in stanzas:
        data = (apt / stanza["Filename"]).read_bytes()
        assert stanza["Filename"].startswith("pool/main/j/jq/")
        assert (stanza["SHA256"], stanza["Size"]) == (Digest.of(data).hex, str(len(data)))
        assert stanza["Depends"] == "libc6 (>= 2.34)"


def test_a_planted_package_in_the_old_index_is_not_signed_again(
    publish: Publish, project: SampleProject, site: Site
) -> None:
    publish(project.release("1.8.1"))
    index = site.folder / "current/apt/dists/stable/main/binary-amd64/Packages"
    index.write_text(index.read_text() + "\nPackage: evil\n")
    publish(project.release("1.8.2"))
    assert "evil" not in index.read_text()


def test_packages_for_all_architectures_are_in_each_index(
    catalogue: Catalogue, desk: SigningDesk
) -> None:
    release = catalogue.releases[0]
    file = next(file for file in release.files if file.artifact.kind == "deb")
    control = control_paragraph(package="jq-doc", version="1", architecture="all")
    doc = CatalogueFile(artifact=replace(file.artifact, name="jq-doc_1_all.deb"), metadata=control)
    both = replace(catalogue, releases=(replace(release, files=(file, doc)),))
    only = replace(catalogue, releases=(replace(release, files=(doc,)),))
    for changed in (both, only):
        files = AptRepository(desk).publish(changed, AT)
        index = next(
            file.data
            for file in files
            if isinstance(file, WrittenFile) and file.path.endswith("binary-amd64/Packages")
        )
        assert b"Package: jq-doc\n" in index


def test_libraries_lie_under_four_letters(catalogue: Catalogue, desk: SigningDesk) -> None:
    library = replace(catalogue, project=replace(catalogue.project, name="libjq"))
    paths = [file.path for file in AptRepository(desk).publish(library, AT)]
    assert "apt/pool/main/libj/libjq/jq_1.8.1_amd64.deb" in paths


def test_inrelease_is_the_entry_object_and_comes_last(
    catalogue: Catalogue, desk: SigningDesk
) -> None:
    paths = [file.path for file in AptRepository(desk).publish(catalogue, AT)]
    assert paths[-1] == "apt/dists/stable/InRelease"


def test_without_a_package_there_is_no_repository(catalogue: Catalogue, desk: SigningDesk) -> None:
    release = catalogue.releases[0]
    none = replace(catalogue, releases=(replace(release, files=()),))
    assert AptRepository(desk).publish(none, AT) == ()


def test_the_source_names_its_own_key_only(catalogue: Catalogue) -> None:
    text = "\n".join(
        line for line in sources_example(catalogue).splitlines() if not line.startswith("#")
    )
    assert paragraph(text) == {
        "Types": "deb",
        "URIs": "https://downloads.example.org/jq/apt",
        "Suites": "stable",
        "Components": "main",
        "Architectures": "amd64",
        "Signed-By": "/etc/apt/keyrings/jq-archive-keyring.asc",
    }


class TalkativeDesk(InMemoryDesk):
    """A signer that adds a line of its own to what it signs."""

    def sign(
        self, role: KeyRole, payload: bytes, *, at_s: int, form: SignatureForm = "raw"
    ) -> Signature:
        return super().sign(role, payload + b"Extra: yes\n", at_s=at_s, form=form)


def test_a_signed_text_that_is_not_ours_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(IntegrityError, match="InRelease"):
        AptRepository(TalkativeDesk(project="jq")).publish(catalogue, AT)


def certificate(desk: SigningDesk) -> str:
    return next(key.text for key in desk.public_keys() if key.role is KeyRole.APT)


def test_the_binary_key_is_what_gpg_makes_of_the_armoured_one(
    desk: SigningDesk, tmp_path: Path
) -> None:
    text = certificate(desk)
    by_gpg = subprocess.run(
        ["gpg", "--homedir", str(tmp_path), "--dearmor"],  # noqa: S607 - the stock tool
        input=text.encode(),
        capture_output=True,
        check=True,
    ).stdout
    assert dearmour(text) == by_gpg


@pytest.mark.parametrize("change", ["", "no armour", "body", "checksum", "private"])
def test_a_damaged_certificate_is_refused(desk: SigningDesk, change: str) -> None:
    text = certificate(desk)
    lines = text.strip().splitlines()
    place = lines.index("") + 1
    assert any(line.startswith("=") for line in lines)
    match change:
        case "body":
            letter = "B" if lines[place][5] == "A" else "A"
            lines[place] = lines[place][:5] + letter + lines[place][6:]
        case "checksum":
            lines[place] = lines[place] + "*"
        case "private":
            lines[0] = lines[0].replace("PUBLIC", "PRIVATE")
        case _:
            lines = [change]
    with pytest.raises(IntegrityError, match="OpenPGP"):
        dearmour("\n".join(lines))
