"""A plan is a function of manifest, lock and source; each wrong match is refused."""

from collections.abc import Callable

import pytest

from sealift.core.codec import from_json, to_json
from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.platform import ANY
from sealift.core.release import Download, ReleasePlan, SourceReference
from sealift.core.version import Version
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.model import Lock, LockedStage, inputs_digest
from sealift.stations.plan.planner import refused_channels, release_version

Planned = Callable[..., ReleasePlan]
FETCH = '[stages.backend]\nkind = "fetch"\ninputs = ["pypi:build"]\n'


def lock_for(text: str, *downloads: Download, platform: str = "linux/amd64") -> Lock:
    manifest = parse_manifest(text.encode(), path="sealift.toml")
    return Lock(
        python="3.11",
        platform=platform,
        stages=tuple(
            LockedStage(name=stage.name, inputs=inputs_digest(stage))
            for stage in manifest.fetch_stages
        ),
        downloads=downloads,
        upstream=None,
    )


def test_equal_input_gives_the_same_plan_and_it_survives_the_journal(planned: Planned) -> None:
    plan = planned()
    assert plan == planned()
    assert plan.digest == planned().digest
    assert from_json(ReleasePlan, to_json(plan)) == plan
    assert [stage.name for stage in plan.stages] == ["compile", "check"]
    assert plan.project.version == "1.8.2"
    assert plan.channels == ("stable",)
    assert plan.packages[0].platform.name == "linux/amd64"


def test_wheels_and_source_archives_run_anywhere(planned: Planned, manifest_text: str) -> None:
    text = manifest_text + '[packages.wheel]\nfrom = "compile"\noutput = "tree"\n'
    assert planned(text=text).packages[1].platform == ANY


def scm_download(name: str) -> Download:
    return Download(
        group="backend",
        name=name,
        version="9.0",
        filename=f"{name.replace('-', '_')}-9.0-py3-none-any.whl",
        digest=Digest("a" * 64),
        size_bytes=1,
        purl=f"pkg:pypi/{name}@9.0",
    )


def test_a_backend_that_asks_the_history_is_told_the_tags_version(
    planned: Planned, manifest_text: str
) -> None:
    text = manifest_text.replace('inputs = ["source"]', 'inputs = ["source", "backend"]') + FETCH

    def environment(name: str) -> dict[str, str]:
        plan = planned(text=text, lock=lock_for(text, scm_download(name)))
        return dict(next(one for one in plan.stages if one.name == "compile").environment)

    assert environment("setuptools-scm") == {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.8.2"}
    assert environment("pdm-backend") == {"PDM_BUILD_SCM_VERSION": "1.8.2"}
    assert environment("flit-core") == {}


@pytest.mark.parametrize(
    "change",
    [
        {"tag": "v1.8.3"},
        {"commit": "f" * 40},
        {"platform": "linux/arm64"},
    ],
)
def test_any_other_input_is_another_plan(planned: Planned, change: dict[str, str]) -> None:
    assert planned(**change).digest != planned().digest


def test_comment_in_the_manifest_is_another_plan_with_the_same_stages(
    planned: Planned, manifest_text: str
) -> None:
    commented = planned(text=manifest_text + "# a comment\n")
    assert commented.digest != planned().digest
    assert commented.stages == planned().stages


def test_candidate_never_reaches_stable_and_says_why(planned: Planned, manifest_text: str) -> None:
    assert planned(tag="v1.9rc1").channels == ()
    manifest = parse_manifest(manifest_text.encode(), path="sealift.toml")
    refused = refused_channels(manifest, version=Version("1.9rc1"), snapshot=False)
    assert refused == (("stable", "1.9rc1 is a pre-release"),)
    assert refused_channels(manifest, version=Version("1.9"), snapshot=False) == ()


def test_literal_version_must_be_what_the_tag_says(planned: Planned, manifest_text: str) -> None:
    literal = manifest_text.replace('"git-tag"', '"1.8.2"')
    assert planned(text=literal).project.version == "1.8.2"
    with pytest.raises(ConfigError, match=r"the tag `v1\.9` says `1\.9`") as caught:
        planned(text=literal, tag="v1.9")
    assert caught.value.hint == "git tag -s v1.8.2"


@pytest.mark.parametrize(
    ("nearest", "version"),
    [("", "0+snapshot.01234567"), ("jq-1.8.2", "1.8.2+snapshot.01234567")],
)
def test_snapshot_is_named_by_its_commit_and_moves_no_channel(
    planned: Planned, nearest: str, version: str
) -> None:
    plan = planned(tag="", snapshot=True, nearest_tag=nearest)
    assert plan.project.version == version
    assert Version(version).is_prerelease
    assert plan.channels == ()
    assert plan.snapshot


def test_release_without_a_version_in_its_tag_is_refused(manifest_text: str) -> None:
    manifest = parse_manifest(manifest_text.encode(), path="sealift.toml")
    source = SourceReference(commit="0" * 40, tag="nightly", epoch_s=0)
    with pytest.raises(ConfigError, match="names no version"):
        release_version(manifest, source=source, snapshot=False)


def test_lock_reaches_the_plan_and_must_fit_it(
    planned: Planned, manifest_text: str, download: Download
) -> None:
    text = manifest_text + FETCH
    lock = lock_for(text, download)
    assert planned(text=text, lock=lock).downloads == (download,)
    with pytest.raises(ConfigError, match="there is no lock"):
        planned(text=text)
    with pytest.raises(ConfigError, match="older than the fetch stage"):
        planned(text=text.replace("pypi:build", "pypi:other"), lock=lock)


def test_lock_of_another_platform_is_refused_unless_it_is_empty(
    planned: Planned, manifest_text: str, download: Download
) -> None:
    text = manifest_text + FETCH
    with pytest.raises(ConfigError, match="files for linux/arm64") as caught:
        planned(text=text, lock=lock_for(text, download, platform="linux/arm64"))
    assert caught.value.hint == "sealift lock"
    planned(lock=lock_for(manifest_text, platform=""))
