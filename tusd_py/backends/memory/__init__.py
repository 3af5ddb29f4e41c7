"""State and locks in the memory of one process."""
