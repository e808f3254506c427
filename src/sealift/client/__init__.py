"""What users run: get, verify, install. Travels light: no store, no flow, no database."""
