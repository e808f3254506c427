"""Say which parts of an action's key changed: what a cache miss is explained with.

Every field of the action is compared, so that a field that is added later cannot be forgotten.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sealift.core.action import Action, ActionInput

_SHOWN_CHARACTERS: Final = 80
_ABSENT: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One part of the key, before and now; `-` where it was or is absent."""

    part: str
    before: str
    now: str

    def __str__(self) -> str:
        """Return the change in a few words."""
        if self.before == _ABSENT:
            return f"{self.part} is new"
        return f"{self.part} {'is gone' if self.now == _ABSENT else 'changed'}"


def key_changes(*, before: Action, now: Action) -> tuple[KeyChange, ...]:
    """Return what differs, in the order of the action's fields; empty when the keys are equal."""
    changes: list[KeyChange] = []
    for field in dataclasses.fields(Action):
        old, new = getattr(before, field.name), getattr(now, field.name)
        if old == new:
            continue
        named = _named(old), _named(new)
        if named[0] is None or named[1] is None:
            changes.append(_change(field.name, old, new))
        else:
            changes += _changes_by_name(field.name, named[0], named[1])
    return tuple(changes)


def _named(value: object) -> Mapping[str, str] | None:
    """Return a list of named things as a mapping; None when the value is something else."""
    if not isinstance(value, tuple):
        return None
    names: dict[str, str] = {}
    for each in value:
        if isinstance(each, ActionInput):
            names[each.name] = _input_words(each)
        elif isinstance(each, tuple) and len(each) == 2:  # noqa: PLR2004 - a name and its value
            names[str(each[0])] = str(each[1])
        else:
            return None
    return names


def _input_words(each: ActionInput) -> str:
    """Return an input's tree and whatever else it says beside its name."""
    values = [getattr(each, field.name) for field in dataclasses.fields(each)]
    return " ".join(str(value) for value in values[1:])


def _changes_by_name(
    part: str, before: Mapping[str, str], now: Mapping[str, str]
) -> list[KeyChange]:
    changes = [
        KeyChange(part=f"{part}.{name}", before=old, now=new)
        for name in {**before, **now}
        if (old := before.get(name, _ABSENT)) != (new := now.get(name, _ABSENT))
    ]
    # The same names with the same values: what is left is their order.
    return changes or [_change(f"order of {part}", " ".join(before), " ".join(now))]


def _change(part: str, before: object, now: object) -> KeyChange:
    old, new = _lines(before), _lines(now)
    differing = next(
        (number for number, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]),
        min(len(old), len(new)),
    )
    return KeyChange(part=part, before=_line(old, differing), now=_line(new, differing))


def _lines(value: object) -> list[str]:
    if isinstance(value, tuple):
        return [line for each in value for line in str(each).splitlines()]
    return [str(value)]


def _line(lines: list[str], number: int) -> str:
    """Return the first line that differs; a command may have hundreds that do not."""
    return lines[number].strip()[:_SHOWN_CHARACTERS] if number < len(lines) else _ABSENT
