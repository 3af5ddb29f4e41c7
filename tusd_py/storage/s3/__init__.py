"""The adapter for S3: the only package that knows buckets, parts, ETags and botocore."""
