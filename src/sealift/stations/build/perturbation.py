"""What a second run changes, so that a build that depends on it gives other bytes.

Changed are the clock, time zone, locale, umask, processors, user, host name, the outside path and,
where the file system shows it, the order of files in folders. The path inside stays, by contract.
Addresses need no change: the kernel lays out memory anew in each run, and the record says if not.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from sealift.stations.build.footprints import Footprint, Footprints
from sealift.stations.build.model import UNPERTURBED, Perturbation

# Over a year, and odd hours, minutes and seconds: every field of a date differs.
CLOCK_OFFSET_S: Final = 400 * 86_400 + 5 * 3_600 + 43 * 60 + 17
_TIME_ZONE: Final = "LINT-14"
_HOSTNAME: Final = "elsewhere"
_USER_ID: Final = 4_242
_UMASK: Final = 0o077
_BY_NAME: Final = "this file system lists files by their names' hashes"
_FIXED_LAYOUT: Final = "the kernel does not randomise memory"
_RANDOMISE: Final = Path("/proc/sys/kernel/randomize_va_space")
_PERSONALITY: Final = Path("/proc/self/personality")
_NO_RANDOMISE: Final = 0x0040000
_VARIABLES: Final[dict[str, tuple[str, ...]]] = {
    "clock": (
        "LD_PRELOAD",
        "FAKETIME",
        "NO_FAKE_STAT",
        "FAKETIME_DONT_FAKE_MONOTONIC",
        "FAKETIME_DISABLE_SHM",
    ),
    "time-zone": ("TZ",),
    "locale": ("LANG", "LANGUAGE", "LC_ALL"),
}
SELECTABLE: Final = frozenset(
    {*_VARIABLES, "umask", "processors", "user", "host-name", "file-order"}
)
"""The dimensions that can be changed one by one; the others differ in every run."""
_PLAIN_LOCALES: Final = frozenset({"C", "POSIX", "C.utf8", "C.UTF-8"})
# Languages with their own letter cases and sort order come first.
_LANGUAGES: Final = ("tr_TR", "et_EE", "de_DE", "fr_FR")


def perturbation(
    *,
    clock_library: str,
    locales: frozenset[str],
    processors: int,
    can_pin: bool,
    order_follows_creation: bool = False,
    layout_is_random: bool = True,
) -> Perturbation:
    """Return the strongest perturbation that a machine with these means allows.

    `clock_library` is the path of libfaketime inside, or empty; `locales` what `locale -a` lists;
    `can_pin` whether a run can be bound to one of `processors`; `order_follows_creation` whether
    the file system lists files by when they were made.
    """
    locale = _locale(locales)
    single = can_pin and processors > 1
    return Perturbation(
        changes=(
            ("clock", f"+{CLOCK_OFFSET_S} s" if clock_library else _not("no libfaketime")),
            ("time-zone", _TIME_ZONE),
            ("locale", locale),
            ("umask", f"{_UMASK:04o}"),
            ("processors", "1" if single else _not("no second processor, or no taskset")),
            ("user", str(_USER_ID)),
            ("host-name", _HOSTNAME),
            ("outside-path", "another folder"),
            ("file-order", "reversed" if order_follows_creation else _not(_BY_NAME)),
            ("address-layout", "random in each run" if layout_is_random else _not(_FIXED_LAYOUT)),
        ),
        environment=(*_clock_environment(clock_library), *_words(locale), ("TZ", _TIME_ZONE)),
        hostname=_HOSTNAME,
        user_id=_USER_ID,
        umask=_UMASK,
        single_processor=single,
        processors=processors,
        last_first=order_follows_creation,
    )


def only(perturbation: Perturbation, dimensions: Collection[str]) -> Perturbation:
    """Return a perturbation that changes nothing but `dimensions` (of `SELECTABLE`)."""
    chosen = {variable for name in dimensions for variable in _VARIABLES.get(name, ())}
    return Perturbation(
        changes=tuple(change for change in perturbation.changes if change[0] in dimensions),
        environment=tuple(pair for pair in perturbation.environment if pair[0] in chosen),
        hostname=perturbation.hostname if "host-name" in dimensions else UNPERTURBED.hostname,
        user_id=perturbation.user_id if "user" in dimensions else UNPERTURBED.user_id,
        umask=perturbation.umask if "umask" in dimensions else UNPERTURBED.umask,
        single_processor="processors" in dimensions and perturbation.single_processor,
        processors=perturbation.processors,
        last_first="file-order" in dimensions and perturbation.last_first,
    )


def layout_is_random(*, kernel: Path = _RANDOMISE, process: Path = _PERSONALITY) -> bool:
    """Tell whether each run on this machine gets another layout of memory.

    Off for the whole machine, or for this process and what it starts (`setarch -R`).
    """
    try:
        is_on = kernel.read_text(encoding="ascii").strip() != "0"
        is_waived = bool(int(process.read_text(encoding="ascii"), 16) & _NO_RANDOMISE)
    except (OSError, ValueError):
        return False
    return is_on and not is_waived


def footprints(changes: Perturbation) -> Footprints:
    """Return what a second run under `changes` leaves behind in outputs that depend on it."""
    environment = dict(changes.environment)
    umasks = (f"{UNPERTURBED.umask:04o}", f"{changes.umask:04o}")
    candidates = (
        ("host-name", UNPERTURBED.hostname, changes.hostname),
        ("user", str(UNPERTURBED.user_id), str(changes.user_id)),
        ("umask", *umasks),
        ("locale", "", environment.get("LC_ALL", "")),
        ("time-zone", "UTC", environment.get("TZ", "").partition("-")[0]),
        ("time-zone", "+00", "+14"),
        ("processors", str(changes.processors), "1" if changes.single_processor else ""),
    )
    return Footprints(
        values=tuple(
            Footprint(dimension=name, first=first.encode(), second=second.encode())
            for name, first, second in candidates
            if second and first != second
        ),
        clock_offset_s=CLOCK_OFFSET_S if "FAKETIME" in environment else None,
    )


def _clock_environment(library: str) -> tuple[tuple[str, str], ...]:
    if not library:
        return ()
    return (
        ("LD_PRELOAD", library),
        ("FAKETIME", f"+{CLOCK_OFFSET_S}"),
        # make compares the times of files with each other and with the clock.
        ("NO_FAKE_STAT", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DISABLE_SHM", "1"),
    )


def _words(locale: str) -> tuple[tuple[str, str], ...]:
    return (("LANG", locale), ("LANGUAGE", "de"), ("LC_ALL", locale))


def _locale(locales: frozenset[str]) -> str:
    others = sorted(locales - _PLAIN_LOCALES)
    for language in _LANGUAGES:
        for locale in others:
            if locale.startswith(language):
                return locale
    return others[0] if others else "C"


def _not(why: str) -> str:
    return f"not perturbed: {why}"
