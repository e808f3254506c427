"""Which package sources of this machine serve a suite: pure text in, deb822 text out.

Only those of the suite itself, its updates and its security suite are taken, so that a machine's
further sources (an editor's, a cloud's) never enter a root. sources.list(5) has both formats.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

_SUFFIXES: Final = ("", "-updates", "-security", "/updates")
_ONE_LINE: Final = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>\S.*)\Z")
_PARTS_MIN: Final = 2


def sources_of_suite(texts: Iterable[tuple[str, str]], suite: str) -> str:
    """Return deb822 stanzas for `suite` from files given as name and text; empty when none fits."""
    stanzas = []
    for name, text in texts:
        reader = _stanzas if name.endswith(".sources") else _lines
        stanzas += list(reader(text, suite))
    return "\n".join(dict.fromkeys(stanzas))


def _lines(text: str, suite: str) -> Iterator[str]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        parts = match["rest"].split() if match else []
        if match is None or len(parts) < _PARTS_MIN or not _fits(parts[1], suite):
            continue
        signed = ""
        for option in (match["options"] or "").split():
            key, _, value = option.partition("=")
            if key.lower() == "signed-by":
                signed = f"Signed-By: {value}\n"
        yield (
            f"Types: deb\nURIs: {parts[0]}\nSuites: {parts[1]}\n"
            + (f"Components: {' '.join(parts[2:])}\n" if parts[2:] else "")
            + signed
        )


def _stanzas(text: str, suite: str) -> Iterator[str]:
    for stanza in re.split(r"\n[ \t]*\n", text):
        lines = [line for line in stanza.splitlines() if line and not line.startswith("#")]
        fields: dict[str, list[str]] = {}
        key = ""
        for line in lines:
            if not line[0].isspace():
                key, _, line = line.partition(":")  # noqa: PLW2901 - the value's first line
            fields.setdefault(key.strip().lower(), []).append(line.strip())
        suites = [one for one in " ".join(fields.get("suites", [])).split() if _fits(one, suite)]
        enabled = fields.get("enabled", ["yes"])[0].lower() not in {"no", "false"}
        if not suites or not enabled or "deb" not in " ".join(fields.get("types", [])).split():
            continue
        yield (
            f"Types: deb\nURIs: {' '.join(fields.get('uris', []))}\nSuites: {' '.join(suites)}\n"
            + "".join(
                f"{title}:{_folded(fields[title.lower()])}\n"
                for title in ("Components", "Signed-By")
                if title.lower() in fields
            )
        )


def _folded(values: list[str]) -> str:
    """Write a value as it was: an inline key goes over several lines."""
    return "\n".join(f" {value}" if value else "" for value in values)


def _fits(found: str, suite: str) -> bool:
    return found in {f"{suite}{suffix}" for suffix in _SUFFIXES}
