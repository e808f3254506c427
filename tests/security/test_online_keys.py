"""The attacker has every online key and writes the whole tree; what can users be made to install.

Nothing that was not released (DESIGN.md, section 9). The tree is the publish station's own, the
keys come from the very files that a refreshing machine holds, the client is `sealift get` over
loopback. Not told here: a first contact without the root's fingerprint trusts whoever answers.
"""

import functools
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, Targets

from sealift.base.edge.port import World
from sealift.base.edge.real import real_world
from sealift.client.get import get
from sealift.client.model import GetReport
from sealift.client.verify import verify
from sealift.core.digest import Digest
from sealift.core.errors import IntegrityError, SealiftError
from sealift.core.published import ATTESTATIONS_NAME, RELEASE_DOCUMENT_NAME, release_target
from sealift.core.signing import ONLINE_ROLES, KeyRole
from sealift.stations.attest.keyring import unlock_offline
from sealift.testing.attacker import Attacker, described
from sealift.testing.real_tree import NEW, OLD, PASSPHRASE, Published, publish_twice

EVIL = "1.8.3"
EVIL_BYTES = b"evil" * 500
KINDS = {"tar": "jq-{}-linux-amd64.tar.gz", "deb": "jq_{}_amd64.deb"}
ASKED: tuple[dict[str, str], ...] = (
    {},
    {"file": "deb"},
    {"version": NEW},
    {"version": OLD},
    {"version": EVIL},
)
Attack = Callable[[Attacker, Published], None]


class Origin:
    """A web server over loopback whose folder changes hands."""

    def __init__(self) -> None:
        self.folder = Path("/nonexistent")
        origin = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - as its parent's
                super().__init__(*arguments, directory=str(origin.folder))

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with closing(Origin()) as made:
        yield made


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish_twice(tmp_path_factory.mktemp("maintainer"))


@functools.cache
def world() -> World:
    return replace(real_world({"PATH": "/usr/bin:/bin"}), machine="x86_64")


class Client:
    """A user's machine."""

    def __init__(self, folder: Path, *, origin: Origin, published: Published) -> None:
        self.home = folder / "home"
        self.downloads = folder / "downloads"
        self._url = origin.url
        self._root = published.root

    def get(self, **asked: str) -> GetReport:
        return get(
            world(),
            self.home,
            "jq",
            url=self._url,
            root_sha256=self._root,
            folder=self.downloads,
            **asked,
        )

    @property
    def installed(self) -> set[tuple[str, Digest]]:
        """What appeared on the disk, under whichever name."""
        files = [path for path in self.downloads.rglob("*") if path.is_file()]
        return {(path.name, Digest.of(path.read_bytes())) for path in files}


@pytest.fixture(scope="module")
def seen(
    tmp_path_factory: pytest.TempPathFactory, origin: Origin, published: Published
) -> dict[str, Path]:
    """Make three machines: one that never saw the tree, one that saw the old, one the new one."""
    folder = tmp_path_factory.mktemp("clients")
    for name, tree in (("returning-old", published.old), ("returning-new", published.new)):
        origin.folder = tree
        client = Client(folder / name, origin=origin, published=published)
        client.get()
        assert client.installed <= published.released
        assert len(client.installed) == 1
        shutil.rmtree(client.downloads)
    (folder / "new" / "home").mkdir(parents=True)
    return {path.name: path for path in folder.iterdir()}


CLIENTS = ("new", pytest.param("returning-old", marks=pytest.mark.slow), "returning-new")


@pytest.fixture(params=CLIENTS)
def client(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    seen: dict[str, Path],
    origin: Origin,
    published: Published,
) -> Client:
    shutil.copytree(seen[request.param], tmp_path / "client")
    return Client(tmp_path / "client", origin=origin, published=published)


@pytest.fixture
def attacker(tmp_path: Path, origin: Origin, published: Published) -> Attacker:
    """Hand over the origin and the online keys."""
    shutil.copytree(published.new, tmp_path / "tree")
    origin.folder = tmp_path / "tree"
    return Attacker(tmp_path / "tree", published.keys)


# --- what an attacker plants --------------------------------------------------------------------


def plant(
    attacker: Attacker,
    version: str,
    role: Metadata[Targets] | None = None,
    *,
    data: bytes = EVIL_BYTES,
    named: str = "",
) -> None:
    """Serve evil files of a version with documents that say they are released.

    With a role, that role names them all.
    """
    documents: dict[str, bytes] = {}
    release = attacker.document(release_target(NEW, RELEASE_DOCUMENT_NAME))
    for artifact in release["artifacts"]:
        name = KINDS[artifact["kind"]].format(named or version)
        artifact |= {"name": name, "sha256": Digest.of(data).hex, "size_bytes": len(data)}
        documents[release_target(version, name)] = data
    attestations = attacker.read(release_target(NEW, ATTESTATIONS_NAME))
    documents[release_target(version, ATTESTATIONS_NAME)] = attestations
    release |= {"version": version, "tag": f"v{version}"}
    documents[release_target(version, RELEASE_DOCUMENT_NAME)] = json.dumps(release).encode()
    documents["policy.json"] = weaker_policy(attacker, version)
    for path, document in documents.items():
        attacker.everywhere(path, document)
        if role is not None:
            attacker.name(role, path, document)


def weaker_policy(attacker: Attacker, version: str) -> bytes:
    """Return a policy that asks for nothing and releases a version more."""
    policy = attacker.document("policy.json")
    released = [*policy["released"], *([version] if version not in policy["released"] else [])]
    policy |= {"released": released, "floor": OLD, "predicates": []}
    return json.dumps(policy).encode()


# --- attacks ------------------------------------------------------------------------------------


def files_replaced_in_place(attacker: Attacker, _: Published) -> None:
    """Serve other bytes wherever a released file lies, and sign all that can be signed."""
    for version in (OLD, NEW):
        for name in KINDS.values():
            attacker.everywhere(release_target(version, name.format(version)), EVIL_BYTES)
    attacker.show()


def released_files_swapped(attacker: Attacker, _: Published) -> None:
    """Serve the old version's bytes, which are released, as the new version's."""
    for name in KINDS.values():
        data = attacker.read(release_target(OLD, name.format(OLD)))
        attacker.everywhere(release_target(NEW, name.format(NEW)), data)
    attacker.show()


def documents_replaced_in_place(attacker: Attacker, _: Published) -> None:
    """Serve documents of the released version that list evil files."""
    plant(attacker, NEW)
    attacker.show()


def targets_changed_under_the_old_signature(attacker: Attacker, _: Published) -> None:
    """Name evil files in the targets metadata, and keep the release managers' signature."""
    plant(attacker, EVIL, attacker.targets)
    attacker.targets.signed.version += 1
    attacker.publish_targets()
    attacker.point(EVIL, sequence=9)
    attacker.show()


def targets_signed(role: KeyRole, *, disguised: bool) -> Attack:
    """Sign targets with an online key, as itself or claiming to be the releases key."""

    def attack(attacker: Attacker, _: Published) -> None:
        (key_id,) = attacker.root.signed.roles["targets"].keyids
        plant(attacker, EVIL, attacker.targets)
        plant(attacker, NEW, attacker.targets)
        attacker.targets.signed.version += 1
        attacker.sign(attacker.targets, role, claiming=key_id if disguised else "")
        attacker.publish_targets()
        attacker.point(EVIL, sequence=9)
        attacker.show()

    attack.__name__ = f"targets_signed_by_{role}{'_in_disguise' if disguised else ''}"
    return attack


def channels_name_files_of_releases(attacker: Attacker, _: Published) -> None:
    """Let the channels role say releases/ paths, and a policy."""
    plant(attacker, NEW, attacker.channels)
    plant(attacker, EVIL, attacker.channels)
    attacker.point(EVIL, sequence=9)
    attacker.show()


def channels_delegate_everything(attacker: Attacker, _: Published) -> None:
    """Let the channels role delegate every path to a role of its own."""
    evil = Metadata(Targets(expires=attacker.targets.signed.expires))
    plant(attacker, EVIL, evil)
    plant(attacker, NEW, evil)
    attacker.sign(evil, KeyRole.SNAPSHOT)
    data = evil.to_bytes()
    attacker.write("metadata/1.evil.json", data)
    attacker.snapshot.signed.meta["evil.json"] = described(1, data)
    key = attacker.key(KeyRole.SNAPSHOT)
    role = DelegatedRole(
        name="evil", keyids=[key.keyid], threshold=1, terminating=False, paths=["*", "*/*/*"]
    )
    attacker.channels.signed.delegations = Delegations(keys={key.keyid: key}, roles={"evil": role})
    attacker.point(EVIL, sequence=9)
    attacker.show()


def channels_served_as_targets(attacker: Attacker, _: Published) -> None:
    """Serve metadata that the channels key signed under the name of the targets role."""
    plant(attacker, EVIL, attacker.channels)
    attacker.point(EVIL, sequence=9)
    attacker.show()
    confused = Metadata[Targets].from_bytes(attacker.channels.to_bytes())
    confused.signed.version = attacker.targets.signed.version + 1
    attacker.sign(confused, KeyRole.CHANNELS)
    attacker.publish_targets(confused)
    attacker.show()


def pointer_to_an_unreleased_version(attacker: Attacker, _: Published) -> None:
    """Let the channel name a version whose files are all served."""
    plant(attacker, EVIL)
    attacker.point(EVIL, sequence=9)
    attacker.show()


def pointer_that_is_a_path(attacker: Attacker, _: Published) -> None:
    """Let the channel name a version that leads elsewhere."""
    plant(attacker, EVIL)
    attacker.point(f"{NEW}/../{EVIL}", sequence=9)
    attacker.show()


def policy_of_ones_own(attacker: Attacker, _: Published) -> None:
    """Serve a policy that asks for nothing and releases one version more."""
    data = weaker_policy(attacker, EVIL)
    attacker.everywhere("policy.json", data)
    attacker.name(attacker.channels, "policy.json", data)
    plant(attacker, EVIL)
    attacker.point(EVIL, sequence=9)
    attacker.show()


def old_targets_under_a_new_snapshot(attacker: Attacker, published: Published) -> None:
    """Roll `released` and the floor back by serving the targets metadata of the release before."""
    before = Attacker(published.old, attacker.keys)
    assert before.targets.signed.version < attacker.targets.signed.version
    attacker.publish_targets(before.targets)
    attacker.point(OLD, sequence=9)
    attacker.show()


def old_targets_as_the_next_version(attacker: Attacker, published: Published) -> None:
    """Serve the old targets metadata where the next version would lie."""
    old = Attacker(published.old, attacker.keys).targets
    data = old.to_bytes()
    version = attacker.targets.signed.version + 1
    attacker.write(f"metadata/{version}.targets.json", data)
    attacker.snapshot.signed.meta["targets.json"] = described(version, data)
    attacker.show()


def old_generation_replayed(attacker: Attacker, published: Published) -> None:
    """Serve the whole tree as it was after the release before."""
    shutil.rmtree(attacker.folder)
    shutil.copytree(published.old, attacker.folder)


def root_of_ones_own(*, disguised: bool) -> Attack:
    """Publish the next root, in which online keys hold every role."""

    def attack(attacker: Attacker, _: Published) -> None:
        (key_id,) = attacker.root.signed.roles["root"].keyids
        root = Root(version=2, expires=attacker.root.signed.expires, consistent_snapshot=True)
        for role in ("root", "targets", "snapshot", "timestamp"):
            root.add_key(attacker.key(KeyRole.SNAPSHOT), role)
        metadata = Metadata(root)
        attacker.sign(metadata, KeyRole.SNAPSHOT)
        if disguised:
            attacker.sign(metadata, KeyRole.SNAPSHOT, claiming=key_id, append=True)
        attacker.write("metadata/2.root.json", metadata.to_bytes())
        attacker.write("root.json", metadata.to_bytes())
        plant(attacker, EVIL, attacker.targets)
        attacker.targets.signed.version += 1
        attacker.sign(attacker.targets, KeyRole.SNAPSHOT)
        attacker.publish_targets()
        attacker.point(EVIL, sequence=9)
        attacker.show()

    attack.__name__ = f"root_of_ones_own{'_in_disguise' if disguised else ''}"
    return attack


def first_root_replaced(attacker: Attacker, published: Published) -> None:
    """Serve a root of one's own as the very first."""
    root_of_ones_own(disguised=False)(attacker, published)
    root = Metadata[Root].from_bytes(attacker.read("root.json"))
    root.signed.version = 1
    attacker.sign(root, KeyRole.SNAPSHOT)
    attacker.write("metadata/1.root.json", root.to_bytes())
    attacker.write("root.json", root.to_bytes())


def statements_replaced(attacker: Attacker, _: Published) -> None:
    """Serve the other release's statements, which are really signed, and name them online."""
    data = attacker.read(release_target(OLD, ATTESTATIONS_NAME))
    attacker.everywhere(release_target(NEW, ATTESTATIONS_NAME), data)
    attacker.name(attacker.channels, release_target(NEW, ATTESTATIONS_NAME), data)
    attacker.show()


def tree_turned_to_junk(attacker: Attacker, _: Published) -> None:
    """Overwrite every file with evil bytes."""
    for path in [path for path in attacker.folder.rglob("*") if path.is_file()]:
        attacker.write(path.relative_to(attacker.folder).as_posix(), EVIL_BYTES)


ATTACKS: tuple[Attack, ...] = (
    files_replaced_in_place,
    released_files_swapped,
    documents_replaced_in_place,
    targets_changed_under_the_old_signature,
    targets_signed(KeyRole.SNAPSHOT, disguised=False),
    targets_signed(KeyRole.TIMESTAMP, disguised=False),
    targets_signed(KeyRole.CHANNELS, disguised=False),
    targets_signed(KeyRole.SNAPSHOT, disguised=True),
    channels_name_files_of_releases,
    channels_delegate_everything,
    channels_served_as_targets,
    pointer_to_an_unreleased_version,
    pointer_that_is_a_path,
    policy_of_ones_own,
    old_targets_under_a_new_snapshot,
    old_targets_as_the_next_version,
    old_generation_replayed,
    root_of_ones_own(disguised=False),
    root_of_ones_own(disguised=True),
    first_root_replaced,
    statements_replaced,
    tree_turned_to_junk,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_whoever_has_every_online_key_installs_no_unreleased_byte(
    attack: Attack, attacker: Attacker, client: Client, published: Published, tmp_path: Path
) -> None:
    before = tree_digest(attacker.folder)
    attack(attacker, published)
    assert tree_digest(attacker.folder) != before, "the attack did nothing"
    for asked in ASKED:
        try:
            report = client.get(**asked)
        except SealiftError:
            continue
        assert report.version in {OLD, NEW}
        found = Path(report.path)
        assert (found.name, Digest.of(found.read_bytes())) in published.released
    # Also what was refused, or lies beside: nothing on this disk is anything but released.
    assert client.installed <= published.released
    evil = tmp_path / KINDS["tar"].format(NEW)
    evil.write_bytes(EVIL_BYTES)
    with pytest.raises(SealiftError):
        verify(world(), client.home, evil)


def tree_digest(folder: Path) -> Digest:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder)} {Digest.of(path.read_bytes())}" for path in files]
    return Digest.of("\n".join(lines).encode())


def test_honest_tree_serves_every_client(
    attacker: Attacker, client: Client, published: Published
) -> None:
    assert client.get().version == NEW
    assert client.get(file="deb").version == NEW
    assert len(client.installed) == 2
    assert client.installed <= published.released
    # The neighbour: the same keys may sign anew what is there.
    attacker.show()
    assert client.get().already


def test_online_keys_may_choose_among_released_versions(attacker: Attacker, client: Client) -> None:
    attacker.point(OLD, sequence=9)
    attacker.show()
    report = client.get()
    assert (report.version, report.sequence) == (OLD, 9)


@pytest.fixture
def returning(
    tmp_path: Path, seen: dict[str, Path], origin: Origin, published: Published
) -> Client:
    """Give a machine that saw the new tree."""
    shutil.copytree(seen["returning-new"], tmp_path / "returning")
    return Client(tmp_path / "returning", origin=origin, published=published)


@pytest.mark.parametrize("attack", [old_generation_replayed, old_targets_under_a_new_snapshot])
def test_client_that_saw_the_new_tree_never_takes_the_old_one(
    attack: Attack, attacker: Attacker, returning: Client, published: Published
) -> None:
    attack(attacker, published)
    with pytest.raises(IntegrityError, match="older than what was trusted"):
        returning.get()
    assert returning.installed == set()


def test_pointer_with_a_lower_sequence_is_refused_by_who_saw_a_higher_one(
    attacker: Attacker, returning: Client
) -> None:
    attacker.point(OLD, sequence=1)
    attacker.show()
    with pytest.raises(IntegrityError, match="sequence 1"):
        returning.get()
    assert returning.installed == set()


def with_the_releases_key(attacker: Attacker, published: Published) -> None:
    """Sign the planted targets with the one offline key that all attacks above lack."""
    attacker.targets.signed.version += 1
    pair = unlock_offline(published.keyring, PASSPHRASE)[KeyRole.RELEASES]
    Attacker(attacker.folder, {KeyRole.RELEASES: pair}).sign(attacker.targets, KeyRole.RELEASES)
    attacker.publish_targets()
    attacker.point(EVIL, sequence=9)
    attacker.show()


def test_with_the_releases_key_too_only_the_builder_s_word_stands_in_the_way(
    attacker: Attacker, client: Client, published: Published
) -> None:
    # All that was planted above is well made: metadata, policy and documents now hold, and what
    # refuses is the very last thing that is asked.
    data = attacker.read(release_target(NEW, KINDS["tar"].format(NEW)))
    plant(attacker, EVIL, attacker.targets, data=data, named=NEW)
    with_the_releases_key(attacker, published)
    with pytest.raises(IntegrityError, match=f"was run for jq {NEW}, expected jq {EVIL}"):
        client.get()
    assert client.installed == set()


def test_releases_key_alone_installs_no_byte_that_the_builder_did_not_make(
    attacker: Attacker, client: Client, published: Published
) -> None:
    plant(attacker, EVIL, attacker.targets)
    with_the_releases_key(attacker, published)
    with pytest.raises(IntegrityError, match="no provenance says how"):
        client.get()
    assert client.installed == set()


def test_stolen_files_open_no_offline_key(published: Published) -> None:
    assert set(published.keys) == set(ONLINE_ROLES)
    with pytest.raises(IntegrityError, match="missing"):
        unlock_offline(published.stolen, PASSPHRASE)
