"""S3: the only room that knows buckets, parts and ETags. botocore stops at its door."""
