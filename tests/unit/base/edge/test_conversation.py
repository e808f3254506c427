import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.base.edge.conversation import SystemConversations
from sealift.base.edge.port import Command, Conversation
from sealift.core.errors import ConfigError, DriverError

ECHO = """
import os, sys
print("what goes to stderr is kept for the day it dies", file=sys.stderr, flush=True)
for line in sys.stdin.buffer:
    word, _, rest = line.strip().partition(b" ")
    if word == b"die":
        sys.exit(3)
    if word == b"silence":
        continue
    if word == b"twice":
        rest = b"a\\nb"
    if word == b"flood":
        rest = b"x" * int(rest)
    if word == b"noise":
        sys.stderr.write("n" * int(rest)); sys.stderr.flush()
    if word == b"environment":
        rest = ",".join(sorted(os.environ)).encode()
    sys.stdout.buffer.write(rest + b"\\n")
    sys.stdout.buffer.flush()
"""


@pytest.fixture
def echo() -> Iterator[Conversation]:
    conversation = SystemConversations().start(
        Command(argv=(sys.executable, "-I", "-c", ECHO), environment={"LC_ALL": "C.UTF-8"})
    )
    yield conversation
    conversation.close()


def _ask(conversation: Conversation, line: bytes, *, timeout_s: float = 20) -> bytes:
    return conversation.ask(line, timeout_s=timeout_s, answer_bytes_max=10_000_000)


def _is_gone(process_id: int) -> bool:
    return not Path(f"/proc/{process_id}").exists()


def test_each_question_gets_its_answer(echo: Conversation) -> None:
    assert [_ask(echo, b"say %d" % number) for number in range(3)] == [b"0", b"1", b"2"]
    assert _ask(echo, b"say ") == b""


def test_large_questions_and_answers_pass_whole(echo: Conversation) -> None:
    large = bytes(range(33, 127)) * 20_000
    assert _ask(echo, b"say " + large) == large
    assert _ask(echo, b"flood 3000000") == b"x" * 3_000_000


def test_chatter_on_the_error_stream_blocks_nobody(echo: Conversation) -> None:
    assert _ask(echo, b"noise 1000000") == b"1000000"


def test_process_sees_only_the_environment_that_it_is_given(
    echo: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "1")
    assert _ask(echo, b"environment") == b"LC_ALL"


def test_process_that_ends_is_reported_with_its_last_words(echo: Conversation) -> None:
    with pytest.raises(DriverError, match="ended with 3") as caught:
        _ask(echo, b"die")
    assert "kept for the day it dies" in caught.value.log
    with pytest.raises(DriverError):
        _ask(echo, b"say again")


def test_silence_past_the_limit_ends_the_process(echo: Conversation) -> None:
    with pytest.raises(DriverError, match="gave no answer"):
        _ask(echo, b"silence", timeout_s=0.1)
    assert _is_gone(echo.process_id)


@pytest.mark.parametrize("question", [b"flood 10000001", b"twice"])
def test_answer_that_is_too_long_or_too_many_ends_the_process(
    echo: Conversation, question: bytes
) -> None:
    with pytest.raises(DriverError):
        _ask(echo, question)
    assert _is_gone(echo.process_id)


def test_question_of_two_lines_is_a_bug(echo: Conversation) -> None:
    with pytest.raises(ValueError, match="one line"):
        _ask(echo, b"a\nb")


def test_closing_is_idempotent_and_leaves_no_process(echo: Conversation) -> None:
    _ask(echo, b"say hello")
    echo.close()
    echo.close()
    assert _is_gone(echo.process_id)
    with pytest.raises(DriverError):
        _ask(echo, b"say hello")


def test_threads_take_turns(echo: Conversation) -> None:
    wrong: list[bytes] = []

    def talk(name: bytes) -> None:
        for number in range(50):
            said = name + b"%d" % number
            if _ask(echo, b"say " + said) != said:
                wrong.append(said)

    threads = [threading.Thread(target=talk, args=(name,)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_open_files_are_not_inherited(tmp_path: Path) -> None:
    with (tmp_path / "planted").open("w") as planted:
        os.set_inheritable(planted.fileno(), True)  # noqa: FBT003 - os names it by position
        conversation = SystemConversations().start(Command(argv=(sys.executable, "-I", "-c", ECHO)))
        try:
            _ask(conversation, b"say hello")
            held = [str(entry.readlink()) for entry in _files_of(conversation)]
        finally:
            conversation.close()
    assert not [name for name in held if "planted" in name]


def _files_of(conversation: Conversation) -> list[Path]:
    return list(Path(f"/proc/{conversation.process_id}/fd").iterdir())


def test_missing_program_is_the_user_s_to_install() -> None:
    with pytest.raises(ConfigError, match="was not found"):
        SystemConversations().start(Command(argv=("/nonexistent/program",)))
