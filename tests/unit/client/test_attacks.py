"""The attacker of DESIGN.md, section 9: every online key, and the origin.

They may freeze, or choose among released versions at or above the floor. No byte that the release
managers did not sign for gets installed.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api._payload import DelegatedRole, Delegations, Root
from tuf.api.metadata import Metadata

from sealift.client.get import get
from sealift.client.model import GetReport
from sealift.core.codec import to_json
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError, SealiftError
from sealift.core.published import channel_target, release_target
from sealift.testing.chains import SampleRelease, sample_release
from sealift.testing.repository import (
    ADDRESS,
    ONLINE,
    SampleHttp,
    SampleRepository,
    describe,
    sample_world,
    signer_of,
)

GOOD = ("1.8.1", "1.8.2")
EVIL = "6.6.6"
HONEST_BYTES = {data for version in GOOD for data in sample_release(version=version).files.values()}


class Victim:
    """A machine that pinned the root; `files` is whatever landed in its folder."""

    def __init__(self, folder: Path, repository: SampleRepository) -> None:
        self.home = folder / "home"
        self.folder = folder / "downloads"
        self.fingerprint = repository.fingerprint
        self.files = repository.files

    def get(self, **options: object) -> GetReport:
        world = sample_world(SampleHttp(self.files))
        return get(
            world,
            self.home,
            "jq",
            **{
                "url": ADDRESS,
                "root_sha256": self.fingerprint,
                "folder": self.folder,
                **options,
            },
        )

    @property
    def installed(self) -> set[bytes]:
        return (
            {path.read_bytes() for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        )


def honest_repository() -> SampleRepository:
    repository = SampleRepository()
    for version in GOOD:
        repository.release(sample_release(version=version))
    repository.point("1.8.2", sequence=5)
    return repository


@pytest.fixture
def repository() -> SampleRepository:
    return honest_repository()


@pytest.fixture(params=["new", "returning"])
def victim(request: pytest.FixtureRequest, tmp_path: Path, repository: SampleRepository) -> Victim:
    victim = Victim(tmp_path, repository)
    if request.param == "returning":
        victim.get(folder=tmp_path / "earlier")
    return victim


def evil_release() -> SampleRelease:
    return sample_release(version=EVIL)


def plant(repository: SampleRepository, *, role: str) -> None:
    """Name a whole unreleased release in the metadata of a role, unsigned yet."""
    sample = evil_release()
    metadata = getattr(repository, role)
    for name, data in sample.files.items():
        repository.add(release_target(EVIL, name), data, role=metadata)
    document, evidence = to_json(sample.document()), sample.attestations
    repository.add(release_target(EVIL, "release.json"), document, role=metadata)
    repository.add(release_target(EVIL, "attestations.jsonl"), evidence, role=metadata)
    policy = sample.policy(released=(*GOOD, EVIL), floor=GOOD[0])
    repository.add("policy.json", to_json(policy), role=metadata)


def targets_signed_online(repository: SampleRepository) -> None:
    """Sign new targets metadata with every online key at once."""
    plant(repository, role="targets")
    repository.sign_targets(signer=ONLINE[0])
    for role in ONLINE[1:]:
        repository.targets.sign(signer_of(role), append=True)
    repository.files[f"metadata/{repository.targets.signed.version}.targets.json"] = (
        repository.targets.to_bytes()
    )
    repository.point(EVIL, sequence=6)


def targets_with_the_old_signature(repository: SampleRepository) -> None:
    """Change the targets metadata and keep the release managers' signature."""
    signatures = dict(repository.targets.signatures)
    plant(repository, role="targets")
    repository.targets.signed.version += 1
    repository.targets.signatures = signatures
    version = repository.targets.signed.version
    repository.files[f"metadata/{version}.targets.json"] = repository.targets.to_bytes()
    repository.point(EVIL, sequence=6)


def channels_name_release_paths(repository: SampleRepository) -> None:
    """Let the channels role say releases/ paths and a policy of its own."""
    plant(repository, role="channels")
    repository.point(EVIL, sequence=6)


def channels_delegate_everything(repository: SampleRepository) -> None:
    """Let the channels role delegate every path to itself and to a new role."""
    plant(repository, role="channels")
    key = signer_of("apt").public_key
    role = DelegatedRole(
        name="releases", keyids=[key.keyid], threshold=1, terminating=False, paths=["*", "*/*/*"]
    )
    repository.channels.signed.delegations = Delegations(
        keys={key.keyid: key}, roles={"releases": role}
    )
    extra = Metadata(copy.deepcopy(repository.channels.signed))
    extra.signed.delegations = None
    extra.sign(signer_of("apt"))
    repository.files["metadata/1.releases.json"] = extra.to_bytes()
    repository.snapshot.signed.meta["releases.json"] = describe(extra)
    repository.point(EVIL, sequence=6)


def targets_delegate_releases(repository: SampleRepository) -> None:
    """Add a delegation for releases/ to targets, signed by whoever is online."""
    key = signer_of("channels").public_key
    delegations = repository.targets.signed.delegations
    assert delegations is not None
    assert delegations.roles is not None
    delegations.roles["channels"].paths = ["*", "*/*/*"]
    delegations.keys[key.keyid] = key
    plant(repository, role="channels")
    repository.sign_targets(signer="channels")
    repository.point(EVIL, sequence=6)


def channels_metadata_served_as_targets(repository: SampleRepository) -> None:
    """Serve metadata that channels signed under the name of the targets role."""
    plant(repository, role="channels")
    repository.channels.signed.version = repository.targets.signed.version + 1
    repository.channels.sign(signer_of("channels"))
    version = repository.channels.signed.version
    repository.files[f"metadata/{version}.targets.json"] = repository.channels.to_bytes()
    repository.snapshot.signed.version += 1
    repository.snapshot.signed.meta["targets.json"] = describe(repository.channels)
    repository.snapshot.sign(signer_of("snapshot"))
    number = repository.snapshot.signed.version
    repository.files[f"metadata/{number}.snapshot.json"] = repository.snapshot.to_bytes()
    repository.sign_timestamp()


def a_root_of_ones_own(repository: SampleRepository) -> None:
    """Publish version 2 of the root, in which online keys hold every role."""
    root = Root(version=2, expires=repository.expires, consistent_snapshot=True)
    for role in ("root", "targets", "snapshot", "timestamp"):
        root.add_key(signer_of("snapshot").public_key, role)
    metadata = Metadata(root)
    metadata.sign(signer_of("snapshot"))
    metadata.sign(signer_of("timestamp"), append=True)
    repository.files["metadata/2.root.json"] = repository.files["root.json"] = metadata.to_bytes()
    plant(repository, role="targets")
    repository.sign_targets(signer="snapshot")
    repository.point(EVIL, sequence=6)


def a_file_swapped_under_its_name(repository: SampleRepository) -> None:
    """Serve other bytes wherever a released file lies."""
    for path in list(repository.files):
        if path.endswith((".tar.gz", ".deb")):
            repository.files[path] = b"evil" * 500
    repository.point("1.8.2", sequence=6)


def a_released_name_with_other_bytes(repository: SampleRepository) -> None:
    """Let channels name a released path with other bytes."""
    for name in sample_release().files:
        repository.add(release_target("1.8.2", name), b"evil", role=repository.channels)
    repository.point("1.8.2", sequence=6)


def a_pointer_to_a_version_that_was_never_released(repository: SampleRepository) -> None:
    """Let the channel name a version for which every file is served."""
    sample = evil_release()
    for name, data in sample.files.items():
        repository.files[f"targets/releases/{EVIL}/{Digest.of(data).hex}.{name}"] = data
    repository.point(EVIL, sequence=6)


def a_pointer_with_a_path_for_a_version(repository: SampleRepository) -> None:
    """Let the channel name a version that leads elsewhere."""
    repository.point("../channels", sequence=6)


ATTACKS = [
    targets_signed_online,
    targets_with_the_old_signature,
    channels_name_release_paths,
    channels_delegate_everything,
    targets_delegate_releases,
    channels_metadata_served_as_targets,
    a_root_of_ones_own,
    a_file_swapped_under_its_name,
    a_released_name_with_other_bytes,
    a_pointer_to_a_version_that_was_never_released,
    a_pointer_with_a_path_for_a_version,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("asked", [{}, {"version": EVIL}, {"version": "1.8.1"}, {"file": "deb"}])
def test_an_attacker_with_every_online_key_installs_no_unreleased_byte(
    victim: Victim,
    repository: SampleRepository,
    attack: Callable[[SampleRepository], None],
    asked: dict[str, object],
) -> None:
    attack(repository)
    try:
        report = victim.get(**asked)
    except SealiftError:
        assert victim.installed == set()
    else:
        assert report.version in GOOD
    assert victim.installed <= HONEST_BYTES


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_no_attack_passes_by_doing_nothing(
    repository: SampleRepository, attack: Callable[[SampleRepository], None]
) -> None:
    before = dict(repository.files)
    attack(repository)
    assert repository.files != before


def test_online_keys_may_choose_among_released_versions(
    victim: Victim, repository: SampleRepository
) -> None:
    repository.point("1.8.1", sequence=6)
    assert victim.get().version == "1.8.1"


def test_online_keys_cannot_go_below_the_floor(
    victim: Victim, repository: SampleRepository
) -> None:
    repository.release(sample_release(version="1.8.3"), floor="1.8.2")
    repository.point("1.8.1", sequence=6)
    with pytest.raises(IntegrityError, match="below the floor"):
        victim.get()
    assert victim.installed == set()
    repository.point("1.8.2", sequence=7)
    assert victim.get().version == "1.8.2"


def test_online_keys_cannot_put_a_pre_release_on_stable(
    victim: Victim, repository: SampleRepository
) -> None:
    repository.release(sample_release(version="1.9.0rc1"))
    repository.point("1.9.0rc1", sequence=6)
    repository.point("1.9.0rc1", sequence=1, channel="beta")
    with pytest.raises(IntegrityError, match="pre-release"):
        victim.get()
    assert victim.get(channel="beta").version == "1.9.0rc1"


def test_a_channel_never_goes_back_behind_what_was_seen(
    tmp_path: Path, repository: SampleRepository
) -> None:
    victim = Victim(tmp_path, repository)
    victim.get()
    repository.point("1.8.1", sequence=4)
    with pytest.raises(IntegrityError, match="sequence 4"):
        victim.get()
    repository.point("1.8.1", sequence=5)
    with pytest.raises(IntegrityError, match="under sequence 5"):
        victim.get()
    repository.point("1.8.1", sequence=6)
    assert victim.get().version == "1.8.1"


def test_a_pointer_of_another_channel_or_project_is_refused(
    victim: Victim, repository: SampleRepository
) -> None:
    repository.point("1.8.1", sequence=9, channel="beta")
    beta = repository.channels.signed.targets[channel_target("beta")]
    path = f"targets/channels/{beta.hashes['sha256']}.beta.json"
    repository.add(channel_target("stable"), repository.files[path], role=repository.channels)
    repository.sign_online()
    with pytest.raises(IntegrityError, match="of channel `beta`"):
        victim.get()
    repository.point("1.8.1", sequence=9, project="rich")
    with pytest.raises(IntegrityError, match="of project `rich`"):
        victim.get()


def test_an_old_tree_served_again_is_a_rollback(
    tmp_path: Path, repository: SampleRepository
) -> None:
    old = dict(repository.files)
    victim = Victim(tmp_path, repository)
    repository.release(sample_release(version="1.8.3"))
    repository.point("1.8.3", sequence=6)
    victim.get()
    victim.files = old
    with pytest.raises(IntegrityError, match="older than what was trusted"):
        victim.get(folder=tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_old_targets_under_a_new_snapshot_are_a_rollback(
    tmp_path: Path, repository: SampleRepository
) -> None:
    old = repository.targets.to_bytes()
    victim = Victim(tmp_path, repository)
    repository.release(sample_release(version="1.8.3"), floor="1.8.2")
    repository.point("1.8.3", sequence=6)
    victim.get()
    repository.targets = Metadata.from_bytes(old)
    repository.point("1.8.1", sequence=7)
    with pytest.raises(IntegrityError, match="older than what was trusted"):
        victim.get(folder=tmp_path / "again")


def test_a_frozen_tree_is_refused_once_its_timestamp_expires(
    tmp_path: Path, repository: SampleRepository
) -> None:
    victim = Victim(tmp_path, repository)
    repository.timestamp.signed.expires = datetime.now(tz=UTC) - timedelta(seconds=5)
    repository.sign_timestamp()
    with pytest.raises(IntegrityError, match="expired") as caught:
        victim.get()
    assert "site refresh" in caught.value.hint
    repository.timestamp.signed.expires = datetime.now(tz=UTC) + timedelta(days=1)
    repository.sign_timestamp()
    assert victim.get().version == "1.8.2"


def test_the_clock_of_the_world_counts_and_not_only_that_of_the_machine(
    tmp_path: Path, repository: SampleRepository
) -> None:
    world = sample_world(SampleHttp(repository.files), at=repository.expires + timedelta(seconds=1))
    with pytest.raises(IntegrityError, match="has expired"):
        get(
            world,
            tmp_path / "home",
            "jq",
            url=ADDRESS,
            root_sha256=repository.fingerprint,
            folder=tmp_path,
        )


def test_a_rotated_root_is_followed_from_the_pinned_one(
    victim: Victim, repository: SampleRepository
) -> None:
    root = Metadata.from_bytes(repository.files["root.json"])
    root.signed.version = 2
    root.signed.revoke_key(signer_of("snapshot").public_key.keyid, "snapshot")
    root.signed.add_key(signer_of("apt").public_key, "snapshot")
    root.sign(signer_of("root"))
    repository.files["metadata/2.root.json"] = root.to_bytes()
    with pytest.raises(IntegrityError):
        victim.get()
    assert victim.installed == set()
    repository.snapshot.signed.version += 1
    repository.snapshot.sign(signer_of("apt"))
    version = repository.snapshot.signed.version
    repository.files[f"metadata/{version}.snapshot.json"] = repository.snapshot.to_bytes()
    repository.sign_timestamp()
    assert victim.get().version == "1.8.2"


def test_a_weaker_policy_needs_the_offline_key(
    victim: Victim, repository: SampleRepository
) -> None:
    policy = replace(sample_release().policy(released=GOOD, floor=GOOD[0]), predicates=())
    repository.add("policy.json", to_json(policy), role=repository.channels)
    repository.sign_online()
    kinds = {link.kind for link in victim.get().links}
    assert {"gate", "test", "sbom", "reproduction"} <= kinds


def test_a_weaker_policy_served_in_place_of_the_signed_one_is_refused(
    tmp_path: Path, repository: SampleRepository
) -> None:
    victim = Victim(tmp_path, repository)
    for path in [path for path in repository.files if path.endswith(".policy.json")]:
        repository.files[path] = b"{}"
    with pytest.raises(IntegrityError, match=r"policy\.json"):
        victim.get()
    assert victim.installed == set()
