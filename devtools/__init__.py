"""Real servers and programs for tests, benchmarks and `make run`: fetched, found and started here.

A server has a module with a subclass of `part.Part`, which says its command and when it serves. `with
RedisServer(directory) as redis` starts it on a port of 127.0.0.1, with its log in `directory`, and at the end stops its
process group. Programs come from the machine, from wheels in pyproject.toml, or from the Debian packages in
`debian.PACKAGES`.
"""
