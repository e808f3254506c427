"""Statements, provenance, keys and signatures."""
