"""Recognise sources that a project carries along: a folder with a `configure.ac` of its own.

What is not described like that (a few copied files) is not seen, so a bill made from this says that
it is incomplete. Sources of tests and examples are left out: they do not reach an artifact.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_DESCRIPTIONS: Final = ("configure.ac", "configure.in")
_LICENCE_FILES: Final = ("COPYING", "LICENSE", "LICENCE", "COPYING.txt", "LICENSE.txt")
_NOT_SHIPPED: Final = frozenset({"test", "tests", "testing", "testdata", "examples", "fixtures"})
_INIT: Final = re.compile(
    r"^[ \t]*AC_INIT\(\s*\[?(?P<name>[A-Za-z][A-Za-z0-9 ._+-]*?)\]?\s*"
    r"(?:,\s*\[?(?P<version>[0-9][A-Za-z0-9.+~_-]*)\]?\s*)?[,)]",
    re.MULTILINE,
)
_LICENCES: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = (
    # (SPDX id, phrases that must be there, phrases that must not), the narrower first.
    ("Apache-2.0", ("Apache License", "Version 2.0"), ()),
    ("MIT", ("Permission is hereby granted, free of charge",), ("advertising",)),
    (
        "BSD-3-Clause",
        ("Redistribution and use in source and binary forms", "endorse or promote"),
        ("advertising materials",),
    ),
    (
        "BSD-2-Clause",
        ("Redistribution and use in source and binary forms", "binary form must reproduce"),
        ("endorse or promote", "advertising materials"),
    ),
    ("Zlib", ("This software is provided 'as-is'", "must not be misrepresented"), ()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendoredProject:
    """A project inside the source: its folder, and what its AC_INIT says. Texts may be empty."""

    folder: str
    description: str
    name: str
    version: str
    licence: str


def vendored_folders(paths: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
    """Return (folder, its build description, its licence file or empty), sorted by folder."""
    known = frozenset(paths)
    found: dict[str, str] = {}
    for description in _DESCRIPTIONS:
        for path in known:
            folder, _, name = path.rpartition("/")
            shipped = not _NOT_SHIPPED.intersection(folder.lower().split("/"))
            if name == description and folder and shipped:
                found.setdefault(folder, path)
    return tuple(
        (
            folder,
            found[folder],
            next(
                (f"{folder}/{name}" for name in _LICENCE_FILES if f"{folder}/{name}" in known), ""
            ),
        )
        for folder in sorted(found)
    )


def describe(folder: str, description: str, texts: Mapping[str, str]) -> VendoredProject:
    """Read name, version and licence from the texts of the build description and licence file.

    `texts` maps path to contents. Without a literal AC_INIT the folder's name stands in, and the
    version stays empty: a guessed version would match the wrong advisories.
    """
    match = _INIT.search(texts[description])
    licences = [text for path, text in sorted(texts.items()) if path != description]
    return VendoredProject(
        folder=folder,
        description=description,
        name=match["name"].strip() if match else folder.rpartition("/")[2],
        version=(match["version"] or "") if match else "",
        licence=guess_licence(licences[0]) if licences else "",
    )


def guess_licence(text: str) -> str:
    """Return the SPDX id of a well-known licence text, or empty."""
    flat = " ".join(text.split())
    for identifier, demanded, forbidden in _LICENCES:
        if all(phrase in flat for phrase in demanded) and not any(
            phrase in flat for phrase in forbidden
        ):
            return identifier
    return ""
