"""Drivers: named only in `sealift.app.wiring` and `sealift.testing`."""
