import pytest
from harbour_client import berth_name


def test_a_berth_has_a_name():
    assert berth_name(3) == "berth 3"


def test_a_berth_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no berth 13"):
        berth_name(13)
