"""The composition root: the ordered list of stations, and what is wired to what."""
