"""The handlers of requests: they turn requests into intents for the engine, and its results into responses."""
