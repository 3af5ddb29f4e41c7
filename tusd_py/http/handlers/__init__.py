"""The handlers: requests to intents, results to responses."""
