"""Rebuild what others published, and keep the verdicts as a table: `make world`."""
