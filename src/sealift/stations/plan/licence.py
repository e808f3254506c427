"""SPDX licence expressions: checked when written, recognised when only a text is there."""

import re
from functools import cache
from typing import Final

from license_expression import (
    ExpressionError,
    Licensing,
    get_spdx_licensing,
)

from sealift.stations.plan.model import NO_ASSERTION

_REFERENCE: Final = re.compile(r"LicenseRef-[A-Za-z0-9.-]{1,64}\Z")

_CLASSIFIERS: Final = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
    "License :: OSI Approved :: The Unlicense (Unlicense)": "Unlicense",
    "License :: OSI Approved :: zlib/libpng License": "Zlib",
    "License :: OSI Approved :: GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "License :: OSI Approved :: GNU General Public License v2 or later (GPLv2+)": (
        "GPL-2.0-or-later"
    ),
    "License :: OSI Approved :: GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)": (
        "GPL-3.0-or-later"
    ),
}

_PERMISSION: Final = "permission is hereby granted, free of charge, to any person obtaining a copy"
_BSD: Final = "redistribution and use in source and binary forms"
_BSD_THIRD: Final = "neither the name"
_TEXTS: Final = (
    ("apache license version 2.0", "Apache-2.0"),
    ("gnu lesser general public license version 3", "LGPL-3.0-only"),
    ("gnu lesser general public license version 2.1", "LGPL-2.1-only"),
    ("gnu affero general public license version 3", "AGPL-3.0-only"),
    ("gnu general public license version 3", "GPL-3.0-only"),
    ("gnu general public license version 2", "GPL-2.0-only"),
    ("mozilla public license version 2.0", "MPL-2.0"),
    ("permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"),
)
_HEAD_CHARACTERS: Final = 4_000
_TITLE_CHARACTERS: Final = 400


def check_expression(text: str) -> str:
    """Return what is wrong with an SPDX expression, or nothing when it is right as written."""
    if text == NO_ASSERTION or _REFERENCE.match(text):
        return ""
    canonical = canonical_expression(text)
    if not canonical:
        return f"`{text[:80]}` is no SPDX licence expression"
    if canonical != text:
        return f"`{text[:80]}` is written `{canonical}` in SPDX"
    return ""


def canonical_expression(text: str) -> str:
    """Return the expression as SPDX writes it, or nothing when it is none."""
    if not text.strip() or len(text) > _TITLE_CHARACTERS:
        return ""
    licensing = _licensing()
    try:
        parsed = licensing.parse(text, validate=True, strict=True)
    except (ExpressionError, AttributeError, ValueError, TypeError, RecursionError):
        # The library raises AttributeError while it words some of its own errors (`MIT AND`).
        return ""
    return "" if parsed is None else str(parsed)


def expression_of_metadata(
    *, expression: str = "", licence: str = "", classifiers: tuple[str, ...] = ()
) -> str:
    """Return the SPDX expression that package metadata states, or nothing when it is unclear.

    In order: an SPDX expression, a licence field that happens to be one, a single classifier.
    """
    for text in (expression, licence):
        found = canonical_expression(text)
        if found:
            return found
    named = {_CLASSIFIERS[line] for line in classifiers if line in _CLASSIFIERS}
    unclear = [
        line for line in classifiers if line.startswith("License ::") and line not in _CLASSIFIERS
    ]
    return named.pop() if len(named) == 1 and not unclear else ""


def expression_of_text(text: str) -> str:
    """Recognise a licence by its first lines; return NOASSERTION for any other text.

    A GPL text alone does not say "or later": only the notes in the files do, so it is `-only`.
    """
    head = " ".join(text[:_HEAD_CHARACTERS].lower().replace('"', "").split())
    title = head[:_TITLE_CHARACTERS].replace(",", "")
    for phrase, expression in _TEXTS:
        if phrase.replace(",", "") in title:
            return expression
    if _PERMISSION in head:
        return "MIT"
    if _BSD in head:
        return "BSD-3-Clause" if _BSD_THIRD in head else "BSD-2-Clause"
    return NO_ASSERTION


@cache
def _licensing() -> Licensing:
    return get_spdx_licensing()
