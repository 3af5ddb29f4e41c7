"""The server process: its sockets, its workers and the assembly of its parts."""
