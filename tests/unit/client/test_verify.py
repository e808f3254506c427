import json
from datetime import timedelta
from pathlib import Path

import pytest

from sealift.client.get import get
from sealift.client.model import VerifyReport
from sealift.client.verify import verify
from sealift.core.errors import ConfigError, IntegrityError
from sealift.testing.chains import sample_release
from sealift.testing.repository import ADDRESS, SampleHttp, SampleRepository, sample_world

TARBALL = "jq-1.8.2-linux-amd64.tar.gz"


class Machine:
    """A machine that has got jq, and is offline now."""

    def __init__(self, folder: Path) -> None:
        self.repository = SampleRepository()
        self.repository.release(sample_release())
        self.repository.point("1.8.2")
        self.home = folder / "home"
        self.http = SampleHttp(self.repository.files)
        self.world = sample_world(self.http)
        report = get(
            self.world,
            self.home,
            "jq",
            url=ADDRESS,
            root_sha256=self.repository.fingerprint,
            folder=folder,
        )
        self.file = Path(report.path)
        self.links = report.links
        self.trust = self.home / "trust" / "jq"
        self.http.asked.clear()
        self.http.down = True

    def verify(self, file: Path | None = None, **options: str) -> VerifyReport:
        return verify(self.world, self.home, file or self.file, **options)

    def at(self, days: int) -> None:
        self.world = sample_world(self.http, at=self.repository.expires + timedelta(days=days))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_file_is_walked_back_to_its_commit_offline(machine: Machine) -> None:
    report = machine.verify()
    assert report.links == machine.links
    assert (report.project, report.version, report.artifact.name) == ("jq", "1.8.2", TARBALL)
    assert report.notes == ()
    assert machine.http.asked == []
    assert machine.verify(name="jq") == report


def test_one_flipped_byte_is_refused_with_both_digests(machine: Machine) -> None:
    data = bytearray(machine.file.read_bytes())
    data[7] ^= 1
    machine.file.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match="bytes differ") as caught:
        machine.verify()
    assert sample_release().digest(TARBALL).hex in caught.value.expected
    assert "sha256:" in caught.value.fact


def test_a_file_under_another_name_is_known_by_its_bytes(machine: Machine, tmp_path: Path) -> None:
    renamed = machine.file.rename(tmp_path / "download")
    assert any(TARBALL in note for note in machine.verify(renamed).notes)


def test_a_file_that_nobody_released_is_refused(machine: Machine, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_bytes(b"who knows")
    with pytest.raises(IntegrityError, match="no release that this machine knows"):
        machine.verify(stranger)


def test_a_file_that_is_not_there_or_a_project_that_is_not_pinned_gets_a_hint(
    machine: Machine, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        machine.verify(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="`rich` is not pinned"):
        machine.verify(name="rich")
    with pytest.raises(ConfigError, match="no project is pinned"):
        verify(machine.world, tmp_path / "elsewhere", machine.file)


@pytest.mark.parametrize(
    "kept",
    [
        "targets/policy.json",
        "targets/releases/1.8.2/release.json",
        "targets/releases/1.8.2/attestations.jsonl",
        "metadata/targets.json",
        "root.json",
    ],
)
def test_trust_that_was_changed_on_disk_is_noticed(machine: Machine, kept: str) -> None:
    path = machine.trust / kept
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(IntegrityError):
        machine.verify()


def test_a_root_exchanged_together_with_its_pin_signs_nothing(
    machine: Machine, tmp_path: Path
) -> None:
    pin = json.loads((machine.trust / "pin.json").read_bytes())
    other = SampleRepository(expires=machine.repository.expires + timedelta(days=1))
    other.root.signed.roles["targets"].keyids = ["0" * 64]
    (machine.trust / "root.json").write_bytes(other.root.to_bytes())
    pin["root"] = "sha256:" + "0" * 64
    (machine.trust / "pin.json").write_text(json.dumps(pin))
    with pytest.raises(IntegrityError, match="pinned root"):
        machine.verify()
    del tmp_path


def test_an_old_refresh_is_a_note_and_an_expired_root_an_error(machine: Machine) -> None:
    repository = machine.repository
    repository.timestamp.signed.expires = repository.expires - timedelta(days=3)
    repository.sign_timestamp()
    machine.http.down = False
    get(machine.world, machine.home, "jq", folder=machine.file.parent)
    machine.at(days=-2)
    report = machine.verify()
    assert report.links == machine.links
    assert any("timestamp metadata has expired" in note for note in report.notes)
    machine.at(days=1)
    with pytest.raises(IntegrityError, match="root metadata has expired"):
        machine.verify()


def test_a_refresh_that_was_cut_off_leaves_files_verifiable(machine: Machine) -> None:
    repository = machine.repository
    repository.release(sample_release(version="1.8.3"))
    newest = f"metadata/{repository.snapshot.signed.version}.snapshot.json"
    del repository.files[newest]
    machine.http.down = False
    with pytest.raises(Exception, match="404"):
        get(machine.world, machine.home, "jq", folder=machine.file.parent)
    report = machine.verify()
    assert report.links == machine.links
    assert any("not known to be the newest" in note for note in report.notes)


def test_a_withdrawn_release_is_refused_after_the_next_refresh(machine: Machine) -> None:
    repository = machine.repository
    repository.release(sample_release(version="1.8.3"))
    for path in list(repository.targets.signed.targets):
        if path.startswith("releases/1.8.2/"):
            del repository.targets.signed.targets[path]
    repository.sign_targets()
    repository.point("1.8.3", sequence=2)
    machine.http.down = False
    get(machine.world, machine.home, "jq", folder=machine.file.parent)
    with pytest.raises(IntegrityError, match="do not sign for"):
        machine.verify()


def test_one_projects_broken_trust_does_not_hide_anothers_file(machine: Machine) -> None:
    broken = machine.home / "trust" / "broken"
    broken.mkdir()
    (broken / "pin.json").write_text("{}")
    assert machine.verify().project == "jq"
    with pytest.raises(IntegrityError):
        machine.verify(name="broken")
