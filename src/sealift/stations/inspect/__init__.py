"""SBOM and advisories: what is inside, and what is known about it."""
