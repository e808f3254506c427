"""The port of the station: who may ask for what.

On one machine the person at the keyboard may do everything that the keys allow. A service asks a
driver of this port first; it decides about requests, never about signatures, which need keys.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

Permission = Literal["read", "submit", "approve", "release", "withdraw", "administer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody, or a workload, as an issuer vouches for them. Never holds a token."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDecision:
    """Whether it is granted, and the rule that says so."""

    granted: bool
    reason: str


class Authoriser(Protocol):
    """Decide what a principal may do in a project."""

    def decide(
        self, principal: Principal, permission: Permission, *, project: str
    ) -> AccessDecision:
        """Return the decision; unknown principals are refused with a reason, never by an error."""
