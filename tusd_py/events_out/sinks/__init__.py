"""The sinks that call hooks or send to brokers (adapters of `ports.sink.Sink`), and a client for each broker."""
