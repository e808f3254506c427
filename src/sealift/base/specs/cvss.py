"""The base score of a CVSS 3.0 or 3.1 vector, to put an advisory's severity into a word.

>>> base_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
9.8

Other versions have no score here: None. Specification: CVSS v3.1, sections 7.1 and 7.4.
"""

import math
import re
from collections.abc import Mapping
from typing import Final

_PREFIX: Final = re.compile(r"CVSS:3\.[01]/")
_WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0.0, "C": 1.0},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
# Section 7.4: privileges weigh more when the scope changes.
_PRIVILEGES_CHANGED: Final[Mapping[str, float]] = {"N": 0.85, "L": 0.68, "H": 0.5}
_SCORE_MAX: Final = 10.0


def base_score(vector: str) -> float | None:
    """Return the base score, 0.0 to 10.0; None for another version or an incomplete vector."""
    prefix = _PREFIX.match(vector)
    if not prefix:
        return None
    values = dict(part.partition(":")[::2] for part in vector[prefix.end() :].split("/"))
    if any(values.get(metric) not in weights for metric, weights in _WEIGHTS.items()):
        return None
    weight = {metric: weights[values[metric]] for metric, weights in _WEIGHTS.items()}
    changed = values["S"] == "C"
    privileges = _PRIVILEGES_CHANGED[values["PR"]] if changed else weight["PR"]
    lost = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    total = (1.08 if changed else 1.0) * (impact + exploitability)
    return _round_up(min(total, _SCORE_MAX))


def _round_up(score: float) -> float:
    # Appendix A of CVSS 3.1: integers, so that 4.000000000000001 does not become 4.1.
    whole = round(score * 100_000)
    if whole % 10_000 == 0:
        return whole / 100_000
    return (math.floor(whole / 10_000) + 1) / 10
