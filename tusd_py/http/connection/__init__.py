"""The work on a connection: heads, bodies, limits, and answers before a body has arrived."""
