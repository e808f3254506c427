import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from sealift.base.edge.conversation import SystemConversations
from sealift.base.edge.port import Command, Conversation, World
from sealift.core.errors import ConfigError, DriverError, IntegrityError, PolicyDenied
from sealift.core.limits import SIGNING_PAYLOAD_BYTES_MAX
from sealift.core.signing import KeyRole, SigningDesk
from sealift.stations.attest.backup import back_up
from sealift.stations.attest.desk import REFRESH_ROLES, ProcessSigningDesk, open_desk
from sealift.stations.attest.keypair import KeyPair
from sealift.stations.attest.keyring import unlock_offline, unlock_online
from sealift.testing.signing_desk import InMemoryDesk, SigningDeskSuite

from .conftest import MADE_AT, PASSPHRASE, Ring

AT_S = 1_900_000_000


@pytest.fixture(scope="module")
def process_desk(shared_ring: Ring) -> Iterator[ProcessSigningDesk]:
    """One desk for the stories that leave it open: deriving its keys takes half a second."""
    with open_desk(SystemConversations(), shared_ring.folder, passphrase=PASSPHRASE) as desk:
        yield desk


class TestInMemoryDesk(SigningDeskSuite):
    @pytest.fixture
    def desk(self) -> SigningDesk:
        return InMemoryDesk()

    @pytest.fixture
    def locked_desk(self) -> SigningDesk:
        return InMemoryDesk(locked=True)

    @pytest.fixture
    def refresh_desk(self) -> SigningDesk:
        return InMemoryDesk(roles=REFRESH_ROLES)


class TestProcessSigningDesk(SigningDeskSuite):
    @pytest.fixture
    def desk(self, process_desk: ProcessSigningDesk) -> SigningDesk:
        return process_desk

    @pytest.fixture
    def locked_desk(self, shared_ring: Ring) -> Iterator[SigningDesk]:
        with open_desk(SystemConversations(), shared_ring.folder) as desk:
            yield desk

    @pytest.fixture
    def refresh_desk(self, shared_ring: Ring) -> Iterator[SigningDesk]:
        with open_desk(
            SystemConversations(), shared_ring.folder, passphrase=PASSPHRASE, roles=REFRESH_ROLES
        ) as desk:
            yield desk


def test_equal_seeds_give_equal_desks_and_others_differ() -> None:
    assert InMemoryDesk().public_keys() == InMemoryDesk().public_keys()
    assert InMemoryDesk().public_keys() != InMemoryDesk(seed=b"other").public_keys()


def test_wrong_passphrase_starts_no_desk_and_leaves_no_process(shared_ring: Ring) -> None:
    conversations = _Watched()
    with pytest.raises(ConfigError, match="does not open the offline keys") as caught:
        open_desk(conversations, shared_ring.folder, passphrase=b"a wrong guess")
    assert "a wrong guess" not in repr(caught.value.details())
    assert not Path(f"/proc/{conversations.process_id}").exists()


def test_desk_without_a_keyring_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no keys") as caught:
        open_desk(SystemConversations(), tmp_path / "jq")
    assert caught.value.hint == "sealift keys init"
    (tmp_path / "rich").mkdir()
    with pytest.raises(ConfigError, match="has no keys"):
        open_desk(SystemConversations(), tmp_path / "rich")


class Scripted:
    """A signing process that always says the same."""

    process_id = 0

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.closed = False

    def start(self, command: Command) -> "Scripted":
        assert PASSPHRASE.decode() not in " ".join(command.argv)
        return self

    def ask(self, line: bytes, *, timeout_s: float, answer_bytes_max: int) -> bytes:
        assert len(line) < 1000
        assert timeout_s > 0
        return self._answer[:answer_bytes_max]

    def close(self) -> None:
        self.closed = True


def test_payload_beyond_the_limit_is_refused_before_it_is_sent() -> None:
    desk = open_desk(Scripted(b"{}"), Path("/"), passphrase=PASSPHRASE)
    with pytest.raises(IntegrityError, match="payload to sign"):
        desk.sign(KeyRole.ROOT, bytes(SIGNING_PAYLOAD_BYTES_MAX + 1), at_s=AT_S)
    with pytest.raises(DriverError, match="gave no signature"):
        desk.sign(KeyRole.ROOT, b"", at_s=AT_S)


def test_bug_in_the_signing_process_is_a_bug_here_and_ends_it() -> None:
    scripted = Scripted(b'{"bug": "KeyError in signer.py"}')
    with pytest.raises(RuntimeError, match=r"KeyError in signer\.py"):
        open_desk(scripted, Path("/"))
    assert scripted.closed


def test_desk_for_online_roles_is_not_told_the_passphrase() -> None:
    class Listening(Scripted):
        def ask(self, line: bytes, *, timeout_s: float, answer_bytes_max: int) -> bytes:
            self.heard = line
            return super().ask(line, timeout_s=timeout_s, answer_bytes_max=answer_bytes_max)

    listening = Listening(b"{}")
    open_desk(listening, Path("/"), passphrase=PASSPHRASE, roles=REFRESH_ROLES)
    assert b'"passphrase":null' in listening.heard
    open_desk(listening, Path("/"), passphrase=PASSPHRASE)
    assert b'"passphrase":null' not in listening.heard


def test_killed_signing_process_is_an_error_and_not_a_hang(shared_ring: Ring) -> None:
    desk = open_desk(SystemConversations(), shared_ring.folder, roles=REFRESH_ROLES)
    os.kill(desk.process_id, 9)
    with pytest.raises(DriverError, match="ended with -9"):
        desk.sign(KeyRole.TIMESTAMP, b"x", at_s=AT_S)
    desk.close()


def test_restricted_desk_never_decrypts_what_it_may_not_use(ring: Ring) -> None:
    # The offline part is gone: a desk that tried to open it would fail.
    (ring.folder / "offline.json").unlink()
    with open_desk(
        SystemConversations(), ring.folder, passphrase=PASSPHRASE, roles=REFRESH_ROLES
    ) as desk:
        desk.sign(KeyRole.TIMESTAMP, b"x", at_s=AT_S)
        with pytest.raises(PolicyDenied, match="may not sign as `releases`"):
            desk.sign(KeyRole.RELEASES, b"x", at_s=AT_S)


def test_planted_secrets_stay_in_the_keyring_and_in_the_signing_process(
    ring: Ring, world: World, tmp_path: Path
) -> None:
    back_up(world, ring.folder, tmp_path / "backup", passphrase=PASSPHRASE, at=MADE_AT)
    with open_desk(SystemConversations(), ring.folder, passphrase=PASSPHRASE) as desk:
        told: list[bytes] = []
        for role in KeyRole:
            for form in ("raw", "openpgp-clear"):
                try:
                    told.append(desk.sign(role, b"x\n", at_s=AT_S, form=form).value)
                except ConfigError as error:
                    told.append(repr(error.details()).encode())
        process = Path("/proc") / str(desk.process_id)
        told.append((process / "cmdline").read_bytes())
        told.append(_read_if_allowed(process / "environ"))
        written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) >= 6
    pairs = {**unlock_offline(ring.folder, PASSPHRASE), **unlock_online(ring.folder)}
    for secret in (PASSPHRASE, *_spellings(pairs.values())):
        assert not any(secret in text for text in told)
        assert [path for path, data in written.items() if secret in data] == []


def test_signing_process_sees_nothing_of_the_caller_and_forbids_dumps(
    shared_ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALIFT_PLANTED", "planted")
    with open_desk(SystemConversations(), shared_ring.folder, roles=REFRESH_ROLES) as desk:
        process = Path("/proc") / str(desk.process_id)
        limits = (process / "limits").read_text() if os.geteuid() == 0 else ""
        environment = _read_if_allowed(process / "environ")
        held = _open_files(process)
    assert b"SEALIFT_PLANTED" not in environment
    assert b"HOME" not in environment
    if limits:
        rows = {line[:26].strip(): line[26:].split() for line in limits.splitlines()}
        assert rows["Max core file size"][:2] == ["0", "0"]
        assert rows["Max file size"][:2] == ["0", "0"]
    assert not [name for name in held if not name.startswith("pipe:")]


def test_signing_process_ends_when_its_caller_does(shared_ring: Ring, tmp_path: Path) -> None:
    script = tmp_path / "caller.py"
    script.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from sealift.base.edge.conversation import SystemConversations\n"
        "from sealift.stations.attest.desk import REFRESH_ROLES, open_desk\n"
        "desk = open_desk(SystemConversations(), Path(sys.argv[1]), roles=REFRESH_ROLES)\n"
        "print(desk.process_id, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), str(shared_ring.folder)], capture_output=True, check=False
    )
    assert done.returncode == -9
    process = Path("/proc") / done.stdout.decode().strip()
    for _ in range(100):
        if not process.exists() or " Z " in (process / "stat").read_text():
            return
        time.sleep(0.05)
    pytest.fail("the signing process outlived its caller")


class _Watched(SystemConversations):
    process_id = 0

    def start(self, command: Command) -> Conversation:
        conversation = super().start(command)
        self.process_id = conversation.process_id
        return conversation


def _spellings(pairs: Iterable[KeyPair]) -> Iterator[bytes]:
    """Yield every private key as it could lie around: as it is, raw, and in hex and base64."""
    for pair in pairs:
        secret = pair.secret()
        core = secret[-32:] if pair.public.role is not KeyRole.APT else secret[-400:-200]
        if pair.public.scheme == "ecdsa-p256-sha256":
            # PKCS #8 of an EC key: the scalar follows its octet string's header (RFC 5915).
            at = secret.index(b"\x04\x20") + 2
            core = secret[at : at + 32]
        yield secret
        yield core
        yield core.hex().encode()
        yield base64.b64encode(core).rstrip(b"=")[:-1]


def _read_if_allowed(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError:
        return b""


def _open_files(process: Path) -> list[str]:
    try:
        return [str(entry.readlink()) for entry in (process / "fd").iterdir()]
    except PermissionError:
        return []
