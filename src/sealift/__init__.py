"""Sealift takes a release from a tagged source to a verified download and proves each step."""

__version__ = "0.1.0"
