"""Durable execution, leases and the ledger."""
