"""The static tree: TUF, apt, simple index, release page; one transaction."""
