"""Channels: signed, versioned pointers with a history."""
