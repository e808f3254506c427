"""The lock pins what the manifest's fetch stages ask for, and says so when it does not."""

from dataclasses import replace

import pytest

from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.release import Download, UpstreamArchive
from sealift.stations.plan.lockfile import check_lock, parse_lock, render_lock
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.model import Lock, LockedStage, Manifest, inputs_digest

FETCH = '[stages.backend]\nkind = "fetch"\ninputs = ["pypi:build", "pypi:poetry-core>=1"]\n'


def manifest_with(text: str) -> Manifest:
    return parse_manifest(text.encode(), path="sealift.toml")


def lock_of(manifest: Manifest, *downloads: Download) -> Lock:
    return Lock(
        python="3.11",
        platform="linux/amd64",
        stages=tuple(
            LockedStage(name=stage.name, inputs=inputs_digest(stage))
            for stage in manifest.fetch_stages
        ),
        downloads=downloads,
        upstream=UpstreamArchive(name="rich-13.9.4.tar.gz", digest=Digest.of(b"archive")),
    )


def test_lock_text_is_pinned(download: Download, manifest_text: str) -> None:
    lock = lock_of(manifest_with(manifest_text + FETCH), download)
    assert (
        render_lock(lock)
        == f"""\
# Written by `sealift lock`; commit it. What is not in here cannot be fetched by a release.
# To take newer files of the same requirements, run `sealift lock` again.
format = "sealift-lock-v1"
python = "3.11"
platform = "linux/amd64"

# The published archive that the tagged files must equal.
[upstream]
name = "rich-13.9.4.tar.gz"
sha256 = "{Digest.of(b"archive").hex}"

[[stage]]
name = "backend"
inputs = "sha256:d4f99cca9eb59f579550908d6bf59586251bba3cfcb6c88a4cf514c30d43a25a"

[[download]]
group = "backend"
name = "build"
version = "1.2.0"
filename = "build-1.2.0-py3-none-any.whl"
sha256 = "{Digest.of(b"build").hex}"
size = 5
purl = "pkg:pypi/build@1.2.0"
licence = "MIT"
requested = true
"""
    )


@pytest.mark.parametrize(
    ("found", "wrong", "line", "fact"),
    [
        ('"sealift-lock-v1"', '"sealift-lock-v2"', 3, "`format` is"),
        ("requested = true", "requested = 1", 25, "is a number"),
        ("requested = true", "wanted = true", 25, "unknown key"),
        ("size = 5", "size = -1", 22, "is -1"),
        ("size = 5", "size = true", 22, "is true or false"),
        ('filename = "build-1.2.0-py3-none-any.whl"', 'filename = "../x.whl"', 20, "is `../x"),
        ('version = "1.2.0"', 'version = "1.2.1"', 20, "build-1.2.0-py3"),
        ('group = "backend"', 'group = "other"', 17, "no `[[stage]]` locks"),
        ('purl = "pkg:', 'purl = "http:', 23, "`download.0.purl`"),
        ("sha256 = ", "sha256 = 5\n#", 10, "is a number"),
        ('python = "3.11"', 'python = "two"', 4, "`python` is"),
        ('platform = "linux/amd64"', 'platform = "amd64"', 5, "`platform` is"),
        ('platform = "linux/amd64"\n', "", 1, "`platform` is missing"),
    ],
)
def test_damaged_lock_is_refused_with_its_line(
    *, download: Download, manifest_text: str, found: str, wrong: str, line: int, fact: str
) -> None:
    text = render_lock(lock_of(manifest_with(manifest_text + FETCH), download))
    assert found in text
    with pytest.raises(ConfigError) as caught:
        parse_lock(text.replace(found, wrong, 1).encode(), path="sealift.lock")
    assert caught.value.where.startswith(f"sealift.lock:{line}:")
    assert fact in caught.value.fact
    assert caught.value.hint


def test_file_locked_twice_is_refused(download: Download, manifest_text: str) -> None:
    lock = lock_of(manifest_with(manifest_text + FETCH), download, download)
    with pytest.raises(ConfigError, match="locked twice"):
        parse_lock(render_lock(lock).encode(), path="sealift.lock")


def test_lock_fits_the_manifest_that_it_was_made_for(
    download: Download, manifest_text: str
) -> None:
    manifest = manifest_with(manifest_text + FETCH)
    check_lock(manifest, lock_of(manifest, download))
    check_lock(manifest_with(manifest_text), None)


def test_order_of_requirements_is_no_change(download: Download, manifest_text: str) -> None:
    lock = lock_of(manifest_with(manifest_text + FETCH), download)
    turned = FETCH.replace(
        '"pypi:build", "pypi:poetry-core>=1"', '"pypi:poetry-core>=1", "pypi:build"'
    )
    check_lock(manifest_with(manifest_text + turned), lock)


@pytest.mark.parametrize(
    "changed",
    [
        FETCH.replace(">=1", ">=2"),
        FETCH.replace("backend", "other"),
        FETCH + FETCH.replace("backend", "more"),
        "",
    ],
)
def test_manifest_whose_fetch_stages_changed_is_told_to_lock(
    download: Download, manifest_text: str, changed: str
) -> None:
    lock = lock_of(manifest_with(manifest_text + FETCH), download)
    with pytest.raises(ConfigError, match="older than the fetch stage") as caught:
        check_lock(manifest_with(manifest_text + changed), lock)
    assert caught.value.hint == "sealift lock"


def test_fetch_stage_without_any_lock_is_told_to_lock(manifest_text: str) -> None:
    with pytest.raises(ConfigError, match="there is no lock") as caught:
        check_lock(manifest_with(manifest_text + FETCH), None)
    assert caught.value.hint == "sealift lock"


def test_downloads_are_written_sorted(download: Download, manifest_text: str) -> None:
    other = replace(
        download, name="abc", filename="abc-1.2.0-py3-none-any.whl", purl="pkg:pypi/abc@1.2.0"
    )
    manifest = manifest_with(manifest_text + FETCH)
    assert render_lock(lock_of(manifest, download, other)) == render_lock(
        lock_of(manifest, other, download)
    )
