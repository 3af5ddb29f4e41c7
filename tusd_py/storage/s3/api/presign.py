"""Requests signed for others to send: SigV4 in the query of a URL, and in the fields of a form (POST policy).

S3 API Reference, "Authenticating Requests: Using Query Parameters" and "Browser-Based Uploads Using POST".
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from botocore.auth import S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from tusd_py.domain.upload import Signed
from tusd_py.storage.s3.api.requests import Credentials
from tusd_py.storage.s3.api.signing import encoded, escaped


class Presigner:
    """Signs for one bucket. `base` is the bucket's URL as clients see it."""

    def __init__(self, *, bucket: str, base: str, region: str, credentials: Credentials) -> None:
        self.bucket = bucket
        self._base = base.rstrip("/")
        self._region = region
        self._credentials = credentials

    async def url(
        self,
        method: str,
        key: str,
        lifetime: float,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """The URL for a request with exactly these (`headers` have to be sent along)."""
        asked = f"?{encoded(query)}" if query else ""
        url = f"{self._base}/{escaped(key)}{asked}"
        request = AWSRequest(method=method, url=url, headers=dict(headers or {}))
        S3SigV4QueryAuth(await self._credentials(), "s3", self._region, expires=int(lifetime)).add_auth(request)
        return str(request.url)

    async def form(self, key: str, lifetime: float, fields: Mapping[str, str], least: int, most: int) -> Signed:
        """A form with exactly these fields, and a file of `least` to `most` bytes."""
        chosen = {**fields, "key": key, "bucket": self.bucket}
        request = AWSRequest(method="POST", url=f"{self._base}/")  # uppy < 6.3 adds the key to the URL as it is
        request.context["s3-presign-post-fields"] = chosen
        request.context["s3-presign-post-policy"] = {
            "expiration": f"{datetime.fromtimestamp(time.time() + lifetime, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "conditions": [{name: value} for name, value in chosen.items()] + [["content-length-range", least, most]],
        }
        S3SigV4PostAuth(await self._credentials(), "s3", self._region).add_auth(request)
        return Signed(url=request.url, fields=chosen)
