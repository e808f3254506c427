"""The TUF metadata, judged by python-tuf's own client over HTTP, and by thieves of keys."""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError
from tuf.ngclient.updater import Updater

from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import ConfigError, IntegrityError, PolicyDenied
from sealift.core.limits import ROOT_EXPIRY_DAYS, TIMESTAMP_EXPIRY_DAYS
from sealift.core.release import PublishReport
from sealift.core.signing import KeyRole, PublicKey, Signature, SignatureForm, SigningDesk
from sealift.stations.publish.model import ReleaseEvidence
from sealift.stations.publish.site import Site, relative_files
from sealift.stations.publish.trusted_tree import TrustedTree, load_root
from sealift.stations.publish.tuf_repository import (
    TufMetadata,
    create_root,
    encode,
    metadata_files,
    next_channels,
    next_release,
    next_timestamp,
)
from sealift.testing.sample_project import SampleProject
from sealift.testing.signing_desk import InMemoryDesk

Publish = Callable[[ReleaseEvidence], PublishReport]

# ngclient reads the machine's clock, so what it judges here is signed at the machine's time.
AT = datetime.now(tz=UTC).replace(microsecond=0)
NOW_S = int(AT.timestamp())
FILE = Descriptor(digest=Digest.of(b"file"), size_bytes=4)
POINTER = Descriptor(digest=Digest.of(b"pointer"), size_bytes=7)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        del arguments


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    site.folder.mkdir(parents=True)
    handler = functools.partial(QuietHandler, directory=str(site.folder / "current"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def updater(address: str, folder: Path, root: bytes) -> Updater:
    folder.mkdir(exist_ok=True)
    return Updater(
        str(folder), f"{address}metadata/", str(folder), f"{address}targets/", bootstrap=root
    )


@pytest.fixture(scope="module")
def root(desk: SigningDesk) -> bytes:
    return create_root(desk, AT)


@pytest.fixture
def client(address: str, root: bytes, tmp_path: Path) -> Updater:
    return updater(address, tmp_path / "client", root)


@pytest.fixture
def first(root: bytes, desk: SigningDesk) -> TufMetadata:
    return next_release(None, load_root(root), {"releases/1/f": FILE}, desk, AT)


def test_ngclient_refreshes_and_downloads_every_target(
    publish: Publish, project: SampleProject, address: str, root: bytes, tmp_path: Path
) -> None:
    report = publish(project.release(released_at_s=NOW_S))
    client = updater(address, tmp_path / "client", root)
    client.refresh()
    for file in report.files:
        info = client.get_targetinfo(file.path)
        assert info is not None
        got = Path(client.download_target(info, str(tmp_path / "download")))
        assert Digest.of(got.read_bytes()) == file.file.digest


def test_ngclient_finds_no_target_that_nobody_signed(
    publish: Publish, project: SampleProject, address: str, root: bytes, tmp_path: Path
) -> None:
    publish(project.release(released_at_s=NOW_S))
    client = updater(address, tmp_path / "client", root)
    client.refresh()
    assert client.get_targetinfo("releases/1.8.2/other") is None
    assert client.get_targetinfo("channels/stable.json") is None


def test_ngclient_refuses_a_flipped_byte_in_a_target(
    publish: Publish, project: SampleProject, site: Site, client: Updater, tmp_path: Path
) -> None:
    report = publish(project.release(released_at_s=NOW_S))
    client.refresh()
    path = next(file.path for file in report.files if file.path.endswith(".deb"))
    info = client.get_targetinfo(path)
    assert info is not None
    served = site.folder / "current" / path
    data = bytearray(served.read_bytes())
    data[20] ^= 1
    served.write_bytes(bytes(data))
    with pytest.raises(RepositoryError):
        client.download_target(info, str(tmp_path / "download"))


def test_ngclient_refuses_a_tree_that_nobody_refreshed(
    publish: Publish, project: SampleProject, address: str, root: bytes, tmp_path: Path
) -> None:
    age_s = TIMESTAMP_EXPIRY_DAYS * 86_400
    publish(project.release("1.8.1", released_at_s=NOW_S - age_s))
    with pytest.raises(RepositoryError, match="expired"):
        updater(address, tmp_path / "late", root).refresh()
    publish(project.release("1.8.2", released_at_s=NOW_S - age_s + 3_600))
    updater(address, tmp_path / "in time", root).refresh()


def test_ngclient_follows_from_one_release_to_the_next(
    publish: Publish, project: SampleProject, address: str, root: bytes, tmp_path: Path
) -> None:
    publish(project.release("1.8.1", released_at_s=NOW_S - 60))
    updater(address, tmp_path / "client", root).refresh()
    publish(project.release("1.8.2", released_at_s=NOW_S))
    client = updater(address, tmp_path / "client", root)
    client.refresh()
    for version in ("1.8.1", "1.8.2"):
        assert client.get_targetinfo(f"releases/{version}/release.json") is not None


def test_the_root_names_four_roles_with_one_key_each(root: bytes, desk: SigningDesk) -> None:
    keys = {key.role: key.key_id for key in desk.public_keys()}
    signed = load_root(root).signed
    assert {name: role.keyids for name, role in signed.roles.items()} == {
        "root": [keys[KeyRole.ROOT]],
        "targets": [keys[KeyRole.RELEASES]],
        "snapshot": [keys[KeyRole.SNAPSHOT]],
        "timestamp": [keys[KeyRole.TIMESTAMP]],
    }
    assert all(role.threshold == 1 for role in signed.roles.values())
    assert signed.consistent_snapshot
    assert signed.version == 1


def test_the_root_expires_two_years_after_its_making(desk: SigningDesk) -> None:
    assert load_root(create_root(desk, AT)).signed.expires == AT + timedelta(days=ROOT_EXPIRY_DAYS)


def test_the_same_keys_and_time_give_the_same_root(desk: SigningDesk) -> None:
    assert create_root(desk, AT) == create_root(desk, AT)
    assert create_root(desk, AT) != create_root(desk, AT + timedelta(seconds=1))


def test_the_root_needs_the_root_key(online_desk: SigningDesk) -> None:
    with pytest.raises(ConfigError):
        create_root(online_desk, AT)


def test_a_root_with_a_changed_byte_is_refused(root: bytes) -> None:
    document = json.loads(root)
    document["signed"]["version"] = 2
    with pytest.raises(IntegrityError, match="not signed"):
        load_root(json.dumps(document).encode())


def test_a_root_that_is_no_root_is_refused(first: TufMetadata) -> None:
    with pytest.raises(IntegrityError, match="timestamp"):
        load_root(encode(first.timestamp))


def test_timestamp_is_written_last(first: TufMetadata) -> None:
    assert list(metadata_files(first))[-1] == "metadata/timestamp.json"


def test_versions_only_go_up(first: TufMetadata, root: bytes, desk: SigningDesk) -> None:
    second = next_release(first, load_root(root), {"releases/2/f": FILE}, desk, AT)
    assert second.targets.signed.version == 2
    assert second.snapshot.signed.version == 2
    assert second.timestamp.signed.version == 2
    assert second.channels.signed.version == 1
    assert set(second.targets.signed.targets) == {"releases/1/f", "releases/2/f"}


def test_channels_role_may_only_speak_of_channels(first: TufMetadata) -> None:
    delegations = first.targets.signed.delegations
    assert delegations is not None
    assert delegations.roles is not None
    role = delegations.roles["channels"]
    assert role.terminating
    assert role.is_delegated_path("channels/stable.json")
    assert not role.is_delegated_path("releases/1/f")
    assert not role.is_delegated_path("policy.json")
    assert not role.is_delegated_path("channels/deeper/stable.json")


def test_online_keys_alone_move_a_channel(first: TufMetadata, online_desk: SigningDesk) -> None:
    moved = next_channels(first, {"channels/stable.json": POINTER}, online_desk, AT)
    assert moved.targets is first.targets
    assert moved.channels.signed.version == 2


def test_online_keys_alone_release_nothing(
    first: TufMetadata, root: bytes, online_desk: SigningDesk
) -> None:
    with pytest.raises(ConfigError):
        next_release(first, load_root(root), {"releases/2/evil": FILE}, online_desk, AT)


def test_the_timestamp_key_alone_refreshes(first: TufMetadata) -> None:
    timer = InMemoryDesk(project="jq", locked=True, roles=(KeyRole.TIMESTAMP, KeyRole.APT))
    later = AT + timedelta(days=1)
    fresh = next_timestamp(first, timer, later)
    assert fresh.timestamp.signed.version == 2
    assert fresh.timestamp.signed.expires == later + timedelta(days=TIMESTAMP_EXPIRY_DAYS)
    assert fresh.snapshot is first.snapshot
    with pytest.raises(PolicyDenied):
        next_channels(first, {"channels/stable.json": POINTER}, timer, later)


class StolenOnlineKeys:
    """Whoever has these signs as `releases` with the snapshot key, and hopes."""

    def __init__(self, desk: SigningDesk) -> None:
        self._desk = desk

    def public_keys(self) -> tuple[PublicKey, ...]:
        return self._desk.public_keys()

    def sign(
        self, role: KeyRole, payload: bytes, *, at_s: int, form: SignatureForm = "raw"
    ) -> Signature:
        used = KeyRole.SNAPSHOT if role is KeyRole.RELEASES else role
        return self._desk.sign(used, payload, at_s=at_s, form=form)

    def close(self) -> None:
        self._desk.close()


def write_metadata(folder: Path, metadata: TufMetadata) -> None:
    for path, data in metadata_files(metadata).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def test_a_tree_signed_with_all_online_keys_only_is_refused(
    tmp_path: Path, first: TufMetadata, root: bytes, online_desk: SigningDesk
) -> None:
    write_metadata(tmp_path, first)
    assert TrustedTree(tmp_path, root).descriptor("releases/1/f") == FILE
    thief = StolenOnlineKeys(online_desk)
    evil = next_release(first, load_root(root), {"releases/2/evil": FILE}, thief, AT)
    write_metadata(tmp_path, evil)
    with pytest.raises(IntegrityError, match=r"targets\.json.*not signed"):
        TrustedTree(tmp_path, root)


def test_a_channels_role_that_names_a_release_is_not_believed(
    tmp_path: Path, first: TufMetadata, root: bytes, online_desk: SigningDesk
) -> None:
    evil = next_channels(first, {"releases/2/evil": FILE}, online_desk, AT)
    write_metadata(tmp_path, evil)
    assert TrustedTree(tmp_path, root).descriptor("releases/2/evil") is None


@pytest.mark.parametrize(
    "name", ["timestamp.json", "1.snapshot.json", "1.targets.json", "1.channels.json"]
)
@pytest.mark.parametrize("change", ["flip", "truncate", "remove", "grow"])
def test_a_tree_with_damaged_metadata_is_refused(
    tmp_path: Path, first: TufMetadata, root: bytes, name: str, change: str
) -> None:
    write_metadata(tmp_path, first)
    path = tmp_path / "metadata" / name
    data = path.read_bytes()
    match change:
        case "flip":
            path.write_bytes(data.replace(b'"version":1', b'"version":2'))
        case "truncate":
            path.write_bytes(data[:-10])
        case "grow":
            path.write_bytes(data + b" " * 10)
        case _:
            path.unlink()
    if (name, change) == ("timestamp.json", "grow"):
        # Spaces after the document change nothing that is signed, and nothing promises its length.
        TrustedTree(tmp_path, root)
        return
    with pytest.raises(IntegrityError):
        TrustedTree(tmp_path, root)


def test_a_tree_under_another_root_is_refused(
    tmp_path: Path, first: TufMetadata, root: bytes
) -> None:
    write_metadata(tmp_path, first)
    other = create_root(InMemoryDesk(seed=b"other", project="jq"), AT)
    with pytest.raises(IntegrityError, match="not the root"):
        TrustedTree(tmp_path, other)
    (tmp_path / "root.json").write_bytes(other)
    with pytest.raises(IntegrityError, match="not the root"):
        TrustedTree(tmp_path, root)


def test_an_older_snapshot_under_a_newer_timestamp_is_refused(
    tmp_path: Path, first: TufMetadata, root: bytes, desk: SigningDesk
) -> None:
    second = next_release(first, load_root(root), {"releases/2/f": FILE}, desk, AT)
    write_metadata(tmp_path, second)
    place = tmp_path / "metadata"
    (place / "2.snapshot.json").write_bytes(encode(first.snapshot))
    with pytest.raises(IntegrityError, match="not what was signed for"):
        TrustedTree(tmp_path, root)


def test_a_damaged_target_is_named_with_both_digests(
    publish: Publish, project: SampleProject, site: Site, root: bytes
) -> None:
    publish(project.release(released_at_s=NOW_S))
    current = site.folder / "current"
    tree = TrustedTree(current, root)
    wanted = tree.descriptor("policy.json")
    assert wanted is not None
    path = next(path for path in relative_files(current) if path.endswith(".policy.json"))
    (current / path).write_bytes(b"x" * wanted.size_bytes)
    with pytest.raises(IntegrityError, match=r"policy\.json") as raised:
        tree.policy()
    assert str(wanted.digest) in raised.value.expected
