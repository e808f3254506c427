"""The kinds of projects that are known, in the order in which they are asked.

The first that answers wins: a Python or Rust project with a Makefile of shortcuts is not a Makefile
project.
"""

from collections.abc import Mapping
from typing import Final

from sealift.stations.plan.detectors.autotools import AutotoolsDetector
from sealift.stations.plan.detectors.cmake import CmakeDetector
from sealift.stations.plan.detectors.go import GoDetector
from sealift.stations.plan.detectors.make import MakeDetector
from sealift.stations.plan.detectors.meson import MesonDetector
from sealift.stations.plan.detectors.node import NodeDetector
from sealift.stations.plan.detectors.port import Detector
from sealift.stations.plan.detectors.python import PythonDetector
from sealift.stations.plan.detectors.rust import RustDetector
from sealift.stations.plan.model import DetectedKind

DETECTORS: Final[Mapping[DetectedKind, Detector]] = {
    "python": PythonDetector(),
    "rust": RustDetector(),
    "go": GoDetector(),
    "autotools": AutotoolsDetector(),
    "cmake": CmakeDetector(),
    "meson": MesonDetector(),
    "node": NodeDetector(),
    "make": MakeDetector(),
}
