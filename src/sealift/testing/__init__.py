"""Suites that every driver of a port must pass, simulators, builders of test data."""
