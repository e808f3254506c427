import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.client.choice import choose_artifact
from sealift.client.documents import judge_pointer, parse_channel, parse_policy, parse_release
from sealift.client.trust import SeenPointer
from sealift.core.codec import to_json
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.platform import Platform
from sealift.core.published import ChannelDocument, PublishedArtifact
from sealift.testing.chains import sample_release

SAMPLE = sample_release()
POINTER = ChannelDocument(
    project="jq",
    channel="stable",
    version="1.8.2",
    sequence=1,
    previous="",
    changed_at="2026-01-01T00:00:00Z",
    reason="release",
)
AMD64 = Platform("linux/amd64")


def edited(document: object, **changes: object) -> bytes:
    return json.dumps({**json.loads(to_json(document)), **changes}).encode()


def test_documents_are_read_back_as_they_were_written() -> None:
    policy, release = SAMPLE.policy(), SAMPLE.document()
    assert parse_policy(to_json(policy), project="jq") == policy
    assert parse_release(to_json(release), project="jq", version="1.8.2") == release
    assert parse_channel(to_json(POINTER), project="jq", channel="stable") == POINTER


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "sealift-chain-policy-v2"},
        {"later": "field"},
        {"project": "rich"},
        {"floor": "1.0"},
        {"floor": ""},
        {"released": []},
        {"released": ["1.8.2", "1.8.2"]},
        {"keys": None},
        {"builders": "all"},
    ],
)
def test_a_policy_that_means_something_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        parse_policy(edited(SAMPLE.policy(), **changes), project="jq")


def test_a_policy_that_lacks_a_field_with_a_default_is_refused() -> None:
    plain = json.loads(to_json(SAMPLE.policy()))
    del plain["format"]
    with pytest.raises(IntegrityError):
        parse_policy(json.dumps(plain).encode(), project="jq")


def test_a_key_that_is_given_twice_is_refused() -> None:
    data = to_json(SAMPLE.policy()).replace(b'{"builders"', b'{"floor":"1.8.2","builders"', 1)
    with pytest.raises(IntegrityError, match="twice"):
        parse_policy(data, project="jq")


def test_a_release_document_of_another_version_is_refused() -> None:
    with pytest.raises(IntegrityError, match="of version"):
        parse_release(to_json(SAMPLE.document()), project="jq", version="1.8.3")


VERSIONS = ("1.8.0", "1.8.1", "1.8.2", "1.9.0rc1")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from((*VERSIONS, "6.6.6", "../x")), st.integers(-2, 6)), max_size=12
    )
)
def test_whatever_a_channel_says_only_allowed_pointers_are_followed(
    said: list[tuple[str, int]],
) -> None:
    policy = SAMPLE.policy(released=VERSIONS, floor="1.8.1")
    seen: SeenPointer | None = None
    for version, sequence in said:
        document = replace(POINTER, version=version, sequence=sequence)
        try:
            following = judge_pointer(document, policy=policy, seen=seen)
        except IntegrityError:
            continue
        assert following.version in {"1.8.1", "1.8.2"}
        assert seen is None or following.sequence > seen.sequence or following == seen
        seen = following


def artifact(name: str, kind: str, platform: str = "linux/amd64") -> PublishedArtifact:
    return PublishedArtifact(name=name, kind=kind, platform=platform, sha256="0", size_bytes=1)


def chosen(*artifacts: PublishedArtifact, wanted: str | None = None) -> str:
    release = replace(SAMPLE.document(), artifacts=artifacts)
    return choose_artifact(release, platform=AMD64, wanted=wanted).name


def test_an_archive_goes_before_a_wheel_and_a_wheel_before_a_package() -> None:
    tar, wheel, deb = artifact("t", "tar"), artifact("w", "wheel", "any"), artifact("d", "deb")
    sdist = artifact("s", "sdist", "any")
    assert chosen(sdist, deb, wheel, tar) == "t"
    assert chosen(sdist, deb, wheel) == "w"
    assert chosen(sdist, deb) == "d"
    assert chosen(sdist) == "s"


def test_another_platforms_files_are_not_chosen_but_can_be_named() -> None:
    arm, here = artifact("arm", "tar", "linux/arm64"), artifact("here", "deb")
    assert chosen(arm, here) == "here"
    assert chosen(arm, here, wanted="arm") == "arm"


def test_two_archives_for_one_platform_are_listed_instead_of_guessed() -> None:
    with pytest.raises(ConfigError) as caught:
        chosen(artifact("one", "tar"), artifact("two", "tar"), artifact("d", "deb"))
    assert "one (tar, linux/amd64), two" in caught.value.expected


def test_a_kind_that_nobody_ranked_is_still_found_alone() -> None:
    assert chosen(artifact("x", "zip")) == "x"
    with pytest.raises(ConfigError):
        chosen(artifact("x", "zip"), artifact("y", "zip"))
