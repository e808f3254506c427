"""npm packages, by their `package.json`: with a build script or without."""

from typing import Final

from sealift.base.specs.strictjson import parse_json
from sealift.core.codec import Json
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import DETECTION_FILE_BYTES_MAX
from sealift.stations.plan.detectors.facts import project_facts, read_text
from sealift.stations.plan.detectors.recipe import PackageDraft, Place, Recipe, StageDraft
from sealift.stations.plan.model import SOURCE, Detected
from sealift.stations.plan.port import SourceListing

_BUILD: Final = "build"
_TEST: Final = "test"
# What `npm init` writes where there are no tests.
_NO_TEST: Final = "no test specified"
# npm leaves this where it has installed.
_INSTALLED: Final = "node_modules/.package-lock.json"
_UNPACK: Final = "mkdir -p /tmp/package && tar -C /tmp/package --strip-components=1 -xzf"
_LOAD: Final = "node -e 'import(require.resolve(\"/tmp/package\"))'"


class NodeDetector:
    """The port `Detector` for npm packages."""

    def detect(self, files: SourceListing) -> Detected | None:
        """Read `package.json`; a private one, or one without name or version, is none of ours.

        Raises ConfigError where it is no JSON, or its scripts need packages that are not there.
        """
        if "package.json" not in files.paths():
            return None
        package = _package(files)
        scripts = _table(package.get("scripts"))
        if package.get("private") is True or not _text(package.get("name")):
            return None
        if not _text(package.get("version")):
            return None
        targets = [name for name in (_BUILD, _TEST) if _text(scripts.get(name))]
        if _NO_TEST in _text(scripts.get(_TEST)):
            targets.remove(_TEST)
        _check_needs(files, package)
        repository = package.get("repository")
        return Detected(
            kind="node",
            project=project_facts(
                files,
                # The tarball of `@scope/name` is called `scope-name`.
                name=_text(package.get("name")).removeprefix("@").replace("/", "-"),
                licence=_text(package.get("license")),
                description=_text(package.get("description")),
                homepage=_text(package.get("homepage")) or _text(repository),
                maintainer=_person(package.get("author")),
            ),
            targets=tuple(targets),
        )

    def recipe(self, detected: Detected, place: Place) -> Recipe:
        """Pack by npm after the build script; run the tests, or else load what was packed."""
        pack = place.stage("pack")
        build = ("npm run build",) if _BUILD in detected.targets else ()
        stages = [
            StageDraft(
                name=pack,
                comment="in a sandbox without network; packed twice and compared",
                inputs=(SOURCE,),
                # Files that scripts write get the modes that git would give them.
                run=place.script("umask 022", *build, 'npm pack --pack-destination "$SEALIFT_OUT"'),
                outputs=(("npm", "*.tgz"),),
            )
        ]
        if _TEST in detected.targets:
            check = StageDraft(
                name=place.stage("check"),
                comment="the source's own tests",
                kind="test",
                inputs=(SOURCE,),
                run=place.script(*build, "npm test"),
            )
        else:
            check = StageDraft(
                name=place.stage("check"),
                comment="no tests in the source: load the package",
                kind="test",
                inputs=(pack,),
                run=(f'{_UNPACK} "$SEALIFT_INPUTS"/{pack}/*.tgz', _LOAD),
            )
        return Recipe(stages=(*stages, check), packages=(PackageDraft(kind="npm", stage=pack),))


def _package(files: SourceListing) -> dict[str, Json]:
    data = files.read("package.json", size_bytes_max=DETECTION_FILE_BYTES_MAX)
    try:
        parsed = parse_json(data, size_bytes_max=DETECTION_FILE_BYTES_MAX)
    except IntegrityError as error:
        raise ConfigError(
            where="package.json",
            fact=error.fact,
            expected="a JSON object",
            hint="node --print 'require(\"./package.json\").name'",
        ) from error
    return _table(parsed)


def _check_needs(files: SourceListing, package: dict[str, Json]) -> None:
    """Refuse a package whose scripts or tests would look for others in vain."""
    needed = {*_table(package.get("dependencies")), *_table(package.get("devDependencies"))}
    if needed and not read_text(files, _INSTALLED):
        raise ConfigError(
            where="package.json",
            fact=f"the package needs {len(needed)} others, and nothing is downloaded in a build",
            expected="no dependencies, or `node_modules` in the commit",
            hint="npm ci && git add --force node_modules",
        )


def _person(value: Json) -> str:
    if isinstance(value, dict):
        name, mail = _text(value.get("name")), _text(value.get("email"))
        return f"{name} <{mail}>" if name and mail else name or mail
    return _text(value)


def _table(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
