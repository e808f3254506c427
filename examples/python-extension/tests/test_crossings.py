import pytest
from wavecount import crossings


def test_each_change_of_sign_counts_once():
    assert crossings([1, -1, 1.5, 0, 2, -0.5]) == 3


def test_silence_crosses_nothing():
    assert crossings([0, 0, 0]) == 0


def test_what_is_no_number_is_refused():
    with pytest.raises(TypeError):
        crossings(["high", "low"])
