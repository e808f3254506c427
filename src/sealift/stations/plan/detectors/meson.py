"""Meson projects, by the `meson.build` at the top."""

import re
from typing import Final

from sealift.stations.plan.detectors.facts import project_facts, read_text
from sealift.stations.plan.detectors.recipe import Place, Recipe, compiled
from sealift.stations.plan.model import Detected
from sealift.stations.plan.port import SourceListing

_COMMENT: Final = re.compile(r"#[^\n]*")
_PROJECT: Final = re.compile(r"^\s*project\s*\(\s*'([^'\n]+)'([^)]*)", re.MULTILINE)
_LICENCE: Final = re.compile(r"\blicense\s*:\s*'([^'\n]+)'")
_SUITE: Final = re.compile(r"^\s*test\s*\(", re.MULTILINE)
# No wrap may fetch anything: what is needed lies in the source or in the toolchain.
_SETUP: Final = "meson setup _build --prefix=/usr --buildtype=release --wrap-mode=nodownload"
_FILES_READ_MAX: Final = 64


class MesonDetector:
    """The port `Detector` for Meson."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Read the command `project`; a `meson.build` without one is a part of something."""
        paths = files.paths()
        if "meson.build" not in paths:
            return None
        text = _COMMENT.sub("", read_text(files, "meson.build"))
        found = _PROJECT.search(text)
        if not found:
            return None
        licence = _LICENCE.search(found[2])
        described = [path for path in paths if path.endswith("/meson.build")][:_FILES_READ_MAX]
        suite = any(
            _SUITE.search(_COMMENT.sub("", each))
            for each in (text, *(read_text(files, path) for path in described))
        )
        return Detected(
            kind="meson",
            project=project_facts(files, name=found[1], licence=licence[1] if licence else ""),
            targets=("test",) if suite else (),
        )

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Set up, compile, install and test by meson."""
        make = (_SETUP, "meson compile -C _build")
        return compiled(
            place,
            build=(*make, 'DESTDIR="$SEALIFT_OUT" meson install -C _build --no-rebuild'),
            check=(*make, "meson test -C _build --print-errorlogs") if detected.targets else (),
        )
