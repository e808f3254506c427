"""Flip one byte of a published file and listen to what each client says."""

import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from demo.screen import DemoFailed, good, run
from demo.server import Server
from demo.users import APT_STRICT, AptRoot, both, only, sums_check

TAMPERED_PORT = 8630
FILES = ("jq_1.8.2_amd64.deb", "SHA256SUMS", "SHA256SUMS.sig")


def download_by_hand(url: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """Fetch a release's files the way a user with curl would."""
    del environment
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FILES:
        fetch_file(f"{url}/jq/releases/1.8.2/{name}", folder / name)
    fetch_file(f"{url}/jq/keys/checksums.pem", folder / "checksums.pem")
    return folder


def fetch_file(url: str, target: Path) -> None:
    """Download one file from loopback."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
        target.write_bytes(answer.read())


def flip_one_byte(path: Path) -> None:
    """Change one bit in the middle of a file without touching the other names of its bytes."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


def flipped_byte_is_refused(
    *,
    sealift: Path,
    environment: Mapping[str, str],
    sites: Path,
    folder: Path,
    downloaded: Path,
    apt: AptRoot,
    root_sha256: str,
) -> list[str]:
    """Serve a tampered copy; demand that get, verify, apt-get and sha256sum refuse, in words."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sites, folder / "site", symlinks=True)
    tree = folder / "site" / "jq" / "current"
    for path in tree.resolve().rglob("*jq_1.8.2_amd64.deb"):
        flip_one_byte(path)
    for path in tree.resolve().rglob("*jq-1.8.2-linux-amd64.tar.gz"):
        flip_one_byte(path)
    refused = []
    with Server(sealift, folder / "site", TAMPERED_PORT, folder / "access.jsonl") as server:
        site = f"{server.url}/jq"
        fresh = {**environment, "SEALIFT_HOME": str(folder / "home")}
        victim = folder / "victim"
        victim.mkdir()
        said = run(
            ["sealift", "get", "jq", "--from", site, "--root-sha256", root_sha256],
            folder=victim,
            environment=fresh,
            refuse=True,
        )
        expect(said.words, "sha256", "sealift get")
        if list(victim.iterdir()):
            raise DemoFailed("sealift get left a file behind")
        refused.append("sealift get")
        flip_one_byte(downloaded)
        said = run(
            ["sealift", "verify", downloaded.name],
            folder=downloaded.parent,
            environment=environment,
            refuse=True,
        )
        expect(said.words, "sha256", "sealift verify")
        refused.append("sealift verify")
        apt.prepare(environment)
        apt.trust("jq", (tree / "apt/jq-archive-keyring.asc").read_bytes(), site)
        apt.run("apt-get", *APT_STRICT, *only("jq"), "update", quiet=True)
        said = apt.run(
            *("apt-get", *APT_STRICT, *both("jq"), "install", "--yes", "jq"),
            show="apt-get install jq",
            refuse=True,
        )
        expect(said.words, "Hash Sum mismatch", "apt-get")
        refused.append("apt-get")
        by_hand = download_by_hand(server.url, folder / "by-hand", environment)
        said = sums_check(by_hand, environment, refuse=True)
        expect(said.words, "FAILED", "sha256sum")
        refused.append("sha256sum -c")
    good("each of them refused the flipped byte: " + ", ".join(refused))
    return refused


def expect(words: str, needle: str, who: str) -> None:
    """Demand that a refusal is for the right reason."""
    if needle not in words:
        raise DemoFailed(f"{who} refused, but not because of the bytes: {words[-500:]}")
