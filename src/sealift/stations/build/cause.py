"""The first cause of a difference: where it lies, archives opened, what it is, and what helps."""

from dataclasses import dataclass
from typing import Final

from sealift.core.limits import STABILISED_DEPTH_MAX
from sealift.stations.build.footprints import Footprints, Views, likely_source
from sealift.stations.build.stabilisers.containers import members
from sealift.stations.build.stabilisers.nesting import needed
from sealift.stations.build.stabilisers.tar_format import parse_tar
from sealift.stations.build.stabilisers.zip_format import parse_zip

_SHOWN_BYTES: Final = 12
_DELIMITER: Final = " → "
_ELF: Final = b"\x7fELF"
_PERMISSIONS: Final = 0o7777
_MODE_SHIFT: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why two files differ.

    `place` is the path, with those inside of archives behind it; `found` says what differs there;
    `source` is a guess (`footprints.likely_source`) or empty; `hint` is what usually helps.
    """

    place: str
    found: str
    source: str
    hint: str

    def words(self) -> str:
        """Say all of it in one line."""
        guess = f"; likely source: {self.source}" if self.source else "; its source is unknown"
        advice = f"; hint: {self.hint}" if self.hint else ""
        return f"{self.place}, {self.found}{guess}{advice}"


def first_cause(path: str, first: bytes, second: bytes, footprints: Footprints) -> Cause:
    """Return the first cause of the difference of two files that no stabilisers make equal."""
    places = [path]
    name = path
    for _ in range(STABILISED_DEPTH_MAX):
        inside = (members(name, first), members(name, second))
        if not inside[0] or not inside[1]:
            break
        found = _listing_difference(*inside)
        if found:
            return _said(places, found, source="", hint="")
        step = _first_different(*inside)
        if step is None:
            found = _mode_difference(first, second)
            if found:
                return _said(places, found, source="umask", hint=_HINTS["umask"])
            break
        places.append(step)
        name, first, second = step, inside[0][step], inside[1][step]
    return _byte_cause(places, first, second, footprints)


def _listing_difference(first: dict[str, bytes], second: dict[str, bytes]) -> str:
    for name in sorted(first.keys() ^ second.keys()):
        which = "first" if name in first else "second"
        return f"only the {which} run's archive holds `{name}`"
    return ""


def _first_different(first: dict[str, bytes], second: dict[str, bytes]) -> str | None:
    """Return the first member, in the order of names, that no stabilisers make equal."""
    differing = (name for name in sorted(first) if first[name] != second[name])
    return next(
        (name for name in differing if needed(name, first[name], second[name]) is None), None
    )


def _mode_difference(first: bytes, second: bytes) -> str:
    one, other = _modes(first), _modes(second)
    for name in sorted(one.keys() & other.keys()):
        if one[name] != other[name]:
            modes = f"{one[name]:04o} in the first run, {other[name]:04o} in the second"
            return f"`{name}` has mode {modes}"
    return ""


def _modes(data: bytes) -> dict[str, int]:
    tar = parse_tar(data)
    if tar is not None:
        return {member.name: member.mode & _PERMISSIONS for member in tar.members}
    archive = parse_zip(data)
    return {
        member.name.decode(errors="replace"): (member.external >> _MODE_SHIFT) & _PERMISSIONS
        for member in (archive.members if archive else ())
    }


def _byte_cause(places: list[str], first: bytes, second: bytes, footprints: Footprints) -> Cause:
    offset = _offset(first, second)
    source = likely_source(Views(first=first, second=second, offset=offset), footprints)
    one, other = (_shown(data[offset : offset + _SHOWN_BYTES]) for data in (first, second))
    return _said(
        places,
        f"at offset {offset}: {one} in the first run, {other} in the second",
        source=source,
        hint=_hint(source, places, first),
    )


def _offset(first: bytes, second: bytes) -> int:
    """Return where two different contents first differ, by halving."""
    low, high = 0, min(len(first), len(second))
    if first[:high] == second[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _shown(data: bytes) -> str:
    if not data:
        return "the end"
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)  # noqa: PLR2004 - ASCII
    return f'{data.hex(" ")} "{text}"'


def _said(places: list[str], found: str, *, source: str, hint: str) -> Cause:
    place = _DELIMITER.join(f"`{each}`" if each else "its contents" for each in places)
    return Cause(place=place, found=found, source=source, hint=hint)


_HINTS: Final = {
    "clock": "take the time from $SOURCE_DATE_EPOCH",
    "__DATE__ or __TIME__": "let the compiler see SOURCE_DATE_EPOCH, or drop `__DATE__` and "
    "`__TIME__` (`-Wdate-time` finds them)",
    "time-zone": "write times in UTC (`date --utc`, `TZ=UTC`)",
    "host-name": "leave the host's name out, or set it to a fixed text",
    "user": "leave the user out (`tar --owner=0 --group=0 --numeric-owner`)",
    "locale": "set LC_ALL=C.UTF-8 for the command that sorts or translates",
    "umask": "set modes explicitly (`install -m 0644`, `tar --mode=u+rw,go+rX,go-w`)",
    "processors": "do not let the number of processors reach the output",
    "path": "map paths away (`-ffile-prefix-map=$PWD=.`, `go build -trimpath`, "
    "`--remap-path-prefix`)",
    "temporary-name": "use a fixed name instead of a temporary one",
    "order": "sort before writing (`tar --sort=name`, `LC_ALL=C sort`, `sorted()`, "
    "PYTHONHASHSEED=0)",
    "address": "leave addresses and `id()` out of the output",
    "chance": "derive identifiers from contents, or from a fixed seed",
}


def _hint(source: str, places: list[str], data: bytes) -> str:
    """Return what usually helps in this kind of file."""
    name = places[-1]
    if source == "order" and name.endswith((".py", ".json")):
        return (
            "sort before writing (`sorted()`, `json.dump(sort_keys=True)`), or set PYTHONHASHSEED=0"
        )
    if not source and data.startswith(_ELF):
        return "compare with `diffoscope`; `-Wl,--build-id=none` tells whether only an id differs"
    return _HINTS.get(source, "")
