"""npm packages: with a build script and without, with tests and without."""

import json
from collections.abc import Callable, Mapping

import pytest

from sealift.core.errors import ConfigError
from sealift.stations.plan.model import Detected, Manifest

Found = Callable[[Mapping[str, str]], Detected]
Written = Callable[[Mapping[str, str]], Manifest]


def package(**more: object) -> str:
    return json.dumps(
        {"name": "@tide/lamp", "version": "1.0.0", "license": "MIT", "scripts": {}, **more}
    )


def test_package_is_built_packed_and_tested_by_npm(written: Written) -> None:
    scripts = {"build": "node build.js", "test": "node --test"}
    author = {"name": "Ada", "email": "ada@example.org"}
    manifest = written({"package.json": package(scripts=scripts, author=author)})
    # npm calls the tarball of `@tide/lamp` so.
    assert manifest.project.name == "tide-lamp"
    assert manifest.project.maintainer == "Ada <ada@example.org>"
    pack, check = manifest.stages
    assert pack.run == ("umask 022", "npm run build", 'npm pack --pack-destination "$SEALIFT_OUT"')
    assert check.run == ("npm run build", "npm test")
    assert [one.kind for one in manifest.packages] == ["npm"]


@pytest.mark.parametrize("scripts", [{}, {"test": 'echo "Error: no test specified" && exit 1'}])
def test_package_without_tests_is_at_least_loaded(
    written: Written, scripts: dict[str, str]
) -> None:
    pack, check = written({"package.json": package(scripts=scripts)}).stages
    assert pack.run == ("umask 022", 'npm pack --pack-destination "$SEALIFT_OUT"')
    assert check.inputs == ("pack",)
    assert "import(require.resolve" in check.run[1]


@pytest.mark.parametrize("key", ["dependencies", "devDependencies"])
def test_needed_packages_have_to_be_in_the_commit(found: Found, key: str) -> None:
    needy = {"package.json": package(**{key: {"left-pad": "^1.3.0"}})}
    with pytest.raises(ConfigError, match="needs 1 others") as caught:
        found(needy)
    assert "node_modules" in caught.value.expected
    assert found({**needy, "node_modules/.package-lock.json": "{}"}).kind == "node"


@pytest.mark.parametrize("more", [{"private": True}, {"version": ""}, {"name": 3}])
def test_what_is_not_meant_to_be_published_is_no_npm_package(
    found: Found, more: dict[str, object]
) -> None:
    with pytest.raises(ConfigError, match=r"`package\.json` alone does not say"):
        found({"package.json": package(**more)})


def test_broken_json_is_refused_by_name(found: Found) -> None:
    with pytest.raises(ConfigError) as caught:
        found({"package.json": '{"name": "a", "name": "b"}'})
    assert caught.value.where == "package.json"
    assert caught.value.hint
