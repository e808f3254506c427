import io

from sealift.core.limits import ACTION_LOG_BYTES_MAX
from sealift.stations.build.log import ActionLog


def test_log_keeps_every_line_and_shows_the_last_twenty() -> None:
    file = io.BytesIO()
    log = ActionLog(file)
    for number in range(30):
        log(f"line {number}".encode())
    assert len(file.getvalue().splitlines()) == 30
    assert (log.tail[0], log.tail[-1], len(log.tail)) == ("line 10", "line 29", 20)


def test_log_beyond_its_limit_is_cut_but_keeps_its_tail() -> None:
    file = io.BytesIO()
    log = ActionLog(file)
    line = b"x" * 1_000_000
    for _ in range(ACTION_LOG_BYTES_MAX // len(line) + 2):
        log(line)
    log(b"last words")
    assert file.tell() <= ACTION_LOG_BYTES_MAX + 100
    assert file.getvalue().endswith(b"is longer than what is kept]\n")
    assert log.tail[-1] == "last words"


def test_tail_carries_no_control_character_to_the_terminal() -> None:
    log = ActionLog(io.BytesIO())
    log(b"\x1b[31mred\x07 \xff")
    assert log.tail == ("[31mred \ufffd",)
