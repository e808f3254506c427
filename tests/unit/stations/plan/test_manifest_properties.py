"""Whatever stands in a manifest or a lock: a value or a ConfigError, never anything else."""

import string
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.core.digest import Digest
from sealift.core.errors import ConfigError
from sealift.core.release import Download, UpstreamArchive
from sealift.stations.plan.document import quote
from sealift.stations.plan.lockfile import parse_lock, render_lock
from sealift.stations.plan.manifest import parse_manifest
from sealift.stations.plan.manifest_text import render_manifest
from sealift.stations.plan.model import Detected, Lock, LockedStage, ProjectSpec

NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}\Z", fullmatch=True)
LINES = st.text(
    st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" \"'\\#="), max_size=40
)
REQUIREMENTS = st.sampled_from(
    ["build", "poetry-core>=1.0.0", "x[y]<2,>=1", 'typing-extensions; python_version < "3.11"']
)
DIGESTS = st.binary(max_size=4).map(Digest.of)
# Words that make documents which come near to being right.
PIECES = st.sampled_from(
    [
        *("[project]", "[stages.a]", "[stages]", "[packages.deb]", "[gate]", "[[download]]"),
        *("[publish.site]", "[channels.stable]", "[upstream]", "[[stage]]", "name = ", '"jq"'),
        *("licence = ", '"MIT"', "inputs = ", '["source"]', "run = ", "outputs = ", "{ a = "),
        *('"*.whl"', "}", "timeout = ", "3", "-1", "true", "1979-05-27", "nan", "kind = "),
        *('"fetch"', "from = ", "conditions.a = ", '"1 < 2"', "format = ", '"sealift-lock-v1"'),
        *("sha256 = ", "size = ", "group = ", "'''", '"', "[", "]", ".", "=", "\n", " ", "\\u0000"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60) | st.lists(PIECES, max_size=30).map(lambda one: "".join(one).encode())
)
def test_any_bytes_are_a_manifest_or_a_config_error(data: bytes) -> None:
    for parse in (parse_manifest, parse_lock):
        try:
            parse(data, path="sealift.toml")
        except ConfigError as error:
            assert error.where.startswith("sealift.toml:")  # noqa: PT017 - both ways are right


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_any_text_can_be_quoted(text: str) -> None:
    assert tomllib.loads(f"a = {quote(text)}") == {"a": text}


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["python", "autotools"]),
    name=NAMES,
    description=LINES,
    maintainer=LINES,
    build=st.lists(REQUIREMENTS, min_size=1, unique=True),
    test=st.lists(REQUIREMENTS, unique=True),
    tests_folder=st.sampled_from(["", "tests"]),
    options=st.lists(st.sampled_from(["--disable-docs", "--with-x=builtin"]), unique=True),
    url=st.sampled_from(["", "https://downloads.example.org/x"]),
)
def test_manifest_that_is_written_is_one_that_is_read(
    *,
    kind: str,
    name: str,
    description: str,
    maintainer: str,
    build: list[str],
    test: list[str],
    tests_folder: str,
    options: list[str],
    url: str,
) -> None:
    project = ProjectSpec(
        name=name,
        version="git-tag",
        licence="MIT",
        description=description,
        homepage="https://example.org/x",
        maintainer=maintainer,
    )
    text = render_manifest(
        Detected(
            kind="python" if kind == "python" else "autotools",
            project=project,
            build_requires=tuple(build),
            test_requires=tuple(test),
            tests_folder=tests_folder,
            configure_options=tuple(options),
        ),
        url=url,
    )
    manifest = parse_manifest(text.encode(), path="sealift.toml")
    assert manifest.project == project
    assert manifest.url == url
    assert text.count("\n") < 30
    assert "#" in text
    fetched = [one for stage in manifest.fetch_stages for one in stage.requirements]
    assert fetched == ([*build, *test] if kind == "python" else [])


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    groups = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    downloads: dict[tuple[str, str], Download] = {}
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.from_regex(r"[a-z][a-z0-9]{0,6}\Z", fullmatch=True))
        version = draw(st.sampled_from(["1.0", "2!1.0", "1.0rc1", "1.2.post3", "1.0+cpu"]))
        one = Download(
            group=draw(st.sampled_from(groups)),
            name=name,
            version=version,
            filename=f"{name}-{version}-py3-none-any.whl",
            digest=draw(DIGESTS),
            size_bytes=draw(st.integers(0, 10**9)),
            purl=f"pkg:pypi/{name}@{version}",
            licence=draw(st.sampled_from(["", "MIT", "MIT OR Apache-2.0"])),
            requested=draw(st.booleans()),
        )
        downloads[one.group, one.filename] = one
    upstream = draw(
        st.none() | st.builds(lambda one: UpstreamArchive(name="x-1.tar.gz", digest=one), DIGESTS)
    )
    return Lock(
        python="3.11" if downloads else "",
        platform="linux/amd64" if downloads else "",
        stages=tuple(LockedStage(name=name, inputs=draw(DIGESTS)) for name in sorted(groups)),
        downloads=tuple(value for _, value in sorted(downloads.items())),
        upstream=upstream,
    )


@settings(max_examples=150, deadline=None)
@given(locks())
def test_lock_that_is_written_is_the_lock_that_is_read(lock: Lock) -> None:
    text = render_lock(lock)
    assert parse_lock(text.encode(), path="sealift.lock") == lock
    assert render_lock(parse_lock(text.encode(), path="sealift.lock")) == text


@settings(max_examples=200, deadline=None)
@given(locks(), st.data())
def test_damaged_lock_is_another_lock_or_a_config_error(lock: Lock, data: st.DataObject) -> None:
    text = render_lock(lock)
    place = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:place] + data.draw(st.sampled_from(string.printable)) + text[place + 1 :]
    try:
        parse_lock(damaged.encode(), path="sealift.lock")
    except ConfigError as error:
        assert error.where.startswith("sealift.lock:")  # noqa: PT017 - both ways are right
