import pytest

from sealift.core.codec import digest_of, from_json, from_plain, to_json, to_plain
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import (
    ConfigError,
    DriverError,
    IntegrityError,
    PolicyDenied,
    SealiftError,
    UnavailableError,
    error_from_details,
)
from sealift.core.platform import ANY, Platform
from sealift.core.release import PackagePlan
from sealift.core.verdict import Outcome, combine
from sealift.core.version import Version

PLAN = PackagePlan(
    name="deb", kind="deb", stage="compile", output="tree", platform=Platform("linux/amd64")
)


def test_values_travel_as_plain_json_and_come_back_equal() -> None:
    assert to_plain(PLAN)["platform"] == "linux/amd64"
    assert from_json(PackagePlan, to_json(PLAN)) == PLAN
    blob = Descriptor(digest=Digest.of(b""), size_bytes=0)
    assert from_plain(Descriptor, to_plain(blob)) == blob


def test_equal_values_have_equal_digests_and_others_do_not() -> None:
    assert digest_of(PLAN) == digest_of(from_json(PackagePlan, to_json(PLAN)))
    assert digest_of(PLAN) != digest_of(ANY.name)


@pytest.mark.parametrize("data", [b"{}", b'{"name": 1}', b"nonsense", b"[]"])
def test_a_stored_value_that_does_not_fit_is_an_integrity_error(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        from_json(PackagePlan, data)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ConfigError, 2),
        (PolicyDenied, 3),
        (IntegrityError, 4),
        (UnavailableError, 5),
        (DriverError, 6),
    ],
)
def test_errors_keep_their_exit_codes_and_survive_the_journal(
    kind: type[SealiftError], code: int
) -> None:
    error = kind(fact="blob is gone", expected="a blob", hint="sealift doctor", where="here:1:2")
    assert int(error.exit_code) == code
    again = error_from_details(error.details())
    assert type(again) is kind
    assert again.details() == error.details()
    assert str(error) == "here:1:2: blob is gone, expected a blob"


def test_an_error_of_an_unknown_kind_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        error_from_details({"code": "mystery", "fact": "x"})


@pytest.mark.parametrize(
    ("outcomes", "combined"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "unknown"], "unknown"),
        (["unknown", "fail"], "fail"),
        (["pass", "fail"], "fail"),
        ([], "unknown"),
    ],
)
def test_nothing_looked_at_is_unknown_and_one_failure_fails(
    outcomes: list[Outcome], combined: Outcome
) -> None:
    assert combine(outcomes) == combined


@pytest.mark.parametrize(
    ("tag", "version"), [("v1.8.2", "1.8.2"), ("1.8.2", "1.8.2"), ("jq-1.8.2", "1.8.2")]
)
def test_a_tag_names_a_version(tag: str, version: str) -> None:
    assert str(Version.from_tag(tag)) == version


@pytest.mark.parametrize("tag", ["latest", "v", "v1/../..", "v1 0", "release-", "v1.0\n"])
def test_a_tag_that_names_no_safe_version_is_refused(tag: str) -> None:
    with pytest.raises(ConfigError):
        Version.from_tag(tag)


@pytest.mark.parametrize(
    "text", ["1.0rc1", "1.0-rc.1", "2.0a1", "2.0.dev3", "1.0.0-beta", "1.0+snapshot.ab12"]
)
def test_a_prerelease_is_seen(text: str) -> None:
    assert Version(text).is_prerelease


@pytest.mark.parametrize("text", ["1.0", "1.8.2", "2024.10.1", "1.0.post1", "1.0+deb12"])
def test_a_final_version_is_not_called_a_prerelease(text: str) -> None:
    assert not Version(text).is_prerelease


def test_platforms_are_named_as_oci_names_them() -> None:
    assert Platform.of_machine("x86_64") == Platform("linux/amd64")
    assert Platform.parse("linux/arm64").debian_architecture == "arm64"
    assert ANY.debian_architecture == "all"
    for text in ("linux", "linux/", "/amd64", "a/b/c"):
        with pytest.raises(ConfigError):
            Platform.parse(text)
    with pytest.raises(ConfigError):
        Platform.of_machine("vax")
