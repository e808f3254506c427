"""One file a command; each has `command` and nothing else public."""
