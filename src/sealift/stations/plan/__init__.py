"""Versions, manifest, lock, detection, stage graph: from a checkout to a plan."""
