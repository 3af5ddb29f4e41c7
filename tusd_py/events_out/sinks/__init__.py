"""The adapters of `ports.sink.Sink`, a module for each kind of receiver."""
