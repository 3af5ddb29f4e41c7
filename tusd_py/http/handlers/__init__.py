"""Requests to intents, results to responses."""
