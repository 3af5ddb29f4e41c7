"""The sending of events and calls of hooks: formats, callers, sinks, and the deliverer that empties the outbox."""
