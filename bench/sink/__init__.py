"""An S3 that discards bytes at the least cost, in the kernel, and counts requests."""
