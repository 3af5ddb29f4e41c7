"""The server of the tests with clients in the field."""

from __future__ import annotations

from tests.support import sites

site = sites.on_s3("site")
"""Default settings, on S3 with the smallest parts that S3 allows."""
