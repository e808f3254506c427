"""HTTP: the static tree, for rehearsal and small sites."""
