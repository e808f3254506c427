"""Policy packs, criteria, verdicts: no evidence, no passage."""
