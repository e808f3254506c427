"""Where the keys of a TOML document stand. Imported only when there is an error to report.

`tomllib` tells what a document means, and nothing about lines; tree-sitter tells lines, and is
lenient about meaning. So the first one parses, and this module looks up what the first one found
wrong.
"""

import tomllib
from collections.abc import Iterator
from typing import Final

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

KeyPath = tuple[str | int, ...]

_KEY_KINDS: Final = frozenset({"bare_key", "quoted_key", "dotted_key"})
_TABLE_KINDS: Final = frozenset({"table", "table_array_element"})


def locate(data: bytes, path: KeyPath) -> tuple[int, int]:
    """Return line and column, from 1, of the key at `path`, or of its nearest table that is there.

    An element of an array is found by its number.
    """
    nodes: dict[KeyPath, Node] = {}
    for found, node in _keys(Parser(Language(tree_sitter_toml.language())).parse(data).root_node):
        nodes.setdefault(found, node)
    for length in range(len(path), 0, -1):
        if path[:length] in nodes:
            return _line_and_column(data, nodes[path[:length]])
    return (1, 1)


def locate_all(data: bytes) -> dict[KeyPath, tuple[int, int]]:
    """Return line and column, from 1, of every key and array element that is written."""
    nodes: dict[KeyPath, tuple[int, int]] = {}
    for found, node in _keys(Parser(Language(tree_sitter_toml.language())).parse(data).root_node):
        nodes.setdefault(found, _line_and_column(data, node))
    return nodes


def _line_and_column(data: bytes, node: Node) -> tuple[int, int]:
    line_start = node.start_byte - node.start_point.column
    before = data[line_start : node.start_byte].decode("utf-8", errors="replace")
    return (node.start_point.row + 1, len(before) + 1)


def _keys(document: Node) -> Iterator[tuple[KeyPath, Node]]:
    counts: dict[KeyPath, int] = {}
    for node in document.named_children:
        if node.type == "pair":
            yield from _pair(node, ())
        elif node.type in _TABLE_KINDS:
            yield from _table(node, counts)


def _table(node: Node, counts: dict[KeyPath, int]) -> Iterator[tuple[KeyPath, Node]]:
    key = next((child for child in node.named_children if child.type in _KEY_KINDS), None)
    if key is None:
        return
    base: KeyPath = _parts(key)
    yield from _prefixes(base, key)
    if node.type == "table_array_element":
        number = counts.get(base, 0)
        counts[base] = number + 1
        base = (*base, number)
        yield base, key
    for child in node.named_children:
        if child.type == "pair":
            yield from _pair(child, base)


def _pair(node: Node, base: KeyPath) -> Iterator[tuple[KeyPath, Node]]:
    named = [child for child in node.named_children if child.type != "comment"]
    if not named or named[0].type not in _KEY_KINDS:
        return
    key = named[0]
    path = (*base, *_parts(key))
    for found, place in _prefixes(path, key):
        if len(found) > len(base):
            yield found, place
    if len(named) > 1:
        yield from _value(named[1], path)


def _value(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Node]]:
    if node.type == "inline_table":
        for child in node.named_children:
            if child.type == "pair":
                yield from _pair(child, path)
    elif node.type == "array":
        items = [child for child in node.named_children if child.type != "comment"]
        for number, item in enumerate(items):
            yield (*path, number), item
            yield from _value(item, (*path, number))


def _prefixes(path: KeyPath, node: Node) -> Iterator[tuple[KeyPath, Node]]:
    for length in range(1, len(path) + 1):
        yield path[:length], node


def _parts(key: Node) -> tuple[str, ...]:
    """Read a key by the parser that decides: quoted, dotted, with or without spaces."""
    text = (key.text or b"").decode("utf-8", errors="replace")
    parts: list[str] = []
    level: object = tomllib.loads(f"{text} = 0")
    while isinstance(level, dict):
        name, level = next(iter(level.items()))
        parts.append(name)
    return tuple(parts)
