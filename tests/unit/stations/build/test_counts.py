import pytest

from sealift.stations.build.counts import summarise_tests


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("# TOTAL: 9", "# PASS:  8", "# SKIP:  1", "# FAIL:  0"), "8 passed, 1 skipped"),
        (("# PASS:  8", "# PASS:  22", "# ERROR: 0"), "30 passed"),
        (("=== 12 passed, 1 skipped in 0.51s ===",), "12 passed, 1 skipped"),
        (("12 passed in 3.00s",), "12 passed"),
        (("Ran 7 tests in 0.001s", "", "OK"), "7 passed"),
        (("all good",), ""),
        ((), ""),
        (("12 passed in an hour",), ""),
    ],
)
def test_counts_are_read_from_known_last_words_without_durations(
    lines: tuple[str, ...], said: str
) -> None:
    assert summarise_tests(lines) == said
