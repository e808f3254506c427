"""How people check a release by hand: exact commands, with this tree's address in them.

The commands are data, so that tests can run what the page shows.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from packaging.utils import parse_wheel_filename

from sealift.core.published import CHECKSUMS_NAME, PublishedArtifact, release_target
from sealift.core.signing import KeyRole, PublicKey
from sealift.stations.publish.apt_repository import keyring_name
from sealift.stations.publish.model import (
    CHECKSUMS_KEY_TARGET,
    CHECKSUMS_SIGNATURE_NAME,
    Catalogue,
    CatalogueFile,
    CatalogueRelease,
)
from sealift.stations.publish.python_metadata import has_requirements

_ADDRESS_VARIABLE: Final = "$SITE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Commands for one kind of user; `lines` are typed in order."""

    name: str
    title: str
    text: str
    lines: tuple[str, ...]
    note: str = ""


def recipes(
    release: CatalogueRelease, catalogue: Catalogue, keys: Iterable[PublicKey]
) -> tuple[Recipe, ...]:
    """Return the recipes that fit a release's files, the strongest check first."""
    key_ids = {key.role: key.key_id for key in keys}
    artifacts, version = release.document.artifacts, release.document.version
    found = [_sealift(catalogue)]
    wheels = [file for file in release.files if file.artifact.kind == "wheel"]
    if wheels:
        found.append(_pip(version, wheels[0], catalogue))
    if any(artifact.kind == "deb" for artifact in artifacts):
        found.append(_apt(release, catalogue, key_ids.get(KeyRole.APT, "")))
    if artifacts:
        found.append(_by_hand(version, artifacts[0], catalogue))
    return tuple(found)


def address(catalogue: Catalogue) -> str:
    """Return the site's address, or a variable for the reader to set where none is configured."""
    return catalogue.project.url or _ADDRESS_VARIABLE


def _sealift(catalogue: Catalogue) -> Recipe:
    name, url = shlex.quote(catalogue.project.name), address(catalogue)
    return Recipe(
        name="sealift",
        title="With Sealift",
        text=(
            "Checks everything on this page down to the source commit, "
            "and trusts nothing but the root fingerprint."
        ),
        lines=(
            f"sealift get {name} --from {url} --root-sha256 {catalogue.root_digest.hex}",
            "sealift verify FILE",
        ),
        note="Before you pin the fingerprint, compare it with what the project says elsewhere.",
    )


def _pip(version: str, wheel: CatalogueFile, catalogue: Catalogue) -> Recipe:
    name = parse_wheel_filename(wheel.artifact.name)[0]
    dependencies = "--no-deps " if has_requirements(wheel.metadata) else ""
    return Recipe(
        name="pip",
        title="With pip",
        text="Checks the file against the sha256 in this tree's index, over your connection to it.",
        lines=(
            f"pip install {dependencies}--index-url {address(catalogue)}/simple/ {name}=={version}",
        ),
        note=(
            "Its dependencies come from the index that you use otherwise: install them from there."
            if dependencies
            else ""
        ),
    )


def _apt(release: CatalogueRelease, catalogue: Catalogue, fingerprint: str) -> Recipe:
    name = catalogue.project.name
    keyring = f"{keyring_name(name)}.asc"
    # deb(5): NAME_VERSION_ARCHITECTURE.deb
    packages = " ".join(
        artifact.name.partition("_")[0]
        for artifact in release.document.artifacts
        if artifact.kind == "deb"
    )
    url = address(catalogue)
    return Recipe(
        name="apt",
        title="With apt",
        text="Checks the signed index, its age, and the package's sha256.",
        lines=(
            f"curl -fsSLO {url}/apt/{keyring}",
            f"gpg --show-keys {keyring}",
            f"sudo install -Dm644 {keyring} /etc/apt/keyrings/{keyring}",
            f"sudo curl -fsSLo /etc/apt/sources.list.d/{name}.sources {url}/apt/{name}.sources",
            f"sudo apt-get update && sudo apt-get install {packages}",
        ),
        note=f"The second command must show the key {fingerprint}." if fingerprint else "",
    )


def _by_hand(version: str, artifact: PublishedArtifact, catalogue: Catalogue) -> Recipe:
    url = address(catalogue)
    base = f"{url}/{release_target(version, '')}"
    return Recipe(
        name="by-hand",
        title="By hand",
        text="With coreutils and openssl, which every system has.",
        lines=(
            f"curl -fsSLO {base}{artifact.name}",
            f"curl -fsSLO {base}{CHECKSUMS_NAME} -O {base}{CHECKSUMS_SIGNATURE_NAME}",
            f"curl -fsSLO {url}/{CHECKSUMS_KEY_TARGET}",
            openssl_line(),
            f"sha256sum --check --ignore-missing {CHECKSUMS_NAME}",
        ),
        note="Get checksums.pem once, from a place that you trust, and keep it.",
    )


def openssl_line() -> str:
    """Return the command that checks the signature of the checksums."""
    return (
        "openssl dgst -sha256 -verify checksums.pem "
        f"-signature {CHECKSUMS_SIGNATURE_NAME} {CHECKSUMS_NAME}"
    )
