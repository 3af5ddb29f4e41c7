"""State and locks of one machine, in one SQLite file."""
