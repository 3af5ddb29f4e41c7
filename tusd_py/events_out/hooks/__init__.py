"""The callers of hooks: over HTTP, as commands, and in Python. Events and questions use the same callers."""
