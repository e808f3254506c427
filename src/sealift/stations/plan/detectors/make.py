"""Projects with nothing but a Makefile that can install."""

import re
from typing import Final

from sealift.stations.plan.detectors.facts import project_facts, read_text
from sealift.stations.plan.detectors.recipe import Place, Recipe, compiled
from sealift.stations.plan.model import Detected
from sealift.stations.plan.port import SourceListing

# In the order in which GNU make looks for them.
_NAMES: Final = ("GNUmakefile", "makefile", "Makefile")
_TARGETS: Final = re.compile(r"^(install|check|test)\s*::?(?!=)", re.MULTILINE)
# Both spellings are in use; the one that a Makefile does not know changes nothing.
_PREFIX: Final = "PREFIX=/usr prefix=/usr"


class MakeDetector:
    """The port `Detector` for plain Makefiles."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Read the names of targets; a Makefile that cannot install is none of ours."""
        paths = files.paths()
        name = next((one for one in _NAMES if one in paths), "")
        targets = set(_TARGETS.findall(read_text(files, name))) if name else set()
        if "install" not in targets:
            return None
        check = next((one for one in ("check", "test") if one in targets), "")
        return Detected(
            kind="make", project=project_facts(files), targets=(check,) if check else ()
        )

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Make, and install below `/usr` of the output folder."""
        make = f'make -j"$(nproc)" {_PREFIX}'
        return compiled(
            place,
            build=(make, f'make install DESTDIR="$SEALIFT_OUT" {_PREFIX}'),
            check=tuple(f"make {target} {_PREFIX}" for target in detected.targets),
        )
