"""What every kind of project is asked: names, licences and addresses, made safe."""

import re
from typing import Final

from packaging.utils import canonicalize_name

from sealift.core.limits import DETECTION_FILE_BYTES_MAX, NAME_LENGTH_MAX, TEXT_LENGTH_MAX
from sealift.stations.plan.licence import canonical_expression, expression_of_text
from sealift.stations.plan.model import NO_ASSERTION, VERSION_FROM_TAG, ProjectSpec
from sealift.stations.plan.port import SourceListing

_LICENCE_FILES: Final = re.compile(r"(?i)(?:un)?(?:licen[cs]e|copying)(?:[.-][a-z0-9.-]+)?\Z")


def project_facts(
    files: SourceListing,
    *,
    name: str = "",
    licence: str = "",
    description: str = "",
    homepage: str = "",
    maintainer: str = "",
) -> ProjectSpec:
    """Return the project's facts from what its own files state, each made fit for a manifest.

    Where no name is stated the folder's is taken; where no licence is, that of the licence files.
    """
    return ProjectSpec(
        name=safe_name(name or files.name),
        version=VERSION_FROM_TAG,
        licence=canonical_expression(licence) or licence_of_files(files),
        description=one_line(description),
        homepage=safe_address(homepage),
        maintainer=one_line(maintainer),
    )


def read_text(files: SourceListing, path: str) -> str:
    """Return a file's text, whatever its bytes; nothing when it is absent."""
    return files.read(path, size_bytes_max=DETECTION_FILE_BYTES_MAX).decode("utf-8", "replace")


def licence_of_files(files: SourceListing) -> str:
    """Return the licence that the files at the top agree on; NOASSERTION when they do not."""
    names = [path for path in files.paths() if "/" not in path and _LICENCE_FILES.match(path)]
    found = {expression_of_text(read_text(files, name)) for name in names}
    return found.pop() if len(found) == 1 else NO_ASSERTION


def safe_name(text: str) -> str:
    """Return a name as the manifest allows it."""
    name = re.sub(r"[^a-z0-9]+", "-", canonicalize_name(text)).strip("-")[:NAME_LENGTH_MAX]
    return name.strip("-") or "project"


def one_line(text: str) -> str:
    """Return the text on one line of printable characters, and not too long."""
    words = " ".join(text.split())
    return "".join(one for one in words if one.isprintable())[: TEXT_LENGTH_MAX // 4]


def safe_address(text: str) -> str:
    """Return a plain web address, or nothing."""
    address = text.strip()
    plain = re.match(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[!-~]*)?\Z", address)
    return address if plain and len(address) <= TEXT_LENGTH_MAX else ""
