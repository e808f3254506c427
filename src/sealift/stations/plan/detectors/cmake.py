"""CMake projects, by the `CMakeLists.txt` at the top."""

import re
from typing import Final

from sealift.stations.plan.detectors.facts import project_facts, read_text
from sealift.stations.plan.detectors.recipe import Place, Recipe, compiled
from sealift.stations.plan.model import Detected
from sealift.stations.plan.port import SourceListing

_COMMENT: Final = re.compile(r"#[^\n]*")
_PROJECT: Final = re.compile(r"(?i)^\s*project\s*\(\s*([A-Za-z0-9_.+-]+)([^)]*)", re.MULTILINE)
_DESCRIPTION: Final = re.compile(r'DESCRIPTION\s+"([^"]*)"')
_HOMEPAGE: Final = re.compile(r'HOMEPAGE_URL\s+"([^"]*)"')
_SUITE: Final = re.compile(
    r"(?i)^\s*(?:enable_testing\s*\(|include\s*\(\s*CTest\s*\))", re.MULTILINE
)
_CONFIGURE: Final = "cmake -S . -B _build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr"
_BUILD: Final = 'cmake --build _build --parallel "$(nproc)"'


class CmakeDetector:
    """The port `Detector` for CMake."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Read the command `project`; a `CMakeLists.txt` without one is a part of something."""
        if "CMakeLists.txt" not in files.paths():
            return None
        text = _COMMENT.sub("", read_text(files, "CMakeLists.txt"))
        found = _PROJECT.search(text)
        if not found:
            return None
        description = _DESCRIPTION.search(found[2])
        homepage = _HOMEPAGE.search(found[2])
        return Detected(
            kind="cmake",
            project=project_facts(
                files,
                name=found[1],
                description=description[1] if description else "",
                homepage=homepage[1] if homepage else "",
            ),
            targets=("test",) if _SUITE.search(text) else (),
        )

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Configure, build and install by cmake; test by ctest."""
        return compiled(
            place,
            build=(_CONFIGURE, _BUILD, 'DESTDIR="$SEALIFT_OUT" cmake --install _build'),
            check=(_CONFIGURE, _BUILD, "ctest --test-dir _build --output-on-failure")
            if detected.targets
            else (),
        )
