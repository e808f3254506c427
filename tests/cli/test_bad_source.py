"""A source that cannot be released: dirty, untagged, unsigned, or a version that is taken."""

from dataclasses import replace
from pathlib import Path

import pytest

from sealift.testing.projects import Maintainer, tide_manifest


def test_a_dirty_checkout_is_refused_with_the_names_of_what_changed(
    maintainer: Maintainer,
) -> None:
    maintainer.keep(tide_manifest())
    maintainer.tag("v1.0.0")
    maintainer.checkout.write("tide.c", "int main(void) { return 1; }\n")
    maintainer.checkout.write("notes", "nobody committed these\n")
    assert maintainer.refused("release", exit_code=2).stderr == (
        "error: the checkout has uncommitted changes: `notes`, `tide.c`, expected a clean "
        "checkout: a release reads the commit and nothing else\n"
        "\n"
        "hint: git stash --include-untracked\n"
    )


def test_a_commit_without_a_tag_is_refused_with_a_way_to_rehearse(maintainer: Maintainer) -> None:
    commit = maintainer.keep(tide_manifest())
    assert maintainer.refused("release", exit_code=2).stderr == (
        f"error: commit {commit[:12]} has no version tag, expected a tag such as `v1.2.3` on the "
        "commit, or `--snapshot` to rehearse\n"
        "\n"
        "hint: git tag -s v1.2.3\n"
    )


def test_a_tag_that_names_no_version_is_shown_but_does_not_count(maintainer: Maintainer) -> None:
    maintainer.keep(tide_manifest())
    maintainer.checkout.run("tag", "nightly")
    refusal = maintainer.refused("plan", exit_code=2)
    assert refusal.fact.endswith("has no version tag (only `nightly`)")


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--no-tags", "--depth=1"), "git fetch --tags --unshallow"),
        (("--no-tags",), "git fetch --tags"),
    ],
)
def test_a_clone_that_lacks_the_tags_is_told_how_to_fetch_them(
    maintainer: Maintainer, tmp_path: Path, options: tuple[str, ...], hint: str
) -> None:
    maintainer.keep(tide_manifest())
    maintainer.tag("v1.0.0")
    elsewhere = tmp_path / "runner"
    elsewhere.mkdir()
    clone = replace(maintainer, checkout=maintainer.checkout.clone(elsewhere / "tide", *options))
    refusal = clone.refused("release", exit_code=2)
    assert "has no version tag" in refusal.fact
    assert refusal.hint == hint
    clone.checkout.run("fetch", "--quiet", *hint.split()[2:])
    assert clone.run("plan").exit_code == 0


def test_a_folder_that_git_does_not_know_is_refused(maintainer: Maintainer, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "sealift.toml").write_text(tide_manifest())
    ran = maintainer.use("release", "-C", str(plain))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: `plain` is no git checkout")
    assert ran.stderr.endswith("\nhint: git init && git add --all && git commit\n")


@pytest.mark.parametrize("kind", ["lightweight", pytest.param("annotated", marks=pytest.mark.slow)])
def test_a_tag_that_nobody_signed_is_denied_until_it_is_signed(
    maintainer: Maintainer, kind: str
) -> None:
    maintainer.keep(tide_manifest())
    options = ("--annotate", "--message", "tide") if kind == "annotated" else ()
    maintainer.checkout.run("tag", *options, "v1.0.0")
    refusal = maintainer.refused("release", exit_code=3, once=True)
    assert refusal.fact == "policy `starter` refuses: 1 of 6 criteria are not met"
    assert "source.tag-signed: " in refusal.log
    assert "use `git tag -s`" in refusal.log

    maintainer.tag("v1.0.0", force=True)
    ran = maintainer.run("release", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.data()["gate"]["outcome"] == "pass"


def test_a_tag_by_a_stranger_is_denied_until_the_stranger_is_trusted(
    maintainer: Maintainer,
) -> None:
    maintainer.keep(tide_manifest())
    maintainer.tag("v1.0.0", signer=maintainer.workshop.strange_key)
    refusal = maintainer.refused("release", exit_code=3, once=True)
    assert "source.tag-signed: " in refusal.log

    # The plan is the same as before: what was refused must not be resumed, but judged anew.
    trusted = maintainer.run("keys", "trust-signer", f"{maintainer.workshop.strange_key}.pub")
    assert trusted.exit_code == 0, trusted.stderr
    ran = maintainer.run("release", "--json")
    assert ran.exit_code == 0, ran.stderr
    verdicts = {one["criterion"]: one["outcome"] for one in ran.data()["gate"]["verdicts"]}
    assert verdicts["source.tag-signed"] == "pass"
    kinds = [entry["kind"] for entry in maintainer.run("audit", "--json").data()["entries"]]
    assert kinds.count("release.denied") == 1
    assert kinds[-1] == "release.finished"


def test_the_same_commit_again_is_already_released_and_writes_nothing(
    released: Maintainer,
) -> None:
    before, generations = released.published(), released.generations()
    # No key is needed to say so.
    ran = released.run("release", SEALIFT_PASSPHRASE_FILE="/nowhere")
    assert ran.exit_code == 0, ran.stderr
    assert "tide 1.0.0 already released, same bytes" in ran.stdout
    assert released.run("release", "--json").data()["already"] is True
    assert (released.published(), released.generations()) == (before, generations)


def test_another_commit_under_a_published_version_is_refused(
    released: Maintainer, tmp_path: Path
) -> None:
    twin = released.twin(tmp_path / "twin")
    twin.checkout.write("README", "Says when the tide is low.\n")
    twin.keep()
    twin.tag("v1.0.0", force=True)
    refusal = twin.refused("release", exit_code=4, once=True)
    assert refusal.fact.startswith("`tide-1.0.0-linux-amd64.tar.gz` of version 1.0.0 is sha256:")
    assert refusal.fact.endswith(" is published")
    assert refusal.expected == "the same bytes: a published version never changes"

    twin.tag("v1.0.1")
    assert twin.run("release").exit_code == 0
    assert twin.run("site", "status", "--json").data()["released"] == ["1.0.0", "1.0.1"]


def test_another_commit_with_the_same_bytes_is_already_released(
    released: Maintainer, tmp_path: Path
) -> None:
    twin = released.twin(tmp_path / "twin")
    before = twin.published()
    # Same files, same time: only the commit differs.
    twin.keep()
    twin.tag("v1.0.0", force=True)
    ran = twin.run("release", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.data()["already"] is True
    assert twin.published() == before
