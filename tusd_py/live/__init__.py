"""Listeners of uploads: the hub that wakes them after changes, and the buses that carry changes between processes."""
