"""What the server is about: values, rules and the life cycle. Pure: no I/O, clock or randomness."""
