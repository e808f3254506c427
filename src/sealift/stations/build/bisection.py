"""Find which dimension of a perturbation makes two runs differ, by halving."""

from collections.abc import Callable
from typing import Final

from sealift.stations.build.model import Perturbation
from sealift.stations.build.perturbation import SELECTABLE, only

NOT_PERTURBED: Final = "not perturbed"


def guilty_dimension(perturbation: Perturbation, *, differs: Callable[[Perturbation], bool]) -> str:
    """Return the one dimension that suffices to make the runs differ; empty if none is needed.

    `differs` runs once under a narrower perturbation. It is asked once without any, since chance,
    addresses and outside paths change with every run, and then once for each halving. Where several
    dimensions matter, the answer is one of them.
    """
    if differs(only(perturbation, ())):
        return ""
    suspects = [
        name
        for name, value in perturbation.changes
        if name in SELECTABLE and not value.startswith(NOT_PERTURBED)
    ]
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        suspects = half if differs(only(perturbation, half)) else suspects[len(half) :]
    return suspects[0] if suspects else ""
