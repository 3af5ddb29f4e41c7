"""Listeners of uploads: what they are told, and the buses between processes."""
