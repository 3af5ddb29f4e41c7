"""Buses between the processes that share a state: they announce changed uploads (`ports.bus`)."""
