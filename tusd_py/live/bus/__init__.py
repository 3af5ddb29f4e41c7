"""Buses between the processes that share a state."""
