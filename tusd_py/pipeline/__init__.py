"""Bytes in motion, owned by nobody yet: buffers, budgets, digests. Knows nothing of uploads or S3."""
