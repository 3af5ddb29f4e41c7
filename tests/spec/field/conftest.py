"""One server for all of them."""

from __future__ import annotations

from tests.support import sites

site = sites.on_s3("site")
"""Everything as it comes, with S3's smallest parts."""
