"""The clients: processes of their own, cheap, whose CPU is never counted as a server's."""
