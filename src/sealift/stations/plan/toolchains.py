"""What the plan says of toolchains whose roots the lock pins."""

from sealift.core.release import ToolchainFacts
from sealift.stations.plan.model import Lock, LockedToolchain


def locked_facts(lock: Lock | None) -> tuple[ToolchainFacts, ...]:
    """Return the facts of every pinned root, in the lock's order."""
    return tuple(_facts(one) for one in (lock.toolchains if lock else ()))


def _facts(one: LockedToolchain) -> ToolchainFacts:
    counted = f"{len(one.installed)} packages" if one.installed else "no package list"
    return ToolchainFacts(
        name=one.name,
        kind="oci" if one.root.startswith("oci:") else "debian",
        fingerprint=one.digest,
        description=f"{one.root.partition('@')[0]}, {counted}",
        packages=one.installed,
    )
