"""The domain: values, rules and the life cycle of uploads. Pure: no I/O, clock or randomness."""
