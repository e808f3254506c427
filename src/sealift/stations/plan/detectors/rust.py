"""Rust packages with a program: without dependencies, or with them in `vendor/`."""

import re
from typing import Final

from sealift.core.errors import ConfigError
from sealift.core.limits import DETECTION_FILE_BYTES_MAX
from sealift.stations.plan.detectors.facts import project_facts, read_text
from sealift.stations.plan.detectors.recipe import Place, Recipe, compiled
from sealift.stations.plan.document import Document
from sealift.stations.plan.model import Detected
from sealift.stations.plan.port import SourceListing

_MANIFEST: Final = re.compile(r"(?P<folder>[A-Za-z0-9._/-]+)/Cargo\.toml\Z")
_NOT_MEMBERS: Final = ("vendor/", "target/", "tests/", "examples/", "benches/", "fuzz/")
_PROGRAM: Final = re.compile(r"src/(?:main\.rs|bin/.+\.rs)\Z")
_MEMBERS_MAX: Final = 64
_ENVIRONMENT: Final = 'export RUSTFLAGS="--remap-path-prefix=$PWD=. --remap-path-prefix=$HOME=."'


class RustDetector:
    """The port `Detector` for Rust."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Read `Cargo.toml` and `Cargo.lock`, and which packages have programs.

        Raises ConfigError without a lock, for dependencies that are not in `vendor/`, and for mere
        libraries.
        """
        paths = files.paths()
        if "Cargo.toml" not in paths:
            return None
        manifest = _manifest(files, "Cargo.toml")
        package = _table(manifest.get("package"))
        if not package and not _table(manifest.get("workspace")):
            return None
        _check_lock(files, paths)
        programs = _programs(files, paths, manifest)
        if not programs:
            raise ConfigError(
                where="Cargo.toml",
                fact="there is no package with a program",
                expected="a `src/main.rs`: a Rust library is published by cargo",
                hint="write a sealift.toml by hand, see docs/reference/manifest.md",
            )
        return Detected(
            kind="rust",
            project=project_facts(
                files,
                name=_text(package.get("name")),
                # Cargo took `/` for OR before it asked for SPDX.
                licence=_text(package.get("license")).replace("/", " OR "),
                description=_text(package.get("description")),
                homepage=_text(package.get("homepage")) or _text(package.get("repository")),
            ),
            targets=programs,
        )

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Install the programs by cargo, which may neither change the lock nor ask the network."""
        install = 'cargo install --frozen --no-track --root "$SEALIFT_OUT"/usr --path'
        return compiled(
            place,
            build=(_ENVIRONMENT, *(f"{install} {program}" for program in detected.targets)),
            check=(_ENVIRONMENT, "cargo test --frozen --workspace"),
        )


def _check_lock(files: SourceListing, paths: tuple[str, ...]) -> None:
    if "Cargo.lock" not in paths:
        raise ConfigError(
            where="Cargo.toml",
            fact="there is no `Cargo.lock`",
            expected="it in the commit, so that every build takes the same crates",
            hint="cargo generate-lockfile && git add Cargo.lock",
        )
    foreign = "source = " in read_text(files, "Cargo.lock")
    if foreign and not any(path.startswith("vendor/") for path in paths):
        raise ConfigError(
            where="Cargo.lock",
            fact="the lock names crates, and nothing is downloaded in a build",
            expected="them in `vendor/`, and `.cargo/config.toml` that says so",
            hint="mkdir -p .cargo && cargo vendor > .cargo/config.toml && git add .cargo vendor",
        )


def _programs(
    files: SourceListing, paths: tuple[str, ...], manifest: dict[str, object]
) -> tuple[str, ...]:
    """Return the folders of packages with a program, `.` for the top."""
    folders = [
        match["folder"]
        for path in paths
        if (match := _MANIFEST.match(path)) and not path.startswith(_NOT_MEMBERS)
    ]
    found = ["."] if _has_program(paths, "", manifest) else []
    if "workspace" in manifest:
        found += [
            folder
            for folder in folders[:_MEMBERS_MAX]
            if _has_program(paths, f"{folder}/", _manifest(files, f"{folder}/Cargo.toml"))
        ]
    return tuple(found)


def _has_program(paths: tuple[str, ...], prefix: str, manifest: dict[str, object]) -> bool:
    if not _table(manifest.get("package")):
        return False
    inside = (path.removeprefix(prefix) for path in paths if path.startswith(prefix))
    return bool(manifest.get("bin")) or any(_PROGRAM.match(path) for path in inside)


def _manifest(files: SourceListing, path: str) -> dict[str, object]:
    data = files.read(path, size_bytes_max=DETECTION_FILE_BYTES_MAX)
    root = Document(data, path=path, bytes_max=DETECTION_FILE_BYTES_MAX).root()
    return {key: root.raw(key) for key in root}


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
