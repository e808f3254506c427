"""Pure values that every station speaks of. Nothing here reads a file, a clock or chance."""
