"""The policy packs. This page is the whole policy: what must be shown, and what nobody looks at.

A criterion that nothing can assess yet is not in a pack; it is listed as not assessed, so that a
reader of the release page knows how far the word "pass" reaches (DESIGN.md, law 5).
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from sealift.core.errors import ConfigError
from sealift.core.verdict import NotAssessed
from sealift.stations.gate.criteria import (
    outputs_identical,
    provenance_complete,
    sbom_not_empty,
    source_pinned,
    source_tag_signed,
    tests_passed,
)
from sealift.stations.gate.model import Criterion, PolicyPack, Rule

_STARTER: Final = PolicyPack(
    name="starter",
    version=1,
    criteria=(
        Criterion(
            rule=Rule(
                identifier="source.pinned",
                title="Source pinned",
                evidence="the plan's commit, the source tree, sealift.lock, the upstream archive",
                judged="full commit id; fetched files are exactly the locked ones; a recorded "
                "upstream archive holds the same files",
                who="maintainer",
                hint="sealift lock",
            ),
            judge=source_pinned,
        ),
        Criterion(
            rule=Rule(
                identifier="source.tag-signed",
                title="Tag signed",
                evidence="git's verification of the tag against the trusted signers",
                judged="a good signature of a trusted signer; unknown when no signer is trusted",
                who="release manager",
                hint="git tag -s --force TAG; for a signed tag: sealift keys trust-signer KEY",
            ),
            judge=source_tag_signed,
        ),
        Criterion(
            rule=Rule(
                identifier="tests.passed",
                title="Tests passed",
                evidence="the results of all stages of kind `test`",
                judged="at least one such stage, and every one ran and passed",
                who="maintainer",
                hint="sealift release --snapshot",
            ),
            judge=tests_passed,
        ),
        Criterion(
            rule=Rule(
                identifier="outputs.identical",
                title="Outputs identical",
                evidence="the second, perturbed run of every build and package action",
                judged="the same bytes; any difference fails, a run that did not happen is unknown",
                who="maintainer",
                hint="sealift release --snapshot",
            ),
            judge=outputs_identical,
        ),
        Criterion(
            rule=Rule(
                identifier="provenance.complete",
                title="Provenance complete",
                evidence="the signed SLSA provenance statements",
                judged="every action's output tree and every artifact is the subject of one",
                who="release manager",
                hint="sealift release",
            ),
            judge=provenance_complete,
        ),
        Criterion(
            rule=Rule(
                identifier="sbom.not-empty",
                title="SBOM not empty",
                evidence="the CycloneDX bill of every artifact",
                judged="at least one component each",
                who="maintainer",
                hint="sealift plan",
            ),
            judge=sbom_not_empty,
        ),
    ),
    not_assessed=tuple(
        NotAssessed(criterion=criterion, title=title, reason=reason)
        for criterion, title, reason in (
            (
                "advisories.none-open",
                "No open advisories",
                "matches are shown as information; exceptions (VEX, waivers) do not exist yet",
            ),
            ("licences.allowed", "Licences allowed", "licences are listed, no policy judges them"),
            ("secrets.none", "No secrets", "no scanner of secrets is wired"),
            ("api.compatible", "API and ABI compatible", "no comparison with earlier releases"),
            ("artifact.explained", "Difference explained", "no comparison with earlier artifacts"),
            (
                "build.hermetic",
                "Toolchain hermetic",
                "the `host` toolchain is recorded, not locked",
            ),
            ("build.rebuilt-elsewhere", "Rebuilt elsewhere", "both runs are on one machine"),
            ("approval.two-persons", "Approved by two", "one person can release"),
            ("log.included", "In a transparency log", "there is no log to be included in yet"),
        )
    ),
)

PACKS: Final[Mapping[str, PolicyPack]] = {_STARTER.name: _STARTER}


def pack_named(name: str) -> PolicyPack:
    """Return the pack; raise ConfigError with the nearest name when there is none."""
    if name in PACKS:
        return PACKS[name]
    near = get_close_matches(name, PACKS, n=1)
    raise ConfigError(
        fact=f"there is no policy `{name}`",
        expected=" or ".join(f"`{one}`" for one in PACKS),
        hint=f'set `policy = "{near[0] if near else next(iter(PACKS))}"` in [gate]',
        where="gate.policy",
    )
