"""The sink, an S3 for benchmarks: it counts requests, keeps small objects, and discards other bytes at the least cost:
in the kernel, unless it serves TLS."""
