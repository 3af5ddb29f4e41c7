"""Logs, metrics and traces for operators. Imported only by `server` and `http`."""
