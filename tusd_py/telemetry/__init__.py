"""Logs and metrics for operators. Imported only by `server` and `http`."""
