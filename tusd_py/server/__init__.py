"""The process: sockets, workers, and how its parts are put together."""
