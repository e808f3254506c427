"""Ledger views, metrics and alerts; only its port stands so far."""
