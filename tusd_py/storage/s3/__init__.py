"""The adapter of `ports.storage` for S3; its package `api` makes the requests."""
