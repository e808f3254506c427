import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.core.digest import Digest
from sealift.core.errors import SealiftError, UnavailableError
from sealift.stations.plan.drivers.index_page import PageRow, parse_page

URL = "https://index.example/simple/rich/"
SHA = "a" * 64


def test_page_in_json_gives_name_address_digest_and_size() -> None:
    page = {
        "meta": {"api-version": "1.1"},
        "files": [
            {
                "filename": "rich-1.tar.gz",
                "url": "../../files/rich-1.tar.gz",
                "hashes": {"sha256": SHA},
                "size": 7,
                "yanked": False,
            },
            {"filename": "rich-2.tar.gz", "url": "https://files.example/r", "hashes": {}},
        ],
    }
    rows = parse_page(
        json.dumps(page).encode(), content_type="application/vnd.pypi.simple.v1+json", url=URL
    )
    assert rows == (
        PageRow(
            filename="rich-1.tar.gz",
            url="https://index.example/files/rich-1.tar.gz",
            digest=Digest(SHA),
            size_bytes=7,
        ),
        PageRow(
            filename="rich-2.tar.gz",
            url="https://files.example/r",
            digest=None,
            size_bytes=None,
        ),
    )


def test_page_in_html_gives_the_same() -> None:
    page = (
        f'<a href="../../files/rich-1%2Bcpu.whl#sha256={SHA}" data-yanked>x</a>'
        '<a href="/r.whl#md5=00">y</a><a name="nowhere">z</a><a href="http://[">w</a>'
    )
    rows = parse_page(page.encode(), content_type="text/html; charset=utf-8", url=URL)
    assert [(row.filename, row.url, row.digest) for row in rows] == [
        (
            "rich-1+cpu.whl",
            "https://index.example/files/rich-1%2Bcpu.whl",
            Digest(SHA),
        ),
        ("r.whl", "https://index.example/r.whl", None),
        ("", "", None),
    ]


def test_base_of_a_page_is_honoured() -> None:
    page = '<base href="https://files.example/pool/"><a href="r.whl">r</a>'
    assert parse_page(page.encode(), content_type="text/html", url=URL)[0].url == (
        "https://files.example/pool/r.whl"
    )


@pytest.mark.parametrize("data", [b"", b"[]", b'{"files": 3}', b'{"files": [{"url": ""}]}'])
def test_broken_json_is_unavailable_and_not_a_crash(data: bytes) -> None:
    with pytest.raises(UnavailableError):
        parse_page(data, content_type="application/json", url=URL)


@given(st.binary(max_size=80) | st.text("<a href='#=&;>!-x", max_size=60).map(str.encode))
def test_any_page_is_rows_or_an_error_of_ours(data: bytes) -> None:
    for content_type in ("text/html", "application/json"):
        try:
            rows = parse_page(data, content_type=content_type, url=URL)
        except SealiftError:
            continue
        assert isinstance(rows, tuple)
