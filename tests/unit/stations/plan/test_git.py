"""A checkout as it is, whatever the machine's git configuration says."""

from pathlib import Path

import pytest

from sealift.base.edge.port import World
from sealift.base.store.drivers.local import LocalBlobStore
from sealift.core.errors import ConfigError
from sealift.stations.plan.git import Git, newest_version_tag
from sealift.testing.checkout import COMMIT_EPOCH_S, Checkout
from sealift.testing.simulation import SimProcesses


def test_commit_and_its_time_are_read(checkout: Checkout) -> None:
    git = checkout.git()
    commit = git.head_commit()
    assert len(commit) == 40
    assert git.commit_epoch_s(commit) == COMMIT_EPOCH_S
    assert git.changes() == ()
    git.require_clean()


def test_manifest_lock_and_ignored_files_do_not_make_a_checkout_dirty(checkout: Checkout) -> None:
    for name in ("sealift.toml", "sealift.lock", ".sealift/state.db", "build/x.o"):
        checkout.write(name, "x")
    checkout.write(".gitignore", "build/\n")
    checkout.git().require_clean()


@pytest.mark.parametrize("name", ["README", "new file", "sealift.toml.orig", "src/new"])
def test_changed_or_new_file_makes_a_checkout_dirty(checkout: Checkout, name: str) -> None:
    checkout.write(name, "changed")
    with pytest.raises(ConfigError) as caught:
        checkout.git().require_clean()
    assert f"`{name}`" in caught.value.fact
    assert int(caught.value.exit_code) == 2
    assert caught.value.hint.startswith("git stash")


def test_renamed_and_removed_files_are_named_and_long_lists_are_cut(checkout: Checkout) -> None:
    checkout.run("mv", "README", "READ ME")
    (checkout.folder / "src" / "run").unlink()
    assert checkout.git().changes() == ("READ ME", "src/run")
    for number in range(9):
        checkout.write(f"n{number}", "")
    with pytest.raises(ConfigError, match="and 6 more"):
        checkout.git().require_clean()


def test_newest_version_tag_of_the_commit_is_taken(checkout: Checkout) -> None:
    git = checkout.git()
    for tag in ("v1.9.0", "v1.10.0", "v1.10.0rc1", "nightly"):
        checkout.run("tag", tag)
    assert git.version_tag(git.head_commit()) == "v1.10.0"


def test_tag_of_an_earlier_commit_is_not_this_ones(checkout: Checkout) -> None:
    checkout.run("tag", "v1.0")
    commit = checkout.commit()
    git = checkout.git()
    with pytest.raises(ConfigError, match="no version tag") as caught:
        git.version_tag(commit)
    assert caught.value.hint == "git tag -s v1.2.3"
    assert git.nearest_version_tag(commit) == "v1.0"


def test_commit_with_another_tag_only_is_told_which(checkout: Checkout) -> None:
    checkout.run("tag", "nightly")
    with pytest.raises(ConfigError, match=r"only `nightly`"):
        checkout.git().version_tag("HEAD")


def test_shallow_checkout_is_told_to_fetch_tags(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit()
    shallow = checkout.clone(tmp_path / "shallow", "--depth=1")
    with pytest.raises(ConfigError) as caught:
        shallow.git().version_tag("HEAD")
    assert caught.value.hint == "git fetch --tags --unshallow"


def test_tagless_clone_is_told_to_fetch_tags(checkout: Checkout, tmp_path: Path) -> None:
    checkout.run("tag", "v1.0")
    clone = checkout.clone(tmp_path / "clone", "--no-tags")
    with pytest.raises(ConfigError) as caught:
        clone.git().version_tag("HEAD")
    assert caught.value.hint == "git fetch --tags"


def test_folder_without_git_and_folder_below_are_refused(checkout: Checkout, world: World) -> None:
    outside = Git(
        processes=world.processes, environment=world.environment, folder=checkout.folder.parent
    )
    with pytest.raises(ConfigError, match="no git checkout"):
        outside.head_commit()
    below = Git(
        processes=world.processes, environment=world.environment, folder=checkout.folder / "src"
    )
    with pytest.raises(ConfigError, match="lies inside of the git checkout") as caught:
        below.head_commit()
    assert caught.value.hint.startswith("cd ")


def test_checkout_without_a_commit_is_refused(tmp_path: Path) -> None:
    empty = Checkout.create(tmp_path / "empty")
    with pytest.raises(ConfigError, match="no commit yet"):
        empty.git().head_commit()


def test_missing_git_is_told_how_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Git(processes=SimProcesses(), environment={}, folder=tmp_path).head_commit()
    assert caught.value.hint == "apt-get install git"
    assert int(caught.value.exit_code) == 2


def test_archive_holds_the_commit_and_not_the_working_folder(
    checkout: Checkout, store: LocalBlobStore
) -> None:
    git = checkout.git()
    commit = git.head_commit()
    first = git.archive(commit, store)
    assert [entry.path for entry in first.entries] == ["README", "src/run"]
    assert [entry.executable for entry in first.entries] == [False, True]
    checkout.write("README", "changed")
    checkout.write("more", "")
    assert git.archive(commit, store) == first
    assert git.paths(commit) == ("README", "src/run")
    assert git.read(commit, "README") == b"hello\n"
    assert git.read(commit, "more") is None


def test_machine_configuration_has_no_say(
    checkout: Checkout, store: LocalBlobStore, world: World
) -> None:
    commit = checkout.git().head_commit()
    before = checkout.git().archive(commit, store)
    home = checkout.folder.parent
    (home / ".gitconfig").write_text("[core]\n autocrlf = true\n attributesFile = ~/attributes\n")
    (home / "attributes").write_text("README export-ignore\n")
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "attributes").write_text("README export-ignore\n")
    swayed = Git(
        processes=world.processes,
        environment={**world.environment, "HOME": str(home), "XDG_CONFIG_HOME": ""},
        folder=checkout.folder,
    )
    assert swayed.archive(commit, store) == before


def test_replaced_commit_does_not_stand_in_for_the_real_one(
    checkout: Checkout, store: LocalBlobStore
) -> None:
    commit = checkout.git().head_commit()
    before = checkout.git().archive(commit, store)
    checkout.write("README", "evil\n")
    other = checkout.commit()
    checkout.run("replace", commit, other)
    assert checkout.git().archive(commit, store) == before


def test_attributes_that_are_not_committed_are_refused(
    checkout: Checkout, store: LocalBlobStore
) -> None:
    (checkout.folder / ".git" / "info" / "attributes").write_text("README export-ignore\n")
    with pytest.raises(ConfigError, match="info/attributes"):
        checkout.git().archive("HEAD", store)


def test_submodule_is_refused_by_name(checkout: Checkout, store: LocalBlobStore) -> None:
    checkout.run("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    checkout.run("commit", "--quiet", "--message", "a submodule")
    with pytest.raises(ConfigError, match="`vendor/lib` is a submodule"):
        checkout.git().archive("HEAD", store)


@pytest.mark.parametrize(
    ("tags", "newest"),
    [
        ((), ""),
        (("nightly",), ""),
        (("v1.0", "v1.0rc1"), "v1.0"),
        (("jq-1.7.1", "jq-1.8"), "jq-1.8"),
        (("v1.2-weird-9", "v1.2-weird-10"), "v1.2-weird-10"),
        (("v1~x", "v0.1"), "v0.1"),
    ],
)
def test_newest_version_wins(tags: tuple[str, ...], newest: str) -> None:
    assert newest_version_tag(tags) == newest
