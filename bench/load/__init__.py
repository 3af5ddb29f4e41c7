"""The load clients: separate, cheap processes, whose CPU is never counted as a server's."""
