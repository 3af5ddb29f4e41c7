"""What an operator sees: logs and metrics. Reached only from `app`, `http` and `cli`."""
