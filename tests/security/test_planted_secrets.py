"""Plant secrets, release, and look for them everywhere (DESIGN.md, section 9, "Flow").

The passphrase, every private key, the online keys' secret and a variable of the caller: none may
lie in a database, a journal, a log, a cache, the tree or scratch, in any spelling, and none may be
seen by what runs in the sandbox.
"""

import base64
import gzip
import json
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from sealift.core.signing import KeyRole
from sealift.stations.attest.keypair import KeyPair
from sealift.stations.attest.keyring import unlock_offline, unlock_online
from sealift.stations.attest.openpgp import OpenPgpKey
from sealift.testing.release_ground import MANIFEST, PASSPHRASE, Ground, make_ground
from sealift.testing.spellings import leaks, spellings

VARIABLE = b"a-token-of-the-caller-0f9d2c51"
Secrets = dict[str, frozenset[bytes]]

# Looks at everything that a process can look at; what it finds is in the stage's log.
SNOOP = r"""
say() { printf '\n=== %s\n' "$1"; }
say environment; env
for process in /proc/[0-9]*; do
  say "$process"
  tr '\0' ' ' < "$process/cmdline"; echo
  tr '\0' '\n' < "$process/environ"
  ls -l "$process/fd" "$process/cwd" "$process/root" "$process/exe"
  cat "$process/maps" "$process/stack"
done
say mounts; cat /proc/self/mountinfo /proc/mounts
say devices; ls -lR /dev
say sockets; cat /proc/net/unix /proc/net/tcp /proc/net/tcp6; find / -xdev -type s
say interfaces; cat /proc/net/dev
say keyrings; cat /proc/keys /proc/key-users
say kernel; dmesg; cat /proc/kmsg /proc/kcore | head -c 100
say folders; ls -la / /root /home /tmp /run /var/run /var/tmp /build /build/home "$HOME"
say keys; ls -la @KEYS@; cat @KEYS@/* @PASSPHRASE@ @HOME@/site/*/current/root.json
say outside; ls -la @HOME@ @CHECKOUT@ /build/../@HOME@ /proc/1/root@HOME@ /proc/1/cwd/
say secrets; find / -xdev -name 'online*' -o -xdev -name 'offline*' -o -xdev -name passphrase
say network
python3 - <<'END'
import socket
for family, place in (
    (socket.AF_INET, ("127.0.0.1", @PORT@)),
    (socket.AF_INET, ("192.0.2.1", 443)),
    (socket.AF_UNIX, "\0@ABSTRACT@"),
):
    try:
        with socket.socket(family) as talk:
            talk.settimeout(2)
            talk.connect(place)
            print("REACHED", place)
    except OSError as error:
        print("refused", place, error)
END
say memory
python3 - <<'END'
import os, re
for number in filter(str.isdecimal, os.listdir("/proc")):
    if int(number) == os.getpid():
        continue
    try:
        for line in open(f"/proc/{number}/maps"):
            if "[heap]" in line or "[stack]" in line:
                first, last = (int(word, 16) for word in line.split()[0].split("-"))
                with open(f"/proc/{number}/mem", "rb") as memory:
                    memory.seek(first)
                    for text in re.findall(rb"[ -~]{6,}", memory.read(last - first)):
                        print(number, text.decode())
    except OSError as error:
        print(number, error)
END
say end
"""


class Listener:
    """A server of the caller's, on loopback and on an abstract address, that counts its guests."""

    def __init__(self, name: str) -> None:
        self.guests = 0
        self.abstract = name
        self._sockets = [socket.socket(socket.AF_INET), socket.socket(socket.AF_UNIX)]
        self._sockets[0].bind(("127.0.0.1", 0))
        self._sockets[1].bind(f"\0{name}")
        self.port: int = self._sockets[0].getsockname()[1]
        for each in self._sockets:
            each.listen()
            threading.Thread(target=self._welcome, args=(each,), daemon=True).start()

    def _welcome(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                guest, _ = listening.accept()
                self.guests += 1
                guest.close()

    def close(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with closing(Listener(f"sealift-story-{tmp_path_factory.getbasetemp()}")) as made:
        yield made


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Ground:
    """Make a project one of whose stages looks for secrets."""
    folder = tmp_path_factory.mktemp("planted") / "ground"
    places = {
        "@KEYS@": str(folder / "home" / "keys" / "lamp"),
        "@PASSPHRASE@": str(folder / "passphrase"),
        "@HOME@": str(folder / "home"),
        "@CHECKOUT@": str(folder / "checkout"),
        "@PORT@": str(listener.port),
        "@ABSTRACT@": listener.abstract,
    }
    snoop = SNOOP
    for name, place in places.items():
        snoop = snoop.replace(name, place)
    manifest = MANIFEST.replace("run = ['test ", "run = ['sh ./snoop.sh 2>&1 || true', 'test ")
    assert manifest != MANIFEST
    return make_ground(
        folder, at=datetime.now(tz=UTC), manifest=manifest, files={"snoop.sh": snoop}
    )


@pytest.fixture(scope="module")
def secrets(ground: Ground) -> Secrets:
    """Name every secret that there is."""
    keys = {**unlock_offline(ground.keys, PASSPHRASE), **unlock_online(ground.keys)}
    named = {f"{role} {name}": data for role in keys for name, data in private(keys[role]).items()}
    assert len(keys) == len(KeyRole)
    named["passphrase"] = PASSPHRASE
    named["variable"] = VARIABLE
    named["online secret"] = bytes.fromhex((ground.keys / "online.secret").read_text())
    return {name: spellings(data) for name, data in named.items()}


def private(pair: KeyPair) -> dict[str, bytes]:
    """Return a private key as a file of its own and as its bare number."""
    whole = pair.secret()
    if pair.public.role == KeyRole.APT:
        return {"armour": whole, "seed": OpenPgpKey.parse(whole.decode()).seed}
    key = load_der_private_key(whole, password=None)
    if isinstance(key, Ed25519PrivateKey):
        return {"file": whole, "seed": key.private_bytes_raw()}
    assert isinstance(key, EllipticCurvePrivateKey)
    return {"file": whole, "number": key.private_numbers().private_value.to_bytes(32)}


@pytest.fixture(scope="module")
def released(ground: Ground, secrets: Secrets) -> Ground:
    """Release with planted secrets: killed once on the way, then to the end."""
    variables = {"PLANTED_TOKEN": VARIABLE.decode()}
    killed = ground.run("--kill", "publish:60", environment=variables)
    assert killed.exit_code == -signal.SIGKILL, killed.stderr.decode()
    assert found(ground, secrets) == []
    completed = ground.run(environment=variables)
    assert completed.exit_code == 0, completed.stderr.decode()
    for output in (killed.stdout, killed.stderr, completed.stdout, completed.stderr):
        assert not any(way in output for ways in secrets.values() for way in ways)
    return ground


def found(ground: Ground, secrets: Secrets) -> list[tuple[str, str]]:
    """Look through SEALIFT_HOME and the checkout; the online secret may lie in its own file."""
    everywhere = leaks(ground.home, secrets) + leaks(ground.checkout, secrets)
    return [one for one in everywhere if one != ("keys/lamp/online.secret", "online secret")]


def log(ground: Ground) -> str:
    (path,) = (ground.checkout / ".sealift" / "logs").glob("*check*")
    return path.read_text(errors="replace")


def section(text: str, name: str) -> str:
    return text.split(f"=== {name}\n", 1)[1].split("\n=== ", 1)[0]


def test_no_file_of_a_release_holds_a_secret(released: Ground, secrets: Secrets) -> None:
    looked_at = [path for path in released.home.rglob("*") if path.is_file()]
    kinds = {path.relative_to(released.home).parts[0] for path in looked_at}
    assert {"store", "cache", "keys", "site"} <= kinds
    assert {"state.db", "flow.db"} <= {
        path.name for path in (released.checkout / ".sealift").iterdir()
    }
    assert found(released, secrets) == []


def test_stage_that_looks_everywhere_sees_no_secret(released: Ground, secrets: Secrets) -> None:
    text = log(released)
    # It did look: its own variables, processes and folders are there.
    assert "SEALIFT_OUT=/build/out" in section(text, "environment")
    assert "/proc/1\n" in text
    assert " /build rw," in section(text, "mounts")
    assert "/usr/bin/bwrap" in section(text, "/proc/1")
    assert "1 " in section(text, "memory")
    assert "null" in section(text, "devices")
    assert text.rstrip().endswith("=== end")
    data = text.encode()
    assert not any(way in data for ways in secrets.values() for way in ways)
    assert "PLANTED" not in text


def test_stage_sees_no_process_but_the_sandbox_s_own(released: Ground) -> None:
    text = log(released)
    for word in ("release_harness", "attest.signer", "SEALIFT_HOME=", "SEALIFT_PASSPHRASE_FILE="):
        assert word not in text


def test_stage_cannot_open_the_keys_nor_the_folders_around_them(released: Ground) -> None:
    text = log(released)
    keys = section(text, "keys")
    assert "No such file or directory" in keys
    assert '"_type"' not in keys
    assert "BEGIN" not in keys
    outside = section(text, "outside")
    assert outside.count("No such file or directory") == 4
    # The working folder of the first process is the stage's own.
    assert outside.count("drwx") == 2
    assert "sealift.toml" not in outside
    assert "passphrase" not in section(text, "secrets")


def test_stage_reaches_no_network_and_no_socket_of_the_caller(
    released: Ground, listener: Listener
) -> None:
    network = section(log(released), "network")
    assert [line.split()[0] for line in network.splitlines()] == ["refused"] * 3
    assert listener.guests == 0
    assert listener.abstract not in section(log(released), "sockets")
    # The neighbour: from outside, the same address answers.
    with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as talk:
        assert talk.recv(1) == b""
    assert listener.guests == 1


@pytest.mark.parametrize(
    "spell",
    [
        bytes,
        lambda secret: secret.hex().encode(),
        lambda secret: secret.hex().upper().encode(),
        base64.b64encode,
        lambda secret: base64.b64encode(b"x" + secret + b"yz"),
        lambda secret: base64.urlsafe_b64encode(b"xy" + secret),
        lambda secret: json.dumps({"key": base64.b64encode(secret).decode()}).encode(),
    ],
)
def test_search_finds_a_secret_that_is_planted_in_a_database(
    tmp_path: Path, spell: Callable[[bytes], bytes]
) -> None:
    secret = bytes(range(200, 232))
    (tmp_path / "deep").mkdir()
    with closing(sqlite3.connect(tmp_path / "deep" / "some.db")) as database:
        database.execute("CREATE TABLE notes (text BLOB)")
        database.execute("INSERT INTO notes VALUES (?)", (spell(secret),))
        database.commit()
    named = {"planted": spellings(secret), "other": spellings(bytes(range(100, 132)))}
    assert leaks(tmp_path, named) == [("deep/some.db", "planted")]


def test_search_finds_a_secret_in_a_name_and_in_a_link(tmp_path: Path) -> None:
    named = {"planted": spellings(VARIABLE)}
    (tmp_path / VARIABLE.decode()).touch()
    (tmp_path / "link").symlink_to(f"/tmp/{VARIABLE.hex()}")  # noqa: S108 - a name only
    (tmp_path / "honest").write_bytes(gzip.compress(b"nothing"))
    assert [path for path, _ in leaks(tmp_path, named)] == [VARIABLE.decode(), "link"]


def test_search_refuses_a_secret_that_is_found_anywhere() -> None:
    with pytest.raises(ValueError, match="found anywhere"):
        spellings(b"abc")
