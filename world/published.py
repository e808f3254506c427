"""What a published wheel betrays of how it was built: its backend and its epoch."""

import io
import re
import zipfile
from calendar import timegm
from dataclasses import dataclass
from pathlib import Path

_GENERATOR = re.compile(
    r"^Generator: (?P<name>[\w.-]+?)[ (]+(?P<version>[\w.+!-]+)\)?$", re.MULTILINE
)
_PROJECTS = {
    "bdist_wheel": "wheel",
    "flit": "flit-core",
    "hatchling": "hatchling",
    "pdm-backend": "pdm-backend",
    "poetry-core": "poetry-core",
    "setuptools": "setuptools",
    "uv": "uv-build",
}
_ZIP_EPOCH_S = 315_532_800  # 1980-01-01, the first date that a zip file can say


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """`backend` is a pinned requirement, or empty when the generator is not known."""

    generator: str
    backend: str
    epoch_s: int

    @property
    def constraints(self) -> tuple[str, ...]:
        """What to tell `sealift lock`."""
        return (self.backend,) if self.backend else ()


def infer_origin(wheel: Path) -> Origin:
    """Read the generator's name and version and the latest date of any member."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".dist-info/WHEEL"))
        text = archive.read(name).decode()
        latest = max(timegm((*info.date_time, 0, 0, 0)) for info in archive.infolist())
    match = _GENERATOR.search(text.replace("\r\n", "\n"))
    project = _PROJECTS.get(match["name"], "") if match else ""
    return Origin(
        generator=match.group(0).removeprefix("Generator: ") if match else "unknown",
        backend=f"{project}=={match['version']}" if match and project else "",
        epoch_s=max(latest, _ZIP_EPOCH_S),
    )


def first_difference(published: bytes, rebuilt: bytes) -> str:
    """Name the first member that differs in contents, or what only one of the two holds."""
    with (
        zipfile.ZipFile(io.BytesIO(published)) as one,
        zipfile.ZipFile(io.BytesIO(rebuilt)) as other,
    ):
        names, others = set(one.namelist()), set(other.namelist())
        if names != others:
            gone, new = sorted(names - others), sorted(others - names)
            return "; ".join(
                f"{words} {_some(list_)}"
                for words, list_ in (("only published:", gone), ("only rebuilt:", new))
                if list_
            )
        changed = [name for name in sorted(names) if one.read(name) != other.read(name)]
        # RECORD repeats what the others changed: it is never the first cause.
        causes = [name for name in changed if not name.endswith("/RECORD")] or changed
    return f"contents of {_some(causes)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""  # noqa: PLR2004
    return ", ".join(names[:2]) + more
