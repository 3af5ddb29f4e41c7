"""Benchmarks of tusd-py and its peers: see docs/benchmarks.md. `python -m bench --help`, or `make bench`."""
