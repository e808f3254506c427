"""Poetry's own dependency tables as requirements that everybody reads (PEP 508).

`^1.2` becomes `>=1.2,<2`, `~1.2` becomes `>=1.2,<1.3`. A constraint that PEP 508 cannot say (`||`)
is left out: the dependency stays, without a bound. What lies in git or on a path is left out whole.
"""

import re
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

_RELEASE: Final = re.compile(r"v?(\d+(?:\.\d+)*)")
_OPERATOR: Final = re.compile(r"(\^|~=|~|==|!=|<=|>=|<|>|=)?\s*(\S+)\Z")
_MINOR_PARTS: Final = 2
_ELSEWHERE: Final = ("git", "path", "url", "file")


def poetry_requirements(table: dict[str, object]) -> tuple[str, ...]:
    """Return the requirements of a table `[tool.poetry.dependencies]`, in its order."""
    found: list[str] = []
    for name, value in table.items():
        if name.lower() == "python":
            continue
        for choice in value if isinstance(value, list) else [value]:
            requirement = _requirement(name, choice)
            if requirement:
                found.append(requirement)
    return tuple(found)


def poetry_specifier(constraint: str) -> str:
    """Turn a poetry constraint into a PEP 440 specifier; empty for any version."""
    if "|" in constraint:
        return ""
    clauses = [part for part in re.split(r"\s*,\s*", constraint.strip()) if part]
    return ",".join(filter(None, (_clause(part) for part in clauses)))


def _requirement(name: str, value: object) -> str:
    details = value if isinstance(value, dict) else {"version": value}
    if details.get("optional") is True or any(key in details for key in _ELSEWHERE):
        return ""
    version, extras = details.get("version"), details.get("extras")
    specifier = poetry_specifier(version) if isinstance(version, str) else ""
    chosen = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else ""
    markers = _markers(details.get("markers"), details.get("python"))
    try:
        text = str(Requirement(f"{name}{chosen}{specifier}{'; ' + markers if markers else ''}"))
        # Written out again, a marker with odd characters may not be one any more.
        return str(Requirement(text))
    except InvalidRequirement:
        return ""


def _markers(markers: object, python: object) -> str:
    stated = [f"({markers})"] if isinstance(markers, str) else []
    if isinstance(python, str):
        for clause in filter(None, poetry_specifier(python).split(",")):
            match = _OPERATOR.match(clause)
            if match:
                short = match[2].count(".") < _MINOR_PARTS
                variable = "python_version" if short else "python_full_version"
                stated.append(f'{variable} {match[1] or "=="} "{match[2]}"')
    return " and ".join(stated)


def _clause(text: str) -> str:
    match = _OPERATOR.match(text)
    if not match or match[2] == "*":
        return ""
    operator, version = match[1] or "==", match[2].removeprefix("v")
    if operator in {"^", "~"}:
        return _range(operator, version)
    return f"{'==' if operator == '=' else operator}{version}"


def _range(operator: str, version: str) -> str:
    release = _RELEASE.match(version)
    if not release:
        return ""
    parts = [int(part) for part in release[1].split(".")]
    if operator == "~":
        # ~1.2.3 and ~1.2 keep the minor number, ~1 keeps the major one.
        kept = min(len(parts), _MINOR_PARTS)
    else:
        # ^ keeps everything up to the first number that is not zero.
        kept = next((place for place, part in enumerate(parts, 1) if part), len(parts))
    upper = [*parts[: kept - 1], parts[kept - 1] + 1]
    return f">={version},<{'.'.join(map(str, upper))}"
