"""What tusd-py costs beside its peers: see docs/benchmarks.md. `python -m bench --help`, or `make bench`."""
