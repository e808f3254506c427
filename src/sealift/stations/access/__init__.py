"""People, roles and tokens; only its port stands so far."""
