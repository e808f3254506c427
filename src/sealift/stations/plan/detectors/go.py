"""Go modules with a program: standard library alone, or with their dependencies in `vendor/`."""

import re
from typing import Final

from sealift.core.errors import ConfigError
from sealift.stations.plan.detectors.facts import project_facts, read_text
from sealift.stations.plan.detectors.recipe import Place, Recipe, compiled
from sealift.stations.plan.model import Detected
from sealift.stations.plan.port import SourceListing

_MODULE: Final = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_REQUIRES: Final = re.compile(r"^require\b", re.MULTILINE)
_MAJOR: Final = re.compile(r"v[0-9]+\Z")
_SOURCE_FILE: Final = re.compile(r"(?:[^/]+|cmd/[^/]+/[^/]+)(?<!_test)\.go\Z")
_MAIN: Final = re.compile(r"^package\s+main\b", re.MULTILINE)
# The same bytes in every folder, no C compiler, no proxy, no version control system.
_ENVIRONMENT: Final = 'export CGO_ENABLED=0 GOPROXY=off GOFLAGS="-trimpath -buildvcs=false"'


class GoDetector:
    """The port `Detector` for Go."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Read `go.mod`, and which packages at the top and below `cmd/` are programs.

        Raises ConfigError for dependencies that are not in `vendor/`, and for a mere library.
        """
        paths = files.paths()
        if "go.mod" not in paths:
            return None
        text = read_text(files, "go.mod")
        if _REQUIRES.search(text) and "vendor/modules.txt" not in paths:
            raise ConfigError(
                where="go.mod",
                fact="the module needs others, and nothing is downloaded in a build",
                expected="them in `vendor/`",
                hint="go mod vendor && git add vendor",
            )
        sources = [path for path in paths if _SOURCE_FILE.match(path)]
        mains = {path for path in sources if _MAIN.search(read_text(files, path))}
        targets = {"./cmd/..." if path.startswith("cmd/") else "." for path in mains}
        if not targets:
            raise ConfigError(
                where="go.mod",
                fact="there is no `package main` at the top or below `cmd/`",
                expected="a program: a Go library is released by its tag alone",
                hint="write a sealift.toml by hand, see docs/reference/manifest.md",
            )
        module = _MODULE.search(text)
        parts = module[1].split("/") if module else []
        if len(parts) > 1 and _MAJOR.match(parts[-1]):
            parts.pop()
        return Detected(
            kind="go",
            project=project_facts(files, name=parts[-1] if parts else ""),
            targets=tuple(sorted(targets)),
        )

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Build every program into `usr/bin`; test every package."""
        build = f'go build -o "$SEALIFT_OUT"/usr/bin/ {" ".join(detected.targets)}'
        return compiled(place, build=(_ENVIRONMENT, build), check=(_ENVIRONMENT, "go test ./..."))
