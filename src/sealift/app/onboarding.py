"""`sealift init`: what the project is, and the manifest that says so."""

from dataclasses import dataclass

from sealift.app.places import MANIFEST_NAME, STATE_FOLDER
from sealift.app.wiring import House
from sealift.core.errors import ConfigError
from sealift.stations.plan.detection import detect
from sealift.stations.plan.listing import FolderListing
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.manifest_text import render_manifest
from sealift.stations.plan.model import Detected

_IGNORED = f"/{STATE_FOLDER}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarded:
    """What `init` found and wrote."""

    kind: str
    project: str
    path: str
    text: str
    stages: tuple[str, ...]
    packages: tuple[str, ...]
    written: bool


def write_manifest(
    house: House, *, configure_options: tuple[str, ...], url: str, force: bool, dry_run: bool
) -> Onboarded:
    """Detect the project and write its manifest; name `.sealift/` in `.gitignore`.

    Raises ConfigError when there is a manifest (unless `force`) or nothing is recognised.
    """
    path = house.checkout.manifest
    if path.exists() and not (force or dry_run):
        raise ConfigError(
            where=MANIFEST_NAME,
            fact="there is a manifest already",
            expected="none",
            hint="sealift init --force",
        )
    listing = FolderListing(house.checkout.folder)
    detected: Detected = detect(listing, configure_options=configure_options)
    text = render_manifest(detected, url=url)
    manifest = parse_manifest(text.encode(), path=MANIFEST_NAME)
    if not dry_run:
        house.world.files.write_durably(path, text.encode())
        _ignore_state(house)
    return Onboarded(
        kind=detected.kind,
        project=manifest.project.name,
        path=str(path),
        text=text,
        stages=tuple(stage.name for stage in manifest.stages),
        packages=tuple(package.kind for package in manifest.packages),
        written=not dry_run,
    )


def _ignore_state(house: House) -> None:
    path = house.checkout.folder / ".gitignore"
    lines = path.read_text().splitlines() if path.exists() else []
    if not {_IGNORED, STATE_FOLDER, f"{STATE_FOLDER}/"} & set(lines):
        house.world.files.write_durably(path, "\n".join([*lines, _IGNORED, ""]).encode())
