"""The passphrase comes from a file or from a person, never from an argument or a variable."""

from pathlib import Path

import pytest

from sealift.app.keys import passphrase_for_new_keys
from sealift.app.passphrase import FILE_VARIABLE, read_passphrase
from sealift.core.errors import ConfigError


class Person:
    """Somebody at the terminal who answers in order; `asked` lists the questions."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return self._answers.pop(0)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_the_chosen_file_wins_over_the_variable_and_the_person(tmp_path: Path) -> None:
    chosen = write(tmp_path / "chosen", b"chosen words\n")
    named = write(tmp_path / "named", b"named words\n")
    person = Person()
    environment = {FILE_VARIABLE: str(named)}
    found = read_passphrase(chosen=chosen, environment=environment, prompt=person)
    assert found == b"chosen words"
    assert read_passphrase(chosen=None, environment=environment, prompt=person) == b"named words"
    assert person.asked == []


def test_a_person_is_asked_when_no_file_is_named() -> None:
    for environment in ({}, {FILE_VARIABLE: ""}):
        person = Person("typed wörds")
        found = read_passphrase(chosen=None, environment=environment, prompt=person)
        assert found == "typed wörds".encode()
        assert person.asked == ["Passphrase of the offline keys"]


@pytest.mark.parametrize(
    ("data", "passphrase"),
    [
        (b"words", b"words"),
        (b"words\n", b"words"),
        (b"words\n\n", b"words\n"),
        (b" words ", b" words "),
        (b"", b""),
    ],
)
def test_one_line_break_at_the_end_of_a_file_is_not_part_of_it(
    tmp_path: Path, data: bytes, passphrase: bytes
) -> None:
    chosen = write(tmp_path / "file", data)
    assert read_passphrase(chosen=chosen, environment={}, prompt=None) == passphrase


def test_a_file_that_cannot_be_read_is_named_and_nobody_is_asked_instead(tmp_path: Path) -> None:
    person = Person("typed words")
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ConfigError) as refusal:
            read_passphrase(chosen=path, environment={}, prompt=person)
        assert f"the passphrase file `{path}` cannot be read: " in refusal.value.fact
        assert refusal.value.hint == f"ls -l {path}"
    assert person.asked == []


def test_without_file_and_person_the_variable_is_the_hint() -> None:
    with pytest.raises(ConfigError, match="nobody is here to unlock them") as refusal:
        read_passphrase(chosen=None, environment={}, prompt=None)
    assert refusal.value.hint == f"export {FILE_VARIABLE}=/path/to/file"


def test_a_new_passphrase_is_typed_twice() -> None:
    for environment in ({}, {FILE_VARIABLE: ""}):
        person = Person("new words", "new words")
        found = passphrase_for_new_keys(chosen=None, environment=environment, prompt=person)
        assert found == b"new words"
        assert person.asked == ["New passphrase of the offline keys", "The same again"]


def test_two_that_differ_make_no_keys() -> None:
    with pytest.raises(ConfigError, match="the two passphrases differ"):
        passphrase_for_new_keys(chosen=None, environment={}, prompt=Person("one", "two"))


def test_a_new_passphrase_from_a_file_is_read_once(tmp_path: Path) -> None:
    named = write(tmp_path / "named", b"new words\n")
    person = Person()
    environment = {FILE_VARIABLE: str(named)}
    found = passphrase_for_new_keys(chosen=None, environment=environment, prompt=person)
    assert (found, person.asked) == (b"new words", [])
