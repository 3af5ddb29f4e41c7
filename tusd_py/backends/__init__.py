"""Adapters of state and locks: a folder a backend."""
