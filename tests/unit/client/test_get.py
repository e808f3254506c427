from dataclasses import replace
from pathlib import Path

import pytest

from sealift.client.get import get
from sealift.client.model import GetReport
from sealift.core.digest import Digest
from sealift.core.errors import (
    ConfigError,
    IntegrityError,
    PolicyDenied,
    UnavailableError,
)
from sealift.testing.chains import SampleRelease, sample_release
from sealift.testing.repository import ADDRESS, SampleHttp, SampleRepository, sample_world

TARBALL = "jq-1.8.2-linux-amd64.tar.gz"
DEB = "jq_1.8.2_amd64.deb"


class User:
    """A person with a machine, who gets jq."""

    def __init__(self, folder: Path, repository: SampleRepository) -> None:
        self.home = folder / "home"
        self.folder = folder / "downloads"
        self.repository = repository
        self.http = repository.http()
        self.world = sample_world(self.http)

    def get(self, **options: object) -> GetReport:
        return get(self.world, self.home, "jq", **{"folder": self.folder, **options})

    def first_get(self, **options: object) -> GetReport:
        return self.get(**{"url": ADDRESS, "root_sha256": self.repository.fingerprint, **options})

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    @property
    def is_pinned(self) -> bool:
        return (self.home / "trust" / "jq" / "pin.json").exists()


@pytest.fixture
def repository() -> SampleRepository:
    repository = SampleRepository()
    repository.release(sample_release())
    repository.point("1.8.2")
    return repository


@pytest.fixture
def user(tmp_path: Path, repository: SampleRepository) -> User:
    return User(tmp_path, repository)


def target(repository: SampleRepository, name: str) -> str:
    return next(path for path in repository.files if path.endswith(f".{name}"))


def test_a_user_who_trusts_only_the_fingerprint_gets_a_proven_file(user: User) -> None:
    report = user.first_get()
    assert user.files == [TARBALL]
    assert Path(report.path).read_bytes() == sample_release().files[TARBALL]
    assert (report.version, report.channel, report.sequence) == ("1.8.2", "stable", 1)
    assert (report.trust, report.root) == ("demanded", user.repository.fingerprint)
    assert [link.kind for link in report.links][:2] == ["file", "gate"]
    assert report.links[-1].kind == "commit"
    assert report.notes == ()


def test_without_a_fingerprint_the_root_is_pinned_and_the_user_told_so(user: User) -> None:
    report = user.first_get(root_sha256=None)
    assert report.trust == "first-use"
    assert any("fingerprint" in note for note in report.notes)
    assert user.get().trust == "pinned"


def test_a_second_get_needs_no_address_and_fetches_no_byte_of_the_file(user: User) -> None:
    user.first_get()
    user.http.asked.clear()
    report = user.get()
    assert report.already
    assert report.trust == "pinned"
    assert not any(TARBALL in path for path in user.http.asked)


def test_another_fingerprint_than_demanded_pins_nothing(user: User) -> None:
    with pytest.raises(IntegrityError, match="root has fingerprint"):
        user.first_get(root_sha256=Digest.of(b"other"))
    assert user.files == []
    assert not user.is_pinned


def test_a_fingerprint_that_differs_from_the_pin_is_refused_later_too(user: User) -> None:
    user.first_get()
    with pytest.raises(IntegrityError, match="pinned"):
        user.get(root_sha256=Digest.of(b"other"))


def test_an_unknown_project_without_an_address_gets_a_hint(user: User) -> None:
    with pytest.raises(ConfigError) as caught:
        user.get()
    assert "--from" in caught.value.hint


def test_a_root_that_is_no_metadata_is_refused_whatever_was_demanded(user: User) -> None:
    for root in (b"", b"{}", b"not json", user.repository.files["metadata/timestamp.json"]):
        user.repository.files["root.json"] = root
        for demanded in (None, Digest.of(root)):
            with pytest.raises(IntegrityError):
                user.first_get(root_sha256=demanded)
            assert not user.is_pinned


def test_a_first_contact_that_fails_pins_nothing(user: User) -> None:
    user.repository.files.pop("metadata/timestamp.json")
    with pytest.raises(UnavailableError):
        user.first_get(root_sha256=None)
    assert not user.is_pinned


def test_a_tree_of_another_project_is_refused(tmp_path: Path) -> None:
    rich = SampleRepository(project="rich")
    rich.release(sample_release(project="rich", version="13.9.4"))
    rich.point("13.9.4")
    user = User(tmp_path, rich)
    with pytest.raises(IntegrityError, match="of project `rich`"):
        user.first_get()
    assert not user.is_pinned


def test_a_mirror_serves_as_well_and_is_remembered(user: User) -> None:
    user.first_get()
    mirror = SampleHttp(user.repository.files, address="https://mirror.example/x")
    user.world = sample_world(mirror)
    with pytest.raises(UnavailableError):
        user.get()
    assert user.get(url="https://mirror.example/x/").address == "https://mirror.example/x"
    assert user.get().address == "https://mirror.example/x"


def test_a_version_can_be_asked_for_and_an_unknown_one_is_refused(user: User) -> None:
    user.repository.release(sample_release(version="1.8.3"))
    user.repository.point("1.8.3", sequence=2)
    report = user.first_get(version="1.8.2")
    assert (report.version, report.sequence) == ("1.8.2", None)
    with pytest.raises(ConfigError, match=r"no release 9\.9"):
        user.get(version="9.9")


def test_a_version_below_the_floor_is_denied_even_when_asked_for(user: User) -> None:
    user.repository.release(sample_release(version="1.8.3"), floor="1.8.3")
    user.repository.point("1.8.3", sequence=2)
    with pytest.raises(PolicyDenied, match="below the floor"):
        user.first_get(version="1.8.2")
    assert user.first_get(version="1.8.3").version == "1.8.3"


def test_an_unknown_channel_gets_a_hint_and_a_hostile_name_is_refused(user: User) -> None:
    with pytest.raises(ConfigError, match="no channel `beta`"):
        user.first_get(channel="beta")
    with pytest.raises(ConfigError):
        user.first_get(channel="../stable")
    with pytest.raises(ConfigError):
        get(user.world, user.home, "../jq", url=ADDRESS, folder=user.folder)


@pytest.mark.parametrize(("wanted", "name"), [("deb", DEB), ("*.deb", DEB), (TARBALL, TARBALL)])
def test_a_file_is_chosen_by_kind_glob_or_name(user: User, wanted: str, name: str) -> None:
    assert user.first_get(file=wanted).artifact.name == name


@pytest.mark.parametrize("wanted", ["jq*", "*.rpm"])
def test_no_choice_or_too_many_list_the_files(user: User, wanted: str) -> None:
    with pytest.raises(ConfigError) as caught:
        user.first_get(file=wanted)
    assert TARBALL in caught.value.expected
    assert DEB in caught.value.expected


def test_a_platform_for_which_there_is_nothing_is_said(user: User) -> None:
    user.world = replace(user.world, machine="aarch64")
    with pytest.raises(ConfigError, match="0 files"):
        user.first_get()


def test_a_file_of_the_user_is_not_overwritten(user: User) -> None:
    user.folder.mkdir()
    (user.folder / TARBALL).write_bytes(b"mine")
    with pytest.raises(ConfigError, match="other bytes"):
        user.first_get()
    assert (user.folder / TARBALL).read_bytes() == b"mine"


# --- a damaged or hostile origin, without any key -------------------------------------------------


def test_one_flipped_byte_is_refused_and_no_file_appears(user: User) -> None:
    path = target(user.repository, TARBALL)
    data = bytearray(user.repository.files[path])
    data[100] ^= 1
    user.repository.files[path] = bytes(data)
    with pytest.raises(IntegrityError, match="has digest") as caught:
        user.first_get()
    assert str(sample_release().digest(TARBALL)) in caught.value.expected
    assert user.files == []


def test_a_flipped_byte_in_any_served_file_is_refused(
    tmp_path: Path, repository: SampleRepository
) -> None:
    pristine = dict(repository.files)
    honest = User(tmp_path / "honest", repository)
    honest.first_get()
    needed = [path for path in honest.http.asked if path in pristine]
    assert len(needed) == 10
    for number, path in enumerate(needed):
        user = User(tmp_path / str(number), repository)
        data = bytearray(pristine[path])
        data[len(data) // 2] ^= 1
        repository.files.update({**pristine, path: bytes(data)})
        with pytest.raises(IntegrityError):
            user.first_get()
        assert user.files == [], path


def test_a_truncated_file_is_refused_and_no_file_appears(user: User) -> None:
    user.http.cut[target(user.repository, TARBALL)] = 1000
    with pytest.raises(IntegrityError, match="ends after 1000 bytes"):
        user.first_get()
    assert user.files == []


@pytest.mark.parametrize(
    "path", ["root.json", "metadata/timestamp.json", "policy.json", "stable.json", TARBALL]
)
def test_endless_data_is_cut_off(user: User, path: str) -> None:
    found = path if path in user.repository.files else target(user.repository, path)
    user.http.endless.add(found)
    with pytest.raises(IntegrityError):
        user.first_get()
    assert user.files == []


def test_swapped_files_with_the_right_names_are_refused(user: User) -> None:
    files = user.repository.files
    tarball, deb = target(user.repository, TARBALL), target(user.repository, DEB)
    files[tarball], files[deb] = files[deb], files[tarball]
    with pytest.raises(IntegrityError):
        user.first_get()
    assert user.files == []


def test_a_server_that_is_down_is_unavailable_and_not_an_attack(user: User) -> None:
    user.http.down = True
    with pytest.raises(UnavailableError):
        user.first_get()
    user.http.down = False
    user.first_get()
    user.http.down = True
    with pytest.raises(UnavailableError):
        user.get()


def test_a_missing_file_is_unavailable(user: User) -> None:
    del user.repository.files[target(user.repository, TARBALL)]
    with pytest.raises(UnavailableError, match="404"):
        user.first_get()


# --- what a release must bring, even when the release managers signed for it ----------------------


def released(sample: SampleRelease, tmp_path: Path) -> User:
    repository = SampleRepository()
    repository.release(sample)
    repository.point(sample.version)
    return User(tmp_path, repository)


@pytest.mark.parametrize("missing", ["gate", "test-check", "provenance-source"])
def test_a_file_without_evidence_does_not_appear(missing: str, tmp_path: Path) -> None:
    user = released(sample_release().without(missing), tmp_path)
    with pytest.raises(IntegrityError, match="chain"):
        user.first_get()
    assert user.files == []


def test_a_file_that_targets_and_release_describe_differently_is_refused(
    user: User,
) -> None:
    user.repository.add(f"releases/1.8.2/{TARBALL}", b"other")
    user.repository.sign_targets()
    user.repository.sign_online()
    with pytest.raises(IntegrityError, match=r"as release\.json lists"):
        user.first_get()


@pytest.mark.parametrize("name", [".bashrc", "a\tb.tar.gz"])
def test_a_file_name_that_could_surprise_is_refused(name: str, tmp_path: Path) -> None:
    sample = sample_release(files=(f"{name}-linux-amd64.tar.gz",))
    with pytest.raises(IntegrityError):
        released(sample, tmp_path).first_get()
