"""Read a TOML document strictly: every key is known, every value has its type, or it says where.

    document = Document(data, path="sealift.toml")
    with document.reporting():
        table = document.root()
        table.only("project", "stages")

Refuses: bytes that are no UTF-8, syntax errors, unknown keys, wrong types. Each refusal is a
ConfigError whose `where` is `PATH:LINE:COLUMN`.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from sealift.core.digest import Digest
from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.limits import NAME_LENGTH_MAX, TEXT_LENGTH_MAX

T = TypeVar("T")

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_TOML_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
_TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


@dataclass(eq=False, kw_only=True)
class DocumentProblem(Exception):  # noqa: N818 - becomes a ConfigError once its place is known
    """Something is wrong at a key; `Document.reporting` finds its line and column."""

    path: tuple[str | int, ...]
    fact: str
    expected: str = ""
    hint: str = ""


class Document:
    """A TOML document that knows its name and its bytes."""

    def __init__(self, data: bytes, *, path: str, bytes_max: int) -> None:
        self._data = data
        self._path = path
        self._bytes_max = bytes_max

    def root(self) -> "TomlTable":
        """Parse the bytes; raise ConfigError with line and column when they are no TOML."""
        if len(self._data) > self._bytes_max:
            raise ConfigError(
                where=self._path,
                fact=f"the file has {len(self._data)} bytes",
                expected=f"at most {self._bytes_max}",
            )
        try:
            text = self._data.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = _place_of_offset(self._data, error.start)
            raise self._syntax_error("a byte that is no UTF-8", line, column) from error
        try:
            values = tomllib.loads(text)
        except RecursionError as error:
            raise self._syntax_error("values nested too deeply", 1, 1) from error
        except ValueError as error:
            # TOMLDecodeError, or a plain ValueError for an impossible date or a giant number.
            fact, line, column = _place_of_message(str(error), text)
            raise self._syntax_error(fact, line, column) from error
        return TomlTable(values, ())

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Turn a DocumentProblem into a ConfigError with line and column."""
        try:
            yield
        except DocumentProblem as problem:
            # Imported here: a parser with positions is needed only where something is wrong.
            from sealift.stations.plan.positions import locate  # noqa: PLC0415

            line, column = locate(self._data, problem.path)
            raise ConfigError(
                where=f"{self._path}:{line}:{column}",
                fact=problem.fact,
                expected=problem.expected,
                hint=problem.hint or f"edit {self._path} at line {line}",
            ) from None

    def _syntax_error(self, fact: str, line: int, column: int) -> ConfigError:
        return ConfigError(
            where=f"{self._path}:{line}:{column}",
            fact=f"not valid TOML: {fact}",
            hint=f"edit {self._path} at line {line}",
        )


class TomlTable:
    """One table with the path that led to it. Readers raise DocumentProblem."""

    def __init__(self, values: Mapping[str, object], path: tuple[str | int, ...]) -> None:
        self._values = values
        self.path = path

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def only(self, *known: str, later: frozenset[str] = frozenset()) -> None:
        """Refuse every key but `known`; those of `later` are told apart as not yet supported."""
        for key in self._values:
            if key in later:
                raise not_yet_supported((*self.path, key))
            if key not in known:
                raise DocumentProblem(
                    path=(*self.path, key),
                    fact=f"unknown key `{dotted((*self.path, key))}`",
                    expected=f"one of {', '.join(known)}",
                    hint=did_you_mean(key, known),
                )

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a string without control characters; required unless there is a default."""
        value = self._get(key, str, "a string", default)
        if value and not value.isprintable():
            raise self.problem(key, "contains a line break or control character", "one line")
        if len(value) > TEXT_LENGTH_MAX:
            raise self.problem(
                key, f"has {len(value)} characters", f"at most {TEXT_LENGTH_MAX} characters"
            )
        return value

    def integer(self, key: str) -> int:
        """Return a required whole number."""
        value = self._get(key, int, "a whole number", None)
        if isinstance(value, bool):
            raise self.problem(key, "is true or false", "a whole number")
        return value

    def flag(self, key: str) -> bool:
        """Return a boolean, false when it is not there."""
        return self._get(key, bool, "true or false", default=False)

    def digest(self, key: str) -> Digest:
        """Return a required digest `sha256:HEX`."""
        text = self.text(key)
        try:
            return Digest.parse(text)
        except IntegrityError as error:
            raise self.problem(key, "is no digest", error.expected) from None

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, empty when it is not there."""
        values = self._get(key, list, "a list of strings", [])
        for number, value in enumerate(values):
            if not isinstance(value, str):
                raise DocumentProblem(
                    path=(*self.path, key, number),
                    fact=f"`{dotted((*self.path, key))}` holds {type_name(value)}",
                    expected="a list of strings",
                )
        return tuple(values)

    def raw(self, key: str) -> object:
        """Return a value of any type, None when it is not there."""
        return self._values.get(key)

    def table(self, key: str) -> "TomlTable":
        """Return a table, empty when it is not there."""
        return TomlTable(self._get(key, dict, "a table", {}), (*self.path, key))

    def tables(self, key: str) -> Iterator["TomlTable"]:
        """Yield the tables of an array of tables, none when it is not there."""
        values = self._get(key, list, f"`[[{key}]]` tables", [])
        for number, value in enumerate(values):
            if not isinstance(value, dict):
                raise self.problem(key, f"holds {type_name(value)}", f"`[[{key}]]` tables")
            yield TomlTable(value, (*self.path, key, number))

    def named_tables(self, key: str) -> Iterator[tuple[str, "TomlTable"]]:
        """Yield the tables of a table that is keyed by name, in the order of the file."""
        tables = self.table(key)
        for name in tables:
            check_name(name, (*tables.path, name))
            yield name, tables.table(name)

    def problem(self, key: str, fact: str, expected: str, hint: str = "") -> DocumentProblem:
        """Return the problem that `key` is or does something wrong."""
        path = (*self.path, key)
        return DocumentProblem(
            path=path, fact=f"`{dotted(path)}` {fact}", expected=expected, hint=hint
        )

    def missing(self, key: str, expected: str) -> DocumentProblem:
        """Return the problem that `key` is not there; its place is the table's."""
        return DocumentProblem(
            path=self.path,
            fact=f"`{dotted((*self.path, key))}` is missing",
            expected=expected,
            hint=f"add `{key} = …`" + (f" below `[{dotted(self.path)}]`" if self.path else ""),
        )

    def _get(self, key: str, kind: type[T], expected: str, default: T | None) -> T:
        if key not in self._values:
            if default is None:
                raise self.missing(key, expected)
            return default
        value = self._values[key]
        if not isinstance(value, kind):
            raise self.problem(key, f"is {type_name(value)}", expected)
        return value


def check_name(name: str, path: tuple[str | int, ...]) -> str:
    """Return `name` if it is safe in paths and addresses; raise DocumentProblem otherwise."""
    if not _NAME.match(name) or len(name) > NAME_LENGTH_MAX:
        raise DocumentProblem(
            path=path,
            fact=f"`{name[:80]}` is no name",
            expected=f"a-z, 0-9 and -, at most {NAME_LENGTH_MAX} characters",
        )
    return name


def not_yet_supported(path: tuple[str | int, ...], value: str = "") -> DocumentProblem:
    """Return the refusal of a key, or of one value of it, that the manifest will know later."""
    written = f"{dotted(path)} = {value}" if value else dotted(path)
    return DocumentProblem(
        path=path,
        fact=f"`{written}` is not yet supported",
        expected="a manifest without it",
        hint=f"remove `{written}`",
    )


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """Return `did you mean …?` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def dotted(path: tuple[str | int, ...]) -> str:
    """Write a key path as TOML does."""
    return ".".join(str(part) for part in path)


def type_name(value: object) -> str:
    """Name a TOML value's type for people."""
    return _TYPE_NAMES.get(type(value), "a date or time")


def quote(text: str) -> str:
    """Write `text` as a TOML string on one line, literal where that reads better."""
    if text.isprintable() and ('"' in text or "\\" in text):
        for delimiter in ("'", "'''"):
            if delimiter not in text and not text.startswith("'") and not text.endswith("'"):
                return f"{delimiter}{text}{delimiter}"
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(one) or _escape(one) for one in text) + '"'


def _escape(character: str) -> str:
    """Write controls and DEL, which TOML forbids raw, by number; leave the rest alone."""
    return f"\\u{ord(character):04x}" if character < " " or character == "\x7f" else character


def _place_of_offset(data: bytes, offset: int) -> tuple[int, int]:
    before = data[:offset]
    line_start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", errors="replace")) + 1


def _place_of_message(message: str, text: str) -> tuple[str, int, int]:
    match = _TOML_PLACE.search(message)
    fact = _TOML_PLACE.sub("", message)
    if match and match[1]:
        return fact, int(match[1]), int(match[2])
    lines = text.split("\n")
    return fact, len(lines), len(lines[-1]) + 1
