"""Adapters of the state and lock ports, one folder for each backend."""
